"""What kind of file a path is."""

from __future__ import annotations

import pytest

from selfheal.retrieval.kinds import is_code, is_test, prior


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/helpers.py", True),
        ("shop/tests/data.py", True),
        ("testing/test_cart.py", True),
        ("shop/cart_test.py", True),
        ("shop/conftest.py", True),
        ("django/test/client.py", False),
        ("xarray/testing.py", False),
        ("shop/contest.py", False),
    ],
)
def test_tests_are_told_by_their_path(path: str, *, expected: bool) -> None:
    assert is_test(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        "docs/conf.py",
        "examples/cart.py",
        "setup.py",
        "pip/_vendor/rich/table.py",
        "shop/wire_pb2.py",
        "shop/migrations/0001_initial.py",
        "web/cart.js",
    ],
)
def test_what_is_seldom_meant_counts_for_less(path: str) -> None:
    assert prior(path, main=".py") < prior("shop/cart.py", main=".py") == 1


def test_only_code_is_looked_into() -> None:
    assert is_code("a.py")
    assert is_code("web/app.tsx")
    assert not is_code("README.md")
    assert not is_code("Makefile")
