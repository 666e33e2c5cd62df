"""A map shows what the repository turns on, within its number of tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.codegraph.landmarks import Outline, outline_of
from selfheal.codegraph.names import Namespaces
from selfheal.codegraph.parse import facts_of
from selfheal.codegraph.ranking import page_rank
from selfheal.codegraph.source import Modules
from selfheal.codegraph.terrain import terrain_of

FILES = {
    "app/__init__.py": "from app.core import Core\n",
    "app/core.py": (
        "class Core(Base):\n    def run(self, a, *, b=1): pass\n    def _inner(self): pass\n"
    ),
    "app/one.py": "from app import Core\ndef one(): Core().run(1)\n",
    "app/two.py": "import app.core as c\ndef two(): c.Core()\n",
    "app/alone.py": "def alone(): pass\n",
    "tests/test_one.py": "from app.one import one\ndef test_one(): one()\n",
}


def outline(tokens: int, *focus: str) -> Outline:
    facts = [facts_of(text.encode(), path) for path, text in FILES.items()]
    return outline_of(terrain_of(Namespaces(facts, Modules(FILES))), tokens=tokens, focus=focus)


def test_what_others_use_comes_first_through_reexports_too():
    text = outline(20).text()

    assert text.startswith("app/core.py\n    1 class Core(Base)\n")
    assert "test_one" not in text


def test_a_symbol_has_its_line_its_signature_and_its_depth():
    assert "    2   def run(self, a, *, b)\n" in outline(1000).text()


def test_with_a_focus_it_is_what_these_files_use_that_counts():
    plain, focused = outline(1000), outline(1000, "tests/test_one.py")

    def rank(found: Outline, name: str) -> float:
        return next(one.rank for one in found.landmarks if one.fq_name == name)

    assert rank(focused, "app.one.one") > rank(plain, "app.one.one")


@pytest.mark.parametrize("tokens", [1, 10, 20, 50, 1000])
def test_a_map_is_never_longer_than_asked(tokens):
    found = outline(tokens)

    assert found.tokens <= tokens
    assert len(found.text()) <= 4 * tokens


@given(
    st.dictionaries(
        st.sampled_from("abcde"), st.dictionaries(st.sampled_from("abcde"), st.floats(0.1, 9))
    )
)
def test_page_rank_shares_out_the_whole(weights):
    ranks = page_rank("abcde", weights)

    assert sum(ranks.values()) == pytest.approx(1)
    assert all(rank > 0 for rank in ranks.values())


def test_page_rank_begins_where_it_is_told():
    line = {"a": {"b": 1.0}, "b": {"c": 1.0}}

    assert page_rank("abcd", line, {"a": 1.0})["d"] == 0
    assert page_rank("abcd", line)["d"] > 0
    assert page_rank("", {}) == {}


def test_only_the_proportions_of_weights_count_to_the_last_digit():
    others = "bcdefghijklm"
    uneven, even = dict.fromkeys(others, 1.1), dict.fromkeys(others, 1.0)

    # Sums that are rounded at each step, as those of Python 3.11, would differ here.
    assert page_rank(f"a{others}", {"a": uneven}) == page_rank(f"a{others}", {"a": even})
