"""The backend `openai`: a conversation with a Model until a plan can be read."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from selfheal.contracts.evolution import CommitPlanningContext, PlanningAgentRequest
from selfheal.contracts.planning_answer import PlanningAnswer
from selfheal.errors import (
    EnvironmentUnusable,
    InvalidAnswer,
    InvalidInput,
    ModelUnavailable,
    PlanningError,
)
from selfheal.llm.model import Answer, Question
from selfheal.planning.backends.choose import backend_of
from selfheal.planning.evolution import PlanningAgent
from selfheal.settings import EvolutionSettings
from tests.integration.planning.scripted import ANSWER, answer

REQUEST = PlanningAgentRequest(base=CommitPlanningContext(commit_hash="a" * 40), goal="better")


@dataclass
class Scripted:
    """Says one thing after the other; an error is raised."""

    says: list[str | Exception]
    asked: list[Question] = field(default_factory=list)

    def ask(self, question: Question) -> Answer:
        self.asked.append(question)
        said = self.says.pop(0)
        if isinstance(said, Exception):
            raise said
        return Answer(text=said, provider="script", model="script")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    return tmp_path


def agent(model: Scripted, said: list[str] | None = None, **chosen: object) -> PlanningAgent:
    settings = EvolutionSettings.model_validate({"timeout_seconds": 42, **chosen})
    backend = backend_of("openai", settings, model=model, redact=str)
    return PlanningAgent(backend, settings, progress=[].append if said is None else said.append)


def test_the_model_is_asked_for_the_form_within_the_time_of_a_try(checkout) -> None:
    model = Scripted([answer()])

    response = agent(model).plan(REQUEST, working_dir=str(checkout))

    assert response.plan.summary == ANSWER["plan_summary"]
    assert (response.attempts, response.command, response.stderr) == (1, (), "")
    (question,) = model.asked
    assert (question.purpose, question.prompt) == ("evolve", "evolve@1")
    assert question.form is PlanningAnswer
    assert question.deadline_seconds == 42
    assert question.messages[0].content == response.prompt


def test_what_was_wrong_is_told_until_it_is_right(checkout) -> None:
    said: list[str] = []
    nothing = answer(steps=[{**ANSWER["steps"][0], "files": []}])
    model = Scripted([InvalidAnswer("refusal", "it would rather not"), nothing, answer()])

    response = agent(model, said).plan(REQUEST, working_dir=checkout)

    assert response.attempts == 3
    turns = [(turn.role, turn.content) for turn in model.asked[2].messages]
    assert [role for role, _ in turns] == ["user", "user", "assistant", "user"]
    assert "it would rather not" in turns[1][1]
    assert turns[2][1] == nothing
    assert "at least one step must name the files" in turns[3][1]
    assert "openai plans, try 3 of 3" in said


def test_after_the_last_try_each_of_them_is_told(checkout) -> None:
    outside = answer(steps=[{**ANSWER["steps"][0], "files": ["/etc/passwd"]}])
    model = Scripted(["{}", outside, answer()])

    with pytest.raises(PlanningError) as failed:
        agent(model, max_attempts=2).plan(REQUEST, working_dir=checkout)

    assert failed.value.backend == "openai"
    assert "1: plan_summary: Field required" in failed.value.tried
    assert "2: steps.0.files: " in failed.value.tried
    assert "/etc/passwd" in failed.value.tried
    assert len(model.says) == 1


def test_a_model_that_is_away_is_not_asked_again(checkout) -> None:
    model = Scripted([ModelUnavailable("nobody answered"), answer()])

    with pytest.raises(ModelUnavailable):
        agent(model).plan(REQUEST, working_dir=checkout)

    assert len(model.says) == 1


def test_a_backend_is_chosen_by_a_name_that_is_known() -> None:
    with pytest.raises(InvalidInput, match="expected codex or openai, found 'oracle'"):
        backend_of("oracle", EvolutionSettings(), model=None, redact=str)
    with pytest.raises(EnvironmentUnusable, match="no model endpoint is configured"):
        backend_of("openai", EvolutionSettings(), model=None, redact=str)
