"""How a call to a model ended, in a word: on its row, in counters, in reports."""

from __future__ import annotations

from typing import Literal

CallOutcome = Literal[
    # The model spoke.
    "answered",
    "cached",
    "refusal",
    "cut",
    "empty",
    # The endpoint spoke.
    "busy",
    "failed",
    "denied",
    "not_found",
    "not_offered",
    "bad_request",
    "too_long",
    "garbled",
    # It did not, or not to the end.
    "unreachable",
    "dropped",
    "broken_off",
    "slow",
    "late",
    "stopped",
]
"""What each means for retries, the circuit and the bill stands in `selfheal.llm.outcomes`."""
