"""Where definitions begin and end, and what chunks they give."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from selfheal.codegraph.parse import facts_of_text
from selfheal.retrieval.sketch import (
    LONGEST_CHUNK,
    docstring,
    signature,
    sketch_of,
    without_imports,
)

SOURCE = '''"""Carts."""

from shop.tax import (
    rate,  # in percent
    Table,
)
import os, sys

LIMIT = 3


class Cart:
    """What is bought.

    def not_a_method(self):
    """

    size = 0

    @property
    def total(self) -> int:
        """The price of all."""
        text = """
def nor_this():
"""
        return len(text)

    async def send(
        self,
    ):
        def inner():
            pass

    # a comment that is indented less does not end it
        return inner


def cheapest(prices):
    return min(prices)
'''


def test_definitions_are_those_that_the_parser_finds() -> None:
    found = sketch_of(SOURCE).definitions

    parsed = facts_of_text(SOURCE, "cart.py").definitions
    assert [(one.qualname, one.kind) for one in found] == [
        (one.qualname, "function" if one.qualname.endswith("inner") else one.kind) for one in parsed
    ]
    outer = [(o, p) for o, p in zip(found, parsed, strict=True) if o.kind != "function"]
    assert all(one.end_line == other.span.end_line for one, other in outer)
    assert [one.line for one in found] == [one.span.line for one in parsed]


def test_imports_are_found_with_their_names() -> None:
    assert sketch_of(SOURCE).imports == (
        ("shop.tax", ("rate", "Table")),
        ("os", ()),
        ("sys", ()),
    )
    assert "rate" not in without_imports(SOURCE)
    assert without_imports(SOURCE).count("\n") == SOURCE.count("\n")


def test_chunks_are_functions_heads_of_classes_and_the_rest_of_the_module() -> None:
    assert [one.qualname for one in sketch_of(SOURCE).chunks] == [
        "",
        "Cart",
        "Cart.total",
        "Cart.send",
        "cheapest",
    ]


def test_a_long_function_is_cut_where_a_statement_begins() -> None:
    block = "    if True:\n        x = (\n            1\n        )\n"
    source = "def long():\n" + block * 50

    chunks = sketch_of(source).chunks

    assert len(chunks) > 1
    assert {chunk.qualname for chunk in chunks} == {"long"}
    lines = source.split("\n")
    assert all(lines[chunk.line - 1].startswith("    if") for chunk in chunks[1:])


def test_signature_and_docstring_are_of_the_definition() -> None:
    text = '@decorated\ndef total(self) -> int:\n    """The price of all.\n\n    More."""\n'

    assert signature(text) == "def total(self) -> int:"
    assert docstring(text) == "The price of all."


@given(st.text(alphabet="def clasx:()\n \t#\"'@\\", max_size=400))
def test_every_line_that_says_something_is_in_one_chunk(source: str) -> None:
    covered = [
        line for chunk in sketch_of(source).chunks for line in range(chunk.line, chunk.end_line + 1)
    ]

    said = [n for n, line in enumerate(source.split("\n"), 1) if line.strip()]
    assert len(covered) == len(set(covered))
    assert set(said) <= set(covered)
    assert all(c.end_line - c.line <= LONGEST_CHUNK for c in sketch_of(source).chunks)
