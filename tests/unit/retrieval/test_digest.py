"""What is kept of a blob."""

from __future__ import annotations

import pytest

from selfheal.retrieval.digest import decoded, digest_of

BLOB = b"from shop import tax\n\ndef total(cart):\n    return cart + cart\n"


def test_a_digest_survives_being_kept() -> None:
    made = digest_of(BLOB, "shop/cart.py")

    kept = decoded(made.encoded())

    assert kept.sections == made.sections
    assert [one.qualname for one in kept.defining("total")] == ["total"]
    assert kept.imports == (("shop", ("tax",)),)


def test_words_are_counted_by_chunk_and_imports_are_not_words_of_a_file() -> None:
    digest = digest_of(BLOB, "shop/cart.py")

    ((chunk, count),) = digest.chunks_with("cart")
    assert (digest.chunks[chunk].qualname, count) == ("total", 3)
    assert not digest.has("tax")
    assert digest.chunks_with("pear") == ()


def test_every_word_is_given_with_its_chunks() -> None:
    digest = digest_of(BLOB + "größe = 1\n_x = Größe\n".encode(), "shop/cart.py")

    words = dict(digest.each_word())

    assert {"cart", "total", "größe"} <= words.keys()
    assert {word: digest.chunks_with(word) for word in words} == words
    counts = [times for chunks in words.values() for _, times in chunks]
    assert sum(counts) == digest.words


@pytest.mark.parametrize("blob", [b"", b"\0\1\2", b"\xff\xfe", b"# coding: nonsense\n"])
def test_what_is_no_text_has_no_words(blob: bytes) -> None:
    digest = digest_of(blob, "a.py")

    assert digest.words == 0
    assert [*digest.each_word()] == []


def test_something_else_is_no_digest() -> None:
    with pytest.raises(ValueError, match="sections"):
        decoded(b"{}")
