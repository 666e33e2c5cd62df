"""Who is asked for answers, as settings and a few well-known variables say."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfheal.errors import InvalidSettings
from selfheal.flows.connect import redactor_of
from selfheal.llm.chain import choices, endpoints
from selfheal.settings import REPLAY_URL, load_settings

HOME = {"base_url": "http://home/v1", "model": "big"}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MOCK_LLM", "PLANNER_MODEL", "CODING_MODEL", "SELFHEAL_CONFIG", "SELFHEAL_LLM"):
        monkeypatch.delenv(name, raising=False)


def test_without_an_endpoint_nobody_is_asked() -> None:
    assert endpoints(load_settings().llm) == ()


def test_models_are_named_by_well_known_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANNER_MODEL", "thinker")
    monkeypatch.setenv("CODING_MODEL", "writer")

    llm = load_settings(llm=HOME).llm

    assert choices(llm, "plan", "moderate")[0].model == "thinker"
    assert choices(llm, "draft", "moderate")[0].model == "writer"


def test_a_setting_goes_before_a_variable_of_everybody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "selfheal.toml"
    file.write_text('[llm]\nbase_url = "http://home/v1"\nmodel = "big"\nplanner_model = "ours"\n')
    monkeypatch.setenv("SELFHEAL_CONFIG", str(file))
    monkeypatch.setenv("PLANNER_MODEL", "thinker")

    assert load_settings().llm.planner_model == "ours"
    monkeypatch.setenv("SELFHEAL_LLM__PLANNER_MODEL", "mine")
    assert load_settings().llm.planner_model == "mine"


def test_no_key_leaves_a_machine_that_says_mock_llm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCK_LLM", "1")
    monkeypatch.setenv("SELFHEAL_LLM__BASE_URL", "https://api.example.com/v1")
    monkeypatch.setenv("SELFHEAL_LLM__API_KEY", "sk-real-and-expensive")
    monkeypatch.setenv(
        "SELFHEAL_LLM__FALLBACKS", '[{"name": "b", "base_url": "http://b/v1", "model": "m"}]'
    )

    (endpoint,) = endpoints(load_settings().llm)

    assert (endpoint.name, endpoint.base_url) == ("replay", REPLAY_URL)
    assert endpoint.api_key is not None
    assert endpoint.api_key.get_secret_value() == "replay"


def test_a_mock_that_is_off_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCK_LLM", "0")

    assert load_settings(llm=HOME).llm.base_url == "http://home/v1"


@pytest.mark.parametrize(
    ("llm", "told"),
    [
        ({"base_url": "http://home/v1"}, "a base_url needs a model"),
        ({"base_url": "home", "model": "big"}, "base_url"),
        ({"fallbacks": [{"name": "b", **HOME}]}, "fallbacks need a base_url"),
        ({**HOME, "fallbacks": [{"name": "primary", **HOME}]}, "a name of its own"),
        ({**HOME, "prices": {"big": (-1.0, 2.0)}}, "a price is 0 or more"),
    ],
)
def test_a_chain_that_cannot_work_is_refused(llm: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidSettings, match=told):
        load_settings(llm=llm)


def test_keys_are_redacted_and_the_replay_servers_is_an_ordinary_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = {"name": "spare", **HOME, "api_key": "spare-key-value"}
    redactor = redactor_of(
        load_settings(llm={**HOME, "api_key": "first-key-value", "fallbacks": [other]})
    )

    said = redactor.redact("first-key-value spare-key-value replay")

    assert "key-value" not in said
    assert "LLM_API_KEY" in said
    assert "SPARE_API_KEY" in said
    monkeypatch.setenv("MOCK_LLM", "1")
    assert redactor_of(load_settings()).redact("we replay it") == "we replay it"
