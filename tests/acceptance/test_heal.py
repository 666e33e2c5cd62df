"""`selfheal heal`: a branch in the user's repository, and nothing else of it is touched."""

from __future__ import annotations

import pytest

from tests.acceptance.projects import BEYOND_SMALL_EDITS, BROKEN, BROKEN_CART, SHOP


def test_a_defect_is_healed_with_nothing_running_or_configured(terminal, project) -> None:
    shop = project(BROKEN)
    before = shop.state()

    said = terminal.run("heal", shop.folder)

    assert said.status == 0, said.err
    assert "DONE: " in said.out
    branch = said.out.partition("branch: ")[2].split()[0]
    assert "min(prices)" in shop.git("show", f"{branch}:shop/cart.py")
    assert shop.refs() == {"refs/heads/main", f"refs/heads/{branch}"}
    assert shop.state() == before


@pytest.mark.slow
def test_uncommitted_work_is_named_and_left_alone(farm, project) -> None:
    shop = project(BROKEN)
    shop.write({"shop/cart.py": f"{BROKEN_CART}\n# half a thought\n", "notes.txt": "mine\n"})
    before = shop.state()

    said = farm.run("heal", shop.folder, "--json")

    assert said.status == 0, said.err
    assert "warning: 2 uncommitted files are left out" in said.err
    assert shop.state() == before
    assert len(said.out.splitlines()) == 1
    report = said.report
    assert (report.state, report.cause) == ("DONE", "landed")
    assert report.before.failing == ("tests/test_cart.py::test_cheapest",)
    assert report.after.failing == ()
    assert shop.git("rev-parse", report.landed_branch) == report.landed_sha
    healed = shop.git("show", f"{report.landed_sha}:shop/cart.py")
    assert "min(prices)" in healed
    assert "half a thought" not in healed


@pytest.mark.slow
def test_an_uncommitted_defect_is_healed_on_request(farm, project) -> None:
    shop = project(SHOP)
    shop.write({"shop/cart.py": BROKEN_CART, "notes.txt": "mine\n"})
    before = shop.state()

    said = farm.run("heal", shop.folder, "--include-dirty", "--json")

    assert said.status == 0, said.err
    assert "warning" not in said.err
    assert said.report.before.failing == ("tests/test_cart.py::test_cheapest",)
    branch = said.report.landed_branch
    assert "min(prices)" in shop.git("show", f"{branch}:shop/cart.py")
    assert shop.git("show", f"{branch}:notes.txt") == "mine"
    assert shop.state() == before


@pytest.mark.slow
def test_apply_checks_the_branch_out_where_the_tree_is_clean(farm, project) -> None:
    shop = project(BROKEN)
    main = shop.git("rev-parse", "main")

    said = farm.run("heal", shop.folder, "--apply", "--json")

    assert said.status == 0, said.err
    assert shop.git("symbolic-ref", "--short", "HEAD") == said.report.landed_branch
    assert (shop.folder / "shop" / "cart.py").read_text() == SHOP["shop/cart.py"]
    assert shop.git("status", "--porcelain") == ""
    assert shop.git("rev-parse", "main") == main


def test_apply_refuses_a_dirty_tree_before_it_does_anything(terminal, project) -> None:
    shop = project(BROKEN)
    shop.write({"notes.txt": "mine\n"})
    before = shop.state()

    said = terminal.run("heal", shop.folder, "--apply")

    assert said.status == 5
    assert "--apply needs a clean tree" in said.complaint
    assert "notes.txt" in said.complaint
    assert shop.state() == before
    assert shop.refs() == {"refs/heads/main"}
    assert not terminal.run_folder.exists()


@pytest.mark.slow
def test_a_detached_head_is_healed_where_it_is(farm, project) -> None:
    shop = project(BROKEN)
    shop.git("checkout", "--quiet", "--detach")
    shop.git("branch", "--quiet", "--delete", "--force", "main")
    before = shop.state()

    said = farm.run("heal", shop.folder, "--json")

    assert said.status == 0, said.err
    branch = said.report.landed_branch
    assert "min(prices)" in shop.git("show", f"{branch}:shop/cart.py")
    assert shop.refs() == {f"refs/heads/{branch}"}
    assert shop.state() == before


@pytest.mark.parametrize("inside", ["", "shop"])
def test_green_tests_are_nothing_to_do(farm, project, inside: str) -> None:
    shop = project(SHOP)

    said = farm.run("heal", shop.folder / inside)

    assert said.status == 0, said.err
    assert "nothing to do" in said.out
    assert shop.refs() == {"refs/heads/main"}


@pytest.mark.slow
def test_a_recipe_is_carried_out_on_a_branch(farm, project) -> None:
    shop = project(SHOP)
    before = shop.state()

    said = farm.run(
        "heal", shop.folder, "--recipe", "rename_symbol:shop.cart.total=sum_of", "--json"
    )

    assert said.status == 0, said.err
    report = said.report
    assert (report.state, report.cause) == ("DONE", "landed")
    assert "sum_of: done; no test newly fails, 3 pass" in report.reason
    assert "def sum_of(prices" in shop.git("show", f"{report.landed_sha}:shop/cart.py")
    tests = shop.git("show", f"{report.landed_sha}:tests/test_cart.py")
    assert "from shop.cart import cheapest, sum_of" in tests
    assert "assert sum_of([1000, 500]) == 1500" in tests
    assert shop.state() == before


@pytest.mark.slow
def test_what_no_small_edit_mends_ends_with_a_reason(farm, project) -> None:
    roman = project(BEYOND_SMALL_EDITS)
    before = roman.state()

    said = farm.run("heal", roman.folder, "--budget", "3", "--json")

    assert said.status == 4, said.err
    report = said.report
    assert (report.state, report.cause) == ("FAILED", "no_fix")
    assert report.reason
    assert report.landed_branch == ""
    assert roman.refs() == {"refs/heads/main"}
    assert roman.state() == before
