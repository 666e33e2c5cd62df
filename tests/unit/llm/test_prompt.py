"""Prompt files: their version, their values."""

from __future__ import annotations

from pathlib import Path

import pytest

import selfheal.llm
from selfheal.llm.prompt import load_prompt, read_prompt

FOLDER = Path(selfheal.llm.__file__).parent / "prompts"


def test_a_prompt_is_named_with_its_version_and_takes_values() -> None:
    prompt = read_prompt("plan", "version: 12\n\nPlan $goal for $$5.\n")

    assert prompt.name == "plan@12"
    assert prompt.render(goal="more $tests") == "Plan more $tests for $5.\n"


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="goal"):
        read_prompt("plan", "version: 1\n\nPlan $goal.").render(other=1)


def test_a_file_without_a_version_is_an_error() -> None:
    with pytest.raises(ValueError, match="prompt plan: the first line"):
        read_prompt("plan", "Plan $goal.")


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.md")))
def test_every_prompt_that_ships_can_be_loaded(name: str) -> None:
    assert load_prompt(name).name.startswith(f"{name}@")
