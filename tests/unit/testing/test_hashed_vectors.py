"""Vectors of texts, by hashing their words."""

from __future__ import annotations

import math

import pytest

from selfheal.testing.embeddings import hashed_vector


def likeness(one: str, other: str) -> float:
    return sum(
        a * b for a, b in zip(hashed_vector(one, 256), hashed_vector(other, 256), strict=True)
    )


def test_a_vector_has_its_dimension_and_length_one() -> None:
    vector = hashed_vector("the total of a cart", 64)

    assert len(vector) == 64
    assert math.hypot(*vector) == pytest.approx(1)


def test_a_text_without_a_word_is_nowhere() -> None:
    assert set(hashed_vector(" - ", 8)) == {0.0}


def test_texts_that_share_words_are_nearer_than_others() -> None:
    assert likeness("the cart's total", "Total of the cart") > likeness("the cart's total", "login")
    assert likeness("the same", "The SAME") == pytest.approx(1)
