"""EV-2: the prompt of the Planning Agent, from a request, within bounds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from selfheal.contracts.evolution import (
    CommitMetric,
    CommitPlanningContext,
    PlanningAgentRequest,
)
from selfheal.contracts.planning_answer import PLANNING_OUTPUT_SCHEMA
from selfheal.llm.prompt import load_prompt
from selfheal.llm.untrusted import untrusted

# The goal and what is wanted come from whoever asks, and are cut much later than a commit's texts.
_WANTED = 5


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt with its values; `name` is that of its file with the version, as "evolve@1"."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much of a commit is shown: characters of a text, entries of a list."""

    text_chars: int
    list_entries: int


def render(request: PlanningAgentRequest, bounds: Bounds) -> Rendered:
    """The prompt for this request; a cold start has a frame of its own, without inspirations."""
    prompt = load_prompt("evolve_cold" if request.cold_start else "evolve")
    wanted = Bounds(text_chars=bounds.text_chars * _WANTED, list_entries=bounds.list_entries)
    fields = {
        "goal": _plain(request.goal, wanted),
        "constraints": _bullets(request.constraints, wanted, none="none were given"),
        "acceptance_criteria": _bullets(
            request.acceptance_criteria, wanted, none="none but the goal"
        ),
        "hint": _hint(request.iteration_hint, wanted),
        "base": untrusted(_commit(request.base, bounds), "base commit"),
        "inspirations": _inspirations(request.inspirations, bounds),
        "schema": json.dumps(PLANNING_OUTPUT_SCHEMA),
    }
    return Rendered(prompt.name, prompt.render(**fields))


def _hint(hint: str, bounds: Bounds) -> str:
    if not hint:
        return "No hint was given for this iteration."
    return f"Hint for this iteration: {_plain(hint, bounds)}"


def _inspirations(commits: tuple[CommitPlanningContext, ...], bounds: Bounds) -> str:
    if not commits:
        return "There is none yet: nothing but the base is known."
    return "\n\n".join(
        untrusted(_commit(one, bounds), "commit") for one in commits[: bounds.list_entries]
    )


def _commit(commit: CommitPlanningContext, bounds: Bounds) -> str:
    return "\n".join(_lines(commit, bounds))


def _lines(commit: CommitPlanningContext, bounds: Bounds) -> Iterator[str]:
    yield f"commit {_plain(commit.commit_hash, bounds)}"
    yield f"summary: {_inset(commit.summary, bounds) or 'nothing is known of what it does'}"
    if commit.highlights:
        yield "highlights:"
        yield _bullets(commit.highlights, bounds, none="")
    judged = _inset(commit.evaluation_summary, bounds)
    yield f"evaluation: {judged or 'nobody has judged it in words'}"
    yield "metrics:"
    metrics = [_metric(metric) for metric in commit.metrics]
    yield _bullets(metrics, bounds, none="nothing was measured at this commit")
    if commit.extra_context:
        extra = json.dumps(commit.extra_context, ensure_ascii=False)
        yield f"further: {_plain(extra, bounds)}"


def _metric(metric: CommitMetric) -> str:
    unit = f" {metric.unit}" if metric.unit else ""
    better = "higher" if metric.higher_is_better else "lower"
    meaning = f": {metric.summary}" if metric.summary else ""
    return f"{metric.name} = {metric.value:g}{unit} ({better} is better){meaning}"


def _bullets(texts: Iterable[str], bounds: Bounds, *, none: str) -> str:
    said = [text for text in texts if text.strip()]
    if not said:
        return f"- {none}"
    shown = [f"- {_inset(text, bounds)}" for text in said[: bounds.list_entries]]
    left = len(said) - len(shown)
    return "\n".join([*shown, *([f"- [{left} more are left out]"] if left else [])])


def _inset(text: str, bounds: Bounds) -> str:
    """The text with its further lines inset, so that none looks like a line of ours."""
    return "\n  ".join(line for line in _plain(text, bounds).split("\n") if line.strip())


def _plain(text: str, bounds: Bounds) -> str:
    """The text, as long as it may be."""
    left = len(text.strip()) - bounds.text_chars
    if left <= 0:
        return text.strip()
    return f"{text.strip()[: bounds.text_chars]} [{left} characters are left out]"
