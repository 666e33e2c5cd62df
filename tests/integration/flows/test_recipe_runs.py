"""Mechanical requests through the whole farm in one process: planned, judged, landed."""

from __future__ import annotations

import pytest

from selfheal.workspace.git import Git

SHOP = {
    "shop/__init__.py": 'from shop.tax import tax\n\n__all__ = ["tax"]\n',
    "shop/tax.py": (
        '"""Tax."""\n\nimport os\n\n\n'
        "def tax(net: int) -> int:\n    # tax is a fifth\n    return net * 20 // 100\n"
    ),
    "shop/cart.py": (
        "from shop.tax import tax\n\n\n"
        "class Cart:\n"
        "    def total(self, net: int) -> int:\n        return net + tax(net)\n"
    ),
    "tests/conftest.py": (
        "import pytest\n\nfrom shop.cart import Cart\n\n\n"
        "@pytest.fixture\ndef cart() -> Cart:\n    return Cart()\n"
    ),
    "tests/test_tax.py": (
        "import shop\nfrom shop.tax import tax\n\n\n"
        "def test_a_fifth():\n    assert tax(1000) == shop.tax(1000) == 200\n\n\n"
        "def test_red():\n    assert tax(1) == 7\n"
    ),
    "tests/test_cart.py": (
        "def test_total(cart):\n    assert cart.total(1000) == 1200\n\n\n"
        "def test_by_name(cart):\n    assert getattr(cart, 'total')(0) == 0\n"
    ),
}


def _files(origin, sha: str, *paths: str) -> list[str]:
    return [Git(origin).text("show", f"{sha}:{path}") for path in paths]


def _recipe(kind: str, **fields: object) -> dict[str, object]:
    return {
        "context": {"recipe": {"kind": kind, **fields}},
        "description": kind,
        "acceptance_criteria": (),
    }


def test_a_function_is_renamed_with_its_tests_though_one_test_is_red(
    one_process_farm, repository
) -> None:
    origin = repository(SHOP)

    report = one_process_farm.heal(
        origin, **_recipe("rename_symbol", symbol="shop.tax.tax", to="vat")
    )

    assert (report.state, report.cause) == ("DONE", "landed"), report.reason
    assert report.before.failing == report.after.failing == ("tests/test_tax.py::test_red",)
    tax, package, cart, tests = _files(
        origin,
        report.landed_sha,
        "shop/tax.py",
        "shop/__init__.py",
        "shop/cart.py",
        "tests/test_tax.py",
    )
    assert "def vat(net" in tax
    assert "# tax is a fifth" in tax
    assert package == 'from shop.tax import vat\n\n__all__ = ["vat"]'
    assert "from shop.tax import vat" in cart
    assert "return net + vat(net)" in cart
    assert "assert vat(1000) == shop.vat(1000) == 200" in tests
    result = report.results[0]
    assert (len(report.results), result.verdict) == (1, "passes")
    assert {"shop.tax.tax", "shop.tax.vat", "shop.cart.Cart.total"} <= set(result.touched_symbols)
    assert any("tests/test_tax.py" in note for note in result.notes)


@pytest.mark.slow
def test_a_rename_that_a_string_still_speaks_of_ends_with_the_tests_and_the_place(
    one_process_farm, repository
) -> None:
    origin = repository(SHOP)

    report = one_process_farm.heal(
        origin, **_recipe("rename_symbol", symbol="shop.cart.Cart.total", to="sum_up")
    )

    assert (report.state, report.cause) == ("FAILED", "no_fix")
    assert "test_by_name" in report.reason
    assert any("1 strings that say total, or" in warning for warning in report.warnings)
    assert "tests/test_cart.py:6" in "".join(report.warnings)
    assert report.landed_branch == ""


@pytest.mark.slow
def test_a_method_is_renamed_in_what_a_fixture_gives_and_in_conftest(
    one_process_farm, repository
) -> None:
    files = {**SHOP, "tests/test_cart.py": "def test_total(cart):\n    assert cart.total(5) == 6\n"}
    conftest = SHOP["tests/conftest.py"].replace(
        "return Cart()", "c = Cart()\n    c.total(0)\n    return c"
    )
    origin = repository({**files, "tests/conftest.py": conftest})

    report = one_process_farm.heal(
        origin, **_recipe("rename_symbol", symbol="shop.cart.Cart.total", to="sum_up")
    )

    assert report.state == "DONE", report.reason
    tests, shared = _files(origin, report.landed_sha, "tests/test_cart.py", "tests/conftest.py")
    assert "cart.sum_up(5)" in tests
    assert "c.sum_up(0)" in shared


def test_unused_imports_go(one_process_farm, repository) -> None:
    origin = repository(SHOP)

    report = one_process_farm.heal(origin, **_recipe("remove_unused_imports"))

    assert (report.state, report.cause) == ("DONE", "landed"), report.reason
    assert "import os" not in _files(origin, report.landed_sha, "shop/tax.py")[0]
    assert report.results[0].diff_stat.files == 1


@pytest.mark.slow
def test_an_import_is_added_once(one_process_farm, repository) -> None:
    origin = repository(SHOP)
    wish = _recipe("add_import", path="shop/cart.py", module="decimal", name="Decimal")

    report = one_process_farm.heal(origin, **wish)

    assert (report.state, report.cause) == ("DONE", "landed"), report.reason
    cart = _files(origin, report.landed_sha, "shop/cart.py")[0]
    assert cart.startswith("from decimal import Decimal\n\nfrom shop.tax import tax\n")
    again = one_process_farm.heal(origin, branch=report.landed_branch, **wish)
    assert (again.state, again.cause) == ("DONE", "nothing_to_do")
    assert "has `from decimal import Decimal` already" in again.reason


def test_a_repository_without_tests_is_formatted_and_the_report_says_what_backs_it(
    one_process_farm, repository
) -> None:
    origin = repository({"a.py": "x   = 1\n", "b.py": "y = 2\n", "setup.py": "z   = 1\n"})

    report = one_process_farm.heal(origin, **_recipe("format"))

    assert (report.state, report.cause) == ("DONE", "landed"), report.reason
    assert "has no tests" in report.reason
    assert _files(origin, report.landed_sha, "a.py", "setup.py") == ["x = 1", "z   = 1"]
    assert [result.verdict for result in report.results] == ["none"]
    assert any("setup.py was left" in warning for warning in report.warnings)


def test_what_does_not_fit_the_code_ends_with_the_reason(one_process_farm, repository) -> None:
    report = one_process_farm.heal(
        repository(SHOP), **_recipe("rename_symbol", symbol="shop.tax.vat", to="levy")
    )

    assert (report.state, report.cause) == ("FAILED", "no_fix")
    assert "shop.tax has no vat" in report.reason
    assert "shop/tax.py defines tax" in report.next_step
