"""Which files a text is about."""

from __future__ import annotations

import pytest

from selfheal.codegraph.places import rank_files, words_of
from selfheal.codegraph.source import LoadedTree

TREE = LoadedTree(
    {
        "shop/cart.py": b"def cheapest_price(prices):\n    return min(prices)\n",
        "shop/tax.py": b"class TaxTable:\n    def rate_of(self, country):\n        return 20\n",
        "tests/test_cart.py": b"def test_cheapest_price():\n    assert cheapest_price([1]) == 1\n",
        "shop/broken.py": b"def \xff\xfe(:\n",
        "README.md": b"cheapest price of all",
    }
)


@pytest.mark.parametrize(
    ("text", "path", "symbol"),
    [
        ("The cheapest price is wrong", "shop/cart.py", "cheapest_price (line 1)"),
        ("wrong in cheapestPrice()", "shop/cart.py", "cheapest_price (line 1)"),
        ("the rate for a country without a table", "shop/tax.py", "TaxTable.rate_of (line 2)"),
    ],
)
def test_the_file_that_shares_rare_words_comes_first(text: str, path: str, symbol: str) -> None:
    first = rank_files(TREE, text)[0]

    assert first.path == path
    assert symbol in first.symbols


def test_tests_come_after_what_they_test() -> None:
    assert [one.path for one in rank_files(TREE, "cheapest")] == [
        "shop/cart.py",
        "tests/test_cart.py",
    ]


def test_nothing_is_named_where_nothing_is_shared() -> None:
    assert rank_files(TREE, "Please fix the code") == ()
    assert rank_files(LoadedTree({}), "cheapest") == ()


def test_identifiers_count_by_their_parts() -> None:
    assert {"http", "server", "error", "httpservererror"} <= set(words_of("HTTPServerError"))
    assert {"max", "retry", "count"} <= set(words_of("max_retry_count"))
