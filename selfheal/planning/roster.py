"""The roster of arms: who they are, where their SubTasks go, what they can do."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from pydantic import Field, TypeAdapter, ValidationError

from selfheal.contracts.decomposition import ARMS, Arm
from selfheal.contracts.document import Value
from selfheal.contracts.names import Pool
from selfheal.errors import InvalidSettings


class ArmEntry(Value):
    """One arm of the roster. `usual_seconds` and `cost_tier` serve where no model guesses."""

    pool: Pool
    does: tuple[str, ...] = Field(min_length=1)
    cost_tier: int = Field(ge=1, le=5)
    usual_seconds: int = Field(ge=1)
    verifies: bool = Field(default=False, description="its word counts as a check of the others'")


_ENTRIES = TypeAdapter(dict[Arm, ArmEntry])


@dataclass(frozen=True, slots=True)
class Roster:
    """Every arm there is."""

    entries: Mapping[Arm, ArmEntry]

    def __getitem__(self, arm: Arm) -> ArmEntry:
        return self.entries[arm]

    def pool_of(self, arm: Arm) -> Pool:
        """Where SubTasks of `arm` go."""
        return self.entries[arm].pool

    def described(self) -> str:
        """One line for each arm, as a prompt shows them."""
        return "\n".join(f"- {arm}: {'; '.join(self.entries[arm].does)}" for arm in ARMS)


def load_roster() -> Roster:
    """The roster that ships in `config/arms.toml`; raises InvalidSettings naming what is wrong."""
    return read_roster(files("selfheal").joinpath("config", "arms.toml").read_text("utf-8"))


def read_roster(document: str) -> Roster:
    """The roster in a TOML document: exactly the arms that the contract knows."""
    try:
        entries = _ENTRIES.validate_python(tomllib.loads(document))
    except (ValidationError, tomllib.TOMLDecodeError) as error:
        raise InvalidSettings(f"the roster of arms cannot be read: {error}") from error
    if missing := [arm for arm in ARMS if arm not in entries]:
        raise InvalidSettings(f"the roster of arms lacks {', '.join(missing)}")
    return Roster(entries)
