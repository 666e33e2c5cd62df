"""A message that nobody could take is written down."""

from __future__ import annotations

from selfheal.contracts.dead_letter import DeadLetter
from selfheal.flows.farm import Farm
from selfheal.store import dead_letters


def set_aside(farm: Farm, letter: DeadLetter) -> None:
    """Write the letter down; repeating it counts."""
    with farm.database.begin() as connection:
        dead_letters.put(connection, letter)
