"""Settings of the planning agent by the names that they have elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfheal.errors import InvalidInput, InvalidSettings
from selfheal.flows.evolve import goal_of
from selfheal.settings import EVOLUTION_VARIABLES, EvolutionSettings, load_settings


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in EVOLUTION_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_each_of_them_is_read_when_settings_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "WORKER_EVOLUTION_GLOBAL_GOAL": "twice as fast",
        "WORKER_PLANNING_CODEX_BIN": "/opt/codex",
        "WORKER_PLANNING_CODEX_PROFILE": "planner",
        "WORKER_PLANNING_SCHEMA_PATH": "/etc/schema.json",
        "WORKER_PLANNING_MAX_ATTEMPTS": "5",
        "WORKER_PLANNING_TIMEOUT_SECONDS": "12.5",
        "WORKER_PLANNING_EXTRA_ENV": '{"CODEX_API_KEY": "secret-key"}',
    }.items():
        monkeypatch.setenv(name, value)

    chosen = load_settings().evolution

    assert chosen.global_goal == "twice as fast"
    assert (chosen.codex_bin, chosen.codex_profile) == ("/opt/codex", "planner")
    assert chosen.schema_path == Path("/etc/schema.json")
    assert (chosen.max_attempts, chosen.timeout_seconds) == (5, 12.5)
    assert chosen.extra_env == {"CODEX_API_KEY": "secret-key"}
    assert "secret-key" not in repr(chosen)


def test_the_farms_own_name_of_a_setting_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_PLANNING_MAX_ATTEMPTS", "5")
    monkeypatch.setenv("WORKER_PLANNING_CODEX_BIN", "theirs")
    monkeypatch.setenv("SELFHEAL_EVOLUTION__MAX_ATTEMPTS", "2")

    chosen = load_settings().evolution

    assert (chosen.max_attempts, chosen.codex_bin) == (2, "theirs")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("WORKER_PLANNING_MAX_ATTEMPTS", "0", "evolution.max_attempts"),
        ("WORKER_PLANNING_BACKEND", "oracle", "evolution.backend"),
        ("WORKER_PLANNING_EXTRA_ENV", "A=b", "evolution.extra_env"),
    ],
)
def test_a_wrong_value_is_told_with_its_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(InvalidSettings, match=said):
        load_settings()


def test_the_goal_is_the_jobs_own_else_the_one_for_all() -> None:
    for_all = EvolutionSettings(global_goal="for all")

    assert goal_of("its own", for_all) == "its own"
    assert goal_of(None, for_all) == "for all"
    with pytest.raises(InvalidInput, match="WORKER_EVOLUTION_GLOBAL_GOAL"):
        goal_of(" ", EvolutionSettings())
