"""Words of code and prose."""

from __future__ import annotations

import pytest

from selfheal.retrieval.words import counted, weighed, words_in


@pytest.mark.parametrize(
    ("identifier", "words"),
    [
        ("HTTPServerError", {"httpservererror", "http", "server", "error"}),
        ("max_retry_count", {"max_retry_count", "max", "retry", "count"}),
        ("_private", {"privat"}),
        ("self", set()),
    ],
)
def test_an_identifier_counts_whole_and_by_its_parts(identifier: str, words: set[str]) -> None:
    assert set(words_in(identifier)) == words


@pytest.mark.parametrize(
    ("one", "other"),
    [("duplicates", "duplicate"), ("parsing", "parse"), ("entries", "entry"), ("cropped", "crop")],
)
def test_plurals_and_tenses_are_the_same_word(one: str, other: str) -> None:
    assert words_in(one) == words_in(other)


def test_a_path_is_words_and_data_is_none() -> None:
    assert counted("shop/cart_view.py")["cart"] == 1
    assert counted("A" * 500) == {}


def test_weights_of_texts_add_up() -> None:
    assert weighed({"cart": 3.0, "cart total": 1.0}) == {"cart": 4.0, "total": 1.0}
