"""Values of named tuples come back as they went, whatever fields they have."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.codegraph.facts import FileFacts
from selfheal.codegraph.parse import facts_of
from selfheal.index.columns import Columns


class Leaf(NamedTuple):
    name: str
    weight: float
    chain: tuple[str, ...] = ()


class Tree(NamedTuple):
    kind: Literal["big", "small"]
    known: bool
    count: int
    leaf: Leaf
    leaves: tuple[Leaf, ...] = ()
    chains: tuple[tuple[str, ...], ...] = ()
    note: str | None = None


class Unknown(NamedTuple):
    when: complex


LEAVES = st.builds(Leaf, st.text(), st.floats(allow_nan=False), st.tuples(st.text(), st.text()))
TREES = st.builds(
    Tree,
    st.sampled_from(["big", "small"]),
    st.booleans(),
    st.integers(),
    LEAVES,
    st.lists(LEAVES).map(tuple),
    st.lists(st.lists(st.text()).map(tuple)).map(tuple),
    st.none() | st.text(),
)


@given(TREES)
def test_a_value_comes_back_as_it_went(tree: Tree) -> None:
    columns = Columns(Tree)

    assert columns.unpack(columns.pack(tree)) == tree


def test_the_facts_of_this_projects_own_files_come_back() -> None:
    columns = Columns(FileFacts)
    for file in sorted(Path(__file__).parents[3].joinpath("selfheal", "codegraph").glob("*.py")):
        facts = facts_of(file.read_bytes(), file.name)

        assert columns.unpack(columns.pack(facts)) == facts


def test_a_type_without_a_column_is_told_when_the_columns_are_made() -> None:
    with pytest.raises(TypeError, match="no column is known for"):
        Columns(Unknown)
