"""The roster of arms: the file that ships, and what is refused of another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfheal.contracts.decomposition import ARMS
from selfheal.errors import InvalidSettings
from selfheal.planning.roster import load_roster, read_roster

FILE = Path(__file__).parents[3] / "config" / "arms.toml"


def test_the_roster_that_ships_names_every_arm_and_its_pool() -> None:
    roster = load_roster()

    assert {arm: roster.pool_of(arm) for arm in ARMS} == {
        "planner": "planning",
        "retriever": "retrieval",
        "coder": "coding",
        "executor": "executing",
        "judge": "checking",
        "guardian": "guarding",
    }
    assert all(f"- {arm}: " in roster.described() for arm in ARMS)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("[judge]", "[plumber]", "plumber"),
        ('pool = "guarding"', 'pool = "nowhere"', "guardian.pool"),
        ("usual_seconds = 300", "usual_seconds = 0", "coder.usual_seconds"),
        ("[judge]", "[judge", "cannot be read"),
    ],
)
def test_a_roster_with_a_mistake_is_refused(old: str, new: str, why: str) -> None:
    document = FILE.read_text(encoding="utf-8").replace(old, new)

    with pytest.raises(InvalidSettings, match=why):
        read_roster(document)


def test_a_roster_without_an_arm_is_refused() -> None:
    document = FILE.read_text(encoding="utf-8").partition("[guardian]")[0]

    with pytest.raises(InvalidSettings, match="lacks guardian"):
        read_roster(document)
