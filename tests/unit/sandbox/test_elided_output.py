from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from selfheal.sandbox.output import Elided

chunks = st.lists(st.text("abc\n", max_size=40).map(str.encode), max_size=30)


@given(chunks, st.integers(min_value=1, max_value=60))
def test_what_is_kept_is_the_beginning_and_the_end(parts: list[bytes], limit: int) -> None:
    kept = Elided(limit)

    for part in parts:
        kept.add(part)

    whole = b"".join(parts).decode()
    half = max(limit // 2, 1)
    missing = len(whole) - 2 * half
    if missing > 0:
        expected = f"{whole[:half]}\n[{missing} bytes elided]\n{whole[-half:]}"
    else:
        expected = whole
    assert kept.text() == expected
    assert kept.seen == len(whole)


def test_bytes_that_are_no_text_are_shown_as_replacements() -> None:
    kept = Elided(10)

    kept.add(b"a\xffb")

    assert kept.text() == "a\ufffdb"
