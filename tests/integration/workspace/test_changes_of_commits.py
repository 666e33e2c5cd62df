"""What commits said and changed."""

from __future__ import annotations

from pathlib import Path

from git_origins import Origin

from selfheal.workspace.objects import Change
from selfheal.workspace.repository import commit_at


def test_changes_come_newest_first_without_merges_and_without_the_first_commit(
    origin: Origin,
) -> None:
    fixed = origin.commit({"app.py": "fixed\n", "new\nline.txt": "x"}, "Fix it\n\nFor good.")
    origin.git("checkout", "--quiet", "-b", "side", "HEAD^")
    side = origin.commit({"side.py": "x"}, "Aside")
    origin.git("checkout", "--quiet", "main")
    origin.git("merge", "--quiet", "-m", "Merge", "side")
    empty = origin.commit({}, "Nothing")
    objects, head = commit_at(origin.folder)

    found = objects.changes(head)

    assert sorted(found, key=lambda change: change.message) == [
        Change(side, "Aside", ("side.py",)),
        Change(fixed, "Fix it\n\nFor good.", ("app.py", "new\nline.txt")),
        Change(empty, "Nothing", ()),
    ]
    assert found[0].sha == empty


def test_what_comes_after_a_commit_is_no_change_before_it(origin: Origin) -> None:
    earlier = origin.commit({"app.py": "1\n"}, "Earlier")
    origin.commit({"app.py": "2\n"}, "Later")
    objects, _ = commit_at(origin.folder)

    assert [change.message for change in objects.changes(earlier)] == ["Earlier"]


def test_changes_are_bounded(origin: Origin) -> None:
    for number in range(5):
        origin.commit({"app.py": f"{number}\n"}, f"Number {number}")
    objects, head = commit_at(origin.folder)

    found = objects.changes(head, limit=2)

    assert [change.message for change in found] == ["Number 4", "Number 3"]


def test_where_a_shallow_clone_ends_nothing_was_changed(origin: Origin, tmp_path: Path) -> None:
    origin.commit({"app.py": "1\n"}, "Cut off here")
    last = origin.commit({"app.py": "2\n"}, "Last")
    url = f"file://{origin.folder}"
    origin.git("clone", "--quiet", "--depth=2", url, str(tmp_path / "shallow"))
    objects, head = commit_at(tmp_path / "shallow")

    assert objects.changes(head) == (Change(last, "Last", ("app.py",)),)
