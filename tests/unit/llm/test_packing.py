"""What of a context fits into a prompt."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from selfheal.llm.packing import CHARACTERS_PER_TOKEN, Piece, pack

LINES = "\n".join(f"line {number}" for number in range(100))


def test_what_fits_stays_as_it_is_and_in_its_order() -> None:
    pieces = (Piece(title="a", text="x", value=1), Piece(title="b", text="y", value=2))

    assert pack(pieces, tokens=1000) == pieces


def test_the_most_useful_gets_its_room_first() -> None:
    little, much = Piece(title="a", text=LINES, value=1), Piece(title="b", text=LINES, value=2)

    packed = pack((little, much), tokens=len(LINES) // CHARACTERS_PER_TOKEN + 10)

    assert packed == (much,)


def test_a_piece_is_cut_at_the_end_of_a_line_and_says_so() -> None:
    (packed,) = pack((Piece(title="a", text=LINES),), tokens=100)

    *kept, last = packed.text.split("\n")
    assert kept == LINES.split("\n")[: len(kept)]
    assert last == f"[{100 - len(kept)} more lines]"


def test_what_is_needed_comes_before_what_is_useful_and_keeps_its_end() -> None:
    failure = Piece(title="failure", text=LINES, needed=True)

    packed = pack((Piece(title="file", text=LINES, value=9), failure), tokens=120)

    assert [piece.title for piece in packed] == ["failure"]
    assert packed[0].text.startswith("line 0\n")
    assert packed[0].text.endswith("\nline 99")


pieces = st.builds(
    Piece,
    title=st.sampled_from(["a", "bb"]),
    text=st.lists(st.text("ab \t", max_size=30), max_size=40).map("\n".join),
    value=st.floats(0, 10),
    needed=st.booleans(),
)


@given(st.lists(pieces, max_size=6), st.integers(50, 3000))
def test_a_prompt_keeps_to_its_budget_and_every_kept_line_is_whole(
    given_pieces: list[Piece], tokens: int
) -> None:
    packed = pack(given_pieces, tokens=tokens)

    assert sum(len(piece.text) for piece in packed) <= tokens * CHARACTERS_PER_TOKEN
    assert sum(piece.needed for piece in packed) == sum(piece.needed for piece in given_pieces)
    known = {line for piece in given_pieces for line in piece.text.split("\n")}
    for piece in packed:
        lines = piece.text.split("\n")
        assert all(line in known or line.endswith(" more lines]") or not line for line in lines)
