"""The backend `codex` against a program that behaves as the Codex CLI documents (EV-7)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from selfheal.contracts.evolution import CommitPlanningContext, PlanningAgentRequest
from selfheal.contracts.planning_answer import PLANNING_OUTPUT_SCHEMA
from selfheal.errors import (
    Cancelled,
    EnvironmentUnusable,
    InvalidRepository,
    InvalidSettings,
    PlanningError,
)
from selfheal.planning.backends.choose import backend_of
from selfheal.planning.backends.program import OUTPUT_BYTES
from selfheal.planning.evolution import PlanningAgent
from selfheal.redaction import Redactor
from selfheal.settings import EvolutionSettings
from tests.acceptance.projects import Project
from tests.acceptance.terminal import processes_with
from tests.integration.planning.scripted import ANSWER, PROGRAM, ScriptedCodex, answer

REQUEST = PlanningAgentRequest(
    base=CommitPlanningContext(commit_hash="a" * 40), goal="the cheapest price is right"
)


def agent(codex: ScriptedCodex, *, check: Callable[[], object] = lambda: None, **chosen: object):
    """A planning agent that asks this codex; `chosen` are further settings."""
    settings = EvolutionSettings.model_validate(
        {
            "codex_bin": str(PROGRAM),
            "timeout_seconds": 60,
            **chosen,
            "extra_env": {**codex.environment, "API_TOKEN": "much-too-secret"},
        }
    )
    redact = Redactor([("API_TOKEN", "much-too-secret")]).redact
    backend = backend_of("codex", settings, model=None, redact=redact)
    return PlanningAgent(backend, settings, check=check)


def test_the_final_message_is_the_plan_though_an_earlier_one_fits_the_schema(codex, shop) -> None:
    codex.says(
        {
            "thoughts": [answer(plan_summary="a first thought")],
            "final": answer(plan_summary="the last word"),
            "stderr": "thinking with much-too-secret",
        }
    )

    response = agent(codex).plan(REQUEST, working_dir=shop.folder)

    assert response.plan.summary == "the last word"
    assert json.loads(response.raw_output) == {**ANSWER, "plan_summary": "the last word"}
    assert (response.attempts, response.duration_seconds > 0) == (1, True)
    assert "thinking with <secret:" in response.stderr
    (call,) = codex.calls
    assert call["prompt"] == response.prompt
    assert [*response.command[1:]] == call["arguments"]


def test_it_is_run_read_only_with_the_schema_and_next_to_nothing_of_our_environment(
    codex, shop, monkeypatch
) -> None:
    monkeypatch.setenv("SOME_PASSWORD", "hunter2-hunter2")
    codex.says({"final": answer()})

    agent(codex, codex_profile="planner").plan(REQUEST, working_dir=shop.folder)

    (call,) = codex.calls
    said = call["arguments"]
    assert (said[0], said[-1]) == ("exec", "-")
    assert said[said.index("--sandbox") + 1] == "read-only"
    assert said[said.index("--profile") + 1] == "planner"
    assert call["schema"] == PLANNING_OUTPUT_SCHEMA
    assert Path(call["folder"]) == shop.folder
    assert "SOME_PASSWORD" not in call["environment"]
    assert call["environment"]["API_TOKEN"] == "much-too-secret"
    assert call["environment"]["HOME"] == os.environ["HOME"]


def test_a_schema_of_ones_own_is_handed_over_as_it_is(codex, shop, tmp_path) -> None:
    own = tmp_path / "own.json"
    own.write_text('{"type": "object"}')
    codex.says({"final": answer()})

    agent(codex, schema_path=own).plan(REQUEST, working_dir=shop.folder)

    assert codex.calls[0]["schema"] == {"type": "object"}


@pytest.mark.parametrize("content", [None, "[]", "no json"])
def test_a_schema_that_cannot_be_read_is_told_before_anything_is_run(
    codex, shop, tmp_path, content: str | None
) -> None:
    own = tmp_path / "own.json"
    if content is not None:
        own.write_text(content)

    with pytest.raises(InvalidSettings, match=r"evolution\.schema_path"):
        agent(codex, schema_path=own).plan(REQUEST, working_dir=shop.folder)

    assert codex.calls == []


def test_a_program_that_is_not_there_is_named_once_with_what_helps(codex, shop) -> None:
    with pytest.raises(
        EnvironmentUnusable, match=r"no program no-codex.*WORKER_PLANNING_CODEX_BIN"
    ):
        agent(codex, codex_bin="no-codex").plan(REQUEST, working_dir=shop.folder)


def _plain_folder(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (lambda folder: _plain_folder(folder / "plain"), "not inside a git repository"),
        (lambda folder: folder / "nowhere", "does not exist"),
        (lambda folder: folder / "shop" / "shop" / "cart.py", "is a file"),
        (lambda folder: folder / "shop" / ".git", "bare repository or the inside of one"),
    ],
)
def test_where_there_is_no_work_tree_nothing_is_run(
    codex, shop: Project, tmp_path, place: Callable[[Path], Path], said: str
) -> None:
    codex.says({"final": answer()})

    with pytest.raises(InvalidRepository, match=said):
        agent(codex).plan(REQUEST, working_dir=place(tmp_path))

    assert codex.calls == []


def test_when_the_time_is_over_its_whole_group_is_killed_and_it_is_tried_again(codex, shop) -> None:
    codex.says({"hang": True}, {"hang": True})

    with pytest.raises(PlanningError) as failed:
        agent(codex, timeout_seconds=1, max_attempts=2).plan(REQUEST, working_dir=shop.folder)

    assert failed.value.backend == "codex"
    assert failed.value.tried == "1: no answer within 1 s; 2: no answer within 1 s"
    assert processes_with(codex.record) == []


def test_who_is_told_to_stop_kills_it_too(codex, shop) -> None:
    codex.says({"hang": True})

    def check() -> None:
        if codex.calls:
            raise Cancelled("somebody cancelled it")

    with pytest.raises(Cancelled):
        agent(codex, check=check).plan(REQUEST, working_dir=shop.folder)

    assert processes_with(codex.record) == []


@pytest.mark.parametrize("final", [None, " \n"])
def test_success_without_an_answer_is_a_failure_whatever_was_said_before(
    codex, shop, final: str | None
) -> None:
    turn = {"thoughts": [answer()], "final": final, "stderr": "no command could be run"}
    codex.says(turn, turn)

    with pytest.raises(PlanningError, match=r"status 0 and no answer: .*no command could be run"):
        agent(codex, max_attempts=2).plan(REQUEST, working_dir=shop.folder)

    assert len(codex.calls) == 2


def test_an_answer_of_a_program_that_failed_does_not_count(codex, shop) -> None:
    turn = {"final": answer(), "status": 1, "stderr": "401 for much-too-secret"}
    codex.says(turn)

    with pytest.raises(PlanningError, match="status 1 and no answer: 401 for <secret:") as failed:
        agent(codex, max_attempts=1).plan(REQUEST, working_dir=shop.folder)

    assert "much-too-secret" not in str(failed.value)


def test_what_breaks_the_schema_is_told_and_asked_for_again(codex, shop) -> None:
    cycle = [{**ANSWER["steps"][0], "dependencies": ["cheapest"]}]
    codex.says(
        {"final": "I think that"},
        {"final": answer(surprise=1)},
        {"final": answer(steps=cycle)},
        {"final": f"```json\n{answer()}\n```"},
    )

    with capture_logs() as logs:
        response = agent(codex, max_attempts=4).plan(REQUEST, working_dir=shop.folder)

    assert response.attempts == 4
    prompts = [call["prompt"] for call in codex.calls]
    assert prompts[0] == response.prompt
    assert "I think that" in prompts[1]
    assert "surprise" in prompts[2]
    assert "cheapest -> cheapest" in prompts[3]
    assert all(prompt.startswith(response.prompt) for prompt in prompts)
    warned = [line for line in logs if line["log_level"] == "warning"]
    assert [line["action"] for line in warned] == ["evolution.no_plan"] * 3


def test_a_flood_of_output_stops_nothing_and_is_cut(codex, shop) -> None:
    codex.says({"final": answer(), "flood": 4 << 20})

    response = agent(codex).plan(REQUEST, working_dir=shop.folder)

    assert response.plan.steps
    assert OUTPUT_BYTES < len(response.stderr) < OUTPUT_BYTES + 100
