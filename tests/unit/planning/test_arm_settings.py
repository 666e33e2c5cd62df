"""`PLANNER_` settings: read from the environment, checked at once, once for the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from selfheal.errors import InvalidSettings
from selfheal.planning.arm_settings import PlannerSettings, read_settings


def test_the_defaults_are_those_of_the_specification() -> None:
    settings = PlannerSettings()

    assert settings.planning_temperature == 0.3
    assert settings.max_tokens == 2_000
    assert (settings.min_plan_steps, settings.max_plan_steps) == (3, 7)
    assert settings.timeout_seconds == 10
    assert settings.cors_origins == ()


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("PLANNER_PLANNING_TEMPERATURE", "3", "PLANNER_PLANNING_TEMPERATURE: .*less than"),
        ("PLANNER_MAX_TOKENS", "many", "PLANNER_MAX_TOKENS: .*integer"),
        ("PLANNER_MAX_PLAN_STEPS", "3", "PLANNER_MAX_PLAN_STEPS"),
        ("PLANNER_TIMEOUT_SECONDS", "0", "PLANNER_TIMEOUT_SECONDS"),
        ("PLANNER_CORS_ORIGINS", '["*"]', "names each origin"),
        ("PLANNER_CORS_ORIGINS", "https://a.example", "PLANNER_"),
        ("PLANNER_MODEL", "x", "PLANNER_MODEL: unknown; there are .*PLANNER_LLM_MODEL"),
    ],
)
def test_a_wrong_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(InvalidSettings, match=why):
        read_settings()


def test_variables_are_read_and_the_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANNER_OPENAI_API_KEY", "very-secret")
    monkeypatch.setenv("PLANNER_LLM_MODEL", "small")
    monkeypatch.setenv("PLANNER_CORS_ORIGINS", '["https://a.example"]')

    settings = read_settings()

    assert settings.llm_model == "small"
    assert settings.cors_origins == ("https://a.example",)
    assert "very-secret" not in repr(settings)


def test_the_settings_of_a_process_are_read_once() -> None:
    script = (
        "import os; from selfheal.planning.arm_settings import get_settings;"
        "first = get_settings(); os.environ['PLANNER_MAX_TOKENS'] = '500';"
        "print(get_settings() is first)"
    )
    run = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True)

    assert run.stdout.strip() == "True", run.stderr
