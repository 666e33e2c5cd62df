"""The scripted codex beside this file: what it is to say, and how it was called."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("codex")

ANSWER: dict[str, Any] = {
    "plan_summary": "the cart is right about the cheapest price",
    "rationale": "max is the wrong function",
    "focus_metrics": ["tests_passed"],
    "guardrails": ["no test newly fails"],
    "risks": [],
    "validation": ["tests/test_cart.py"],
    "steps": [
        {
            "step_id": "cheapest",
            "title": "Take the smallest price",
            "intent": "cheapest gives the largest one",
            "actions": ["use min in cheapest"],
            "files": ["shop/cart.py"],
            "dependencies": [],
            "validation": ["tests/test_cart.py::test_cheapest passes"],
            "risks": [],
            "references": [],
        }
    ],
    "handoff_notes": [],
    "fallback_plan": None,
}
"""A plan that mends the defect of `projects.BROKEN`."""


def answer(**changes: object) -> str:
    """The answer with other values for some of its fields, as a model writes it."""
    return json.dumps({**ANSWER, **changes})


@dataclass(frozen=True, slots=True)
class ScriptedCodex:
    """One script, and the record of the calls it was played in."""

    folder: Path

    @property
    def script(self) -> Path:
        return self.folder / "script.json"

    @property
    def record(self) -> Path:
        return self.folder / "record.jsonl"

    @property
    def environment(self) -> dict[str, str]:
        """What has to reach the program."""
        return {"CODEX_SCRIPT": str(self.script), "CODEX_RECORD": str(self.record)}

    def says(self, *turns: dict[str, object]) -> None:
        """One turn per call."""
        self.script.write_text(json.dumps(turns))

    @property
    def calls(self) -> list[dict[str, Any]]:
        """How it was called, in turn."""
        if not self.record.exists():
            return []
        return [json.loads(line) for line in self.record.read_text().splitlines()]
