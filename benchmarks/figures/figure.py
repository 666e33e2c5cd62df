"""One line of the benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Ours, and a reference measured in the same run. `reference` is None where there is none."""

    name: str
    ours: float
    unit: str
    goal: str
    reference: float | None = None
    against: str = ""
    better: Literal["lower", "higher"] = "lower"

    @property
    def ratio(self) -> float | None:
        """How many times better ours is."""
        if not self.reference or not self.ours:
            return None
        return self.ours / self.reference if self.better == "higher" else self.reference / self.ours
