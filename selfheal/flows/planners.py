"""Who makes the Plan of a request that is no recipe: the evidence, a model, or both in turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from selfheal.checks.baseline import Baseline
from selfheal.checks.target import Target
from selfheal.codegraph.source import SourceTree, is_python, source_text
from selfheal.contracts.change_request import SUITE_PASSES, ChangeRequest
from selfheal.contracts.plan import Plan, PlanWarning
from selfheal.errors import (
    BudgetSpent,
    InvalidAnswer,
    InvalidInput,
    ModelUnavailable,
    SelfhealError,
)
from selfheal.flows.attempting import Running
from selfheal.index.snapshot import Snapshot
from selfheal.llm.packing import Piece
from selfheal.planning.evidence import plan_from_faults
from selfheal.planning.outline import outline
from selfheal.planning.request import Matter, plan_by_model
from selfheal.repair.engine import localise
from selfheal.repair.faults import Fault, cluster_faults
from selfheal.repair.task import RepairTask
from selfheal.retrieval.search import Retrieval
from selfheal.store import events
from selfheal.store.plans import PlanRow
from selfheal.workspace.mirror import Mirror
from selfheal.workspace.worktree import Worktree

_MOST_FAILURES = 5
_MOST_FILES = 8
_MOST_CHUNKS, _ALPHA = 8, 0.3
"""RP-1."""
_WHOLE_FILE_LINES = 200


@dataclass(frozen=True, kw_only=True)
class Case:
    """A request at its base commit: what is wanted, and what the tests say there."""

    running: Running
    row: PlanRow
    request: ChangeRequest
    mirror: Mirror
    tree: Worktree
    target: Target
    baseline: Baseline
    wanted: tuple[str, ...]

    @property
    def is_shown_by_tests(self) -> bool:
        """Whether green tests are all that is wanted; after a landing nothing else is left."""
        shown = self.request.failing_tests or self.request.traceback
        only_tests = bool(shown) or SUITE_PASSES in self.request.acceptance_criteria
        return only_tests or self.row.number > 1

    @property
    def is_for_a_model(self) -> bool:
        """Whether a model is asked first."""
        farm = self.running.farm
        chosen = farm.settings.planning.planner
        if farm.models is None or chosen == "evidence":
            return False
        return chosen == "model" or not self.is_shown_by_tests


def make_plan(case: Case) -> Plan:
    """RP-2 or RP-5. A plan without steps says in its rationale or warnings why.

    A model that cannot be used is no end as long as tests show what is wanted: then the plan comes
    from them, with a warning. And where they lead nowhere, a model may know more.
    """
    if not case.is_for_a_model:
        made = _from_evidence(case, _faults(case))
        may_ask = case.running.farm.models and case.running.farm.settings.planning.planner == "auto"
        return made if made.steps or not may_ask else _by_model_or(made, case)
    if not case.wanted:
        return _by_model(case, faults=())
    faults = _faults(case)
    try:
        return _by_model(case, faults=faults)
    except (ModelUnavailable, InvalidAnswer, BudgetSpent) as error:
        _note(case, f"planned from evidence: {error}")
        return _warned(_from_evidence(case, faults), error)


def _by_model_or(made: Plan, case: Case) -> Plan:
    try:
        return _by_model(case, faults=())
    except (ModelUnavailable, InvalidAnswer, BudgetSpent) as error:
        _note(case, f"planned from evidence: {error}")
        return _warned(made, error)


def _warned(made: Plan, error: SelfhealError) -> Plan:
    warning = PlanWarning(code="MODEL_UNAVAILABLE", message=f"planned from evidence: {error}")
    return made.model_copy(update={"warnings": (*made.warnings, warning)})


def _note(case: Case, *texts: str) -> None:
    """Into the request's timeline."""
    running = case.running
    for text in texts:
        with running.step() as connection:
            events.record(
                connection,
                case.request.id,
                who=running.farm.worker,
                kind="note",
                token=running.attempt.token,
                why=text,
            )


def _faults(case: Case) -> tuple[Fault, ...]:
    """Run the failing tests traced, rank places, group the tests by what they point to."""
    running = case.running
    localisation = localise(
        RepairTask(
            worktree=case.tree.folder,
            python=case.target.python,
            sandbox=running.farm.sandbox,
            pytest_args=case.target.pytest_args,
            environment=case.target.environment_in(case.tree.folder),
            failing=case.wanted,
            budget_seconds=running.farm.settings.coding.budget_seconds,
            stop=running.stopping,
        )
    )
    return tuple(fault for fault in cluster_faults(localisation) if fault.suspects)


def _from_evidence(case: Case, faults: tuple[Fault, ...]) -> Plan:
    """RP-5: one step per independent fault."""
    explained = {test for fault in faults for test in fault.failing}
    return plan_from_faults(
        case.request,
        faults,
        plan_id=case.row.id,
        base_sha=case.tree.base,
        unexplained=tuple(test for test in case.wanted if test not in explained),
    )


def _by_model(case: Case, *, faults: tuple[Fault, ...]) -> Plan:
    running = case.running
    models = running.farm.models
    assert models is not None, "nobody plans by a model that is not configured"
    tree = Snapshot.at(case.mirror, case.tree.base).holding(is_python)
    matter = Matter(
        request=case.request,
        tree=tree,
        base_sha=case.tree.base,
        wanted=case.wanted,
        faults=faults,
        shown_by_tests=case.is_shown_by_tests,
        pieces=tuple(_pieces(case, tree, faults)),
        context_tokens=running.farm.settings.planning.context_tokens,
    )
    model = models.on_behalf_of(case.request.id, attempt_id=running.attempt.id, check=running.check)
    heard = plan_by_model(matter, model, plan_id=case.row.id)
    _note(case, *(f"a plan was sent back to the model: {fault}" for fault in heard.faults))
    return heard.value


def _pieces(case: Case, tree: SourceTree, faults: tuple[Fault, ...]) -> Iterator[Piece]:
    """RP-1: what failed and who is suspected, then files by what they share with the request."""
    request = case.request
    if request.traceback:
        yield Piece(title="Traceback", text=request.traceback, needed=True)
    for test in case.wanted[:_MOST_FAILURES]:
        if failure := case.baseline.failures.get(test):
            said = failure.detail or f"{failure.type}: {failure.message}"
            yield Piece(title=f"Why {test} fails", text=said, value=90)
    suspects = [suspect for fault in faults for suspect in fault.suspects]
    if suspects:
        lines = [f"{one.path}:{one.line} {one.qualname} ({one.why})" for one in suspects]
        yield Piece(title="Suspected by the failing tests", text="\n".join(lines), value=95)
    said = "\n".join((request.description, request.traceback, *request.acceptance_criteria))
    search = case.running.farm.retrieval(case.mirror, case.tree.base, request_id=request.id)
    found = search.locate(said, limit=_MOST_FILES)
    if found.functions:
        lines = [f"{one.path} {one.qualname}" for one in found.functions]
        yield Piece(title="Functions nearest to the request", text="\n".join(lines), value=70)
    named = (*request.affected_paths, *(suspect.path for suspect in suspects))
    paths = list(dict.fromkeys((*named, *(file.path for file in found.files))))[:_MOST_FILES]
    for rank, path in enumerate(paths):
        yield _file(tree, path, value=60 - rank)
    yield from _chunks(search, request.description)
    yield Piece(title="All files", text="\n".join(tree.paths()), value=10)


def _chunks(search: Retrieval, description: str) -> Iterator[Piece]:
    """Code that speaks of the same; after the files, which may have been cut to an outline."""
    chunks = search.hybrid_search(description, k=_MOST_CHUNKS, alpha=_ALPHA).chunks
    snippets = search.snippet(chunk.id for chunk in chunks)
    for rank, (chunk, snippet) in enumerate(zip(chunks, snippets, strict=True)):
        title = f"{chunk.symbol or 'Lines'} in {chunk.path}, lines {chunk.line}-{chunk.end_line}"
        yield Piece(title=title, text=snippet.text, value=50 - rank)


def _file(tree: SourceTree, path: str, *, value: float) -> Piece:
    try:
        text = source_text(tree.read(path) or b"")
    except InvalidInput:
        text = ""
    if text.count("\n") > _WHOLE_FILE_LINES:
        return Piece(title=f"Outline of {path}", text=outline(text), value=value)
    return Piece(title=f"File {path}", text=text, value=value)
