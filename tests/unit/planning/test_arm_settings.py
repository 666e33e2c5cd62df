"""`PLANNER_` settings: read from the environment, checked at once, once for the process."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import SecretStr

from selfheal.errors import InvalidSettings
from selfheal.llm.chain import Choice, choices
from selfheal.planning.arm_settings import PlannerSettings, read_settings
from selfheal.settings import LlmSettings, load_settings


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
        ("PLANNER_LLM", "x", "PLANNER_LLM: unknown; there are .*PLANNER_LLM_MODEL"),
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


def test_a_variable_of_the_farm_that_begins_alike_is_none_of_the_arms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PLANNER_MODEL", "large")

    assert read_settings().llm_model == ""
    assert load_settings().llm.planner_model == "large"


FARM = LlmSettings(base_url="http://farm.example/v1", api_key="farms", model="all", name="farm")
"""A farm with a model for everything."""


def test_an_arm_without_a_model_of_its_own_asks_the_farms() -> None:
    assert PlannerSettings().own(FARM) is FARM


def test_an_arms_own_model_and_key_are_asked_where_the_farm_asks() -> None:
    own = PlannerSettings(llm_model="small", openai_api_key="arms").own(FARM)

    assert (own.base_url, own.planner_model) == (FARM.base_url, "small")
    assert own.api_key == SecretStr("arms")
    assert choices(own, "decompose", "moderate") == (Choice("farm", "small"),)


def test_a_key_alone_asks_openai_of_a_farm_without_models() -> None:
    own = PlannerSettings(llm_model="small", openai_api_key="arms").own(LlmSettings())

    assert own.base_url == "https://api.openai.com/v1"
    assert choices(own, "decompose", "moderate") == (Choice("primary", "small"),)


@pytest.mark.parametrize("half", [{"llm_model": "small"}, {"openai_api_key": "arms"}])
def test_half_of_a_model_of_its_own_is_refused_where_the_farm_has_none(
    half: dict[str, Any],
) -> None:
    with pytest.raises(InvalidSettings, match="PLANNER_OPENAI_API_KEY"):
        PlannerSettings(**half).own(LlmSettings())


def test_with_the_replay_server_no_key_leaves_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCK_LLM", "1")
    replay = load_settings().llm

    assert PlannerSettings(llm_model="small", openai_api_key="arms").own(replay) is replay


def test_the_settings_of_a_process_are_read_once() -> None:
    script = (
        "import os; from selfheal.planning.arm_settings import get_settings;"
        "first = get_settings(); os.environ['PLANNER_MAX_TOKENS'] = '500';"
        "print(get_settings() is first)"
    )
    run = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True)

    assert run.stdout.strip() == "True", run.stderr
