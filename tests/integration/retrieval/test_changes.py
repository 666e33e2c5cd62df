"""What earlier commits say of the files that a text is about."""

from __future__ import annotations

from pathlib import Path

import pytest
from shop_origin import Shop

from selfheal.index.store import MemoryStore
from selfheal.retrieval.changes import KIND, MOST_PATHS, NO_CHANGES, changes_before
from selfheal.retrieval.locate import Localiser, Located
from selfheal.workspace.repository import commit_at

LOST = "A parcel is lost"


def located(folder: Path, text: str, rev: str = "HEAD") -> Located:
    objects, sha = commit_at(folder, rev)
    return Localiser.at(objects, sha, MemoryStore()).locate(text)


def test_a_text_like_an_earlier_message_leads_to_what_that_commit_changed(shop: Shop) -> None:
    fix = shop.commit({"shop/orders.py": "class Order:\n    pass\n"}, "Count every parcel twice")

    (found, *others) = located(shop.folder, LOST).files

    assert (found.path, others) == ("shop/orders.py", [])
    assert f"was changed by {fix[:10]} 'Count every parcel twice'" in found.why
    assert "changed 0." in found.why


def test_only_what_led_up_to_the_commit_has_a_say(shop: Shop) -> None:
    shop.commit({"shop/orders.py": "class Order:\n    pass\n"}, "Count every parcel twice")

    assert located(shop.folder, LOST, shop.head).files == ()


def test_of_two_like_files_the_one_changed_lately_comes_first(shop: Shop) -> None:
    shop.commit({"shop/a.py": "parcel = 1\n", "shop/b.py": "parcel = 1\n"}, "x")
    shop.commit({"shop/b.py": "parcel = 2\n"}, "y")

    found = located(shop.folder, LOST).files

    assert [file.path for file in found] == ["shop/b.py", "shop/a.py"]
    assert "recent 0.10" in found[0].why


def test_how_recent_a_change_is_names_no_file_by_itself(shop: Shop) -> None:
    shop.commit({"shop/orders.py": "class Order:\n    pass\n"}, "x")

    assert located(shop.folder, LOST).files == ()


def test_a_sweep_says_nothing_of_any_one_file(shop: Shop) -> None:
    shop.commit({f"shop/m{n}.py": f"{n}\n" for n in range(MOST_PATHS + 1)}, "Add every parcel")

    assert located(shop.folder, LOST).files == ()


def test_a_first_commit_changed_nothing(shop: Shop) -> None:
    objects, sha = commit_at(shop.folder)

    changes = changes_before(objects, sha, MemoryStore())

    assert changes == NO_CHANGES
    assert (changes.like({"price": 1.0}), changes.recent()) == ({}, {})


def test_what_is_kept_is_not_asked_of_git_again(shop: Shop) -> None:
    head = shop.commit({"shop/orders.py": "class Order:\n    pass\n"}, "Count every parcel")
    store = MemoryStore()
    objects, _ = commit_at(shop.folder)
    known = changes_before(objects, head, store)
    shop.git(f"--git-dir={shop.folder}", "update-ref", "refs/heads/main", shop.head)
    shop.git(f"--git-dir={shop.folder}", "reflog", "expire", "--all", "--expire=now")
    shop.git(f"--git-dir={shop.folder}", "gc", "--quiet", "--prune=now")

    again = changes_before(objects, head, store)

    assert again == known
    assert [str(one) for one in again.commits] == [f"{head[:10]} 'Count every parcel'"]
    assert changes_before(objects, head, MemoryStore()) == NO_CHANGES


@pytest.mark.parametrize("kept", [b"", b"nothing of ours"])
def test_what_cannot_be_read_is_found_out_again(shop: Shop, kept: bytes) -> None:
    head = shop.commit({"shop/orders.py": "class Order:\n    pass\n"}, "Count every parcel")
    store = MemoryStore()
    store.put_many(KIND, {head: kept})
    objects, _ = commit_at(shop.folder)

    assert len(changes_before(objects, head, store).commits) == 1
