"""CodePlanner: a Plan and the tree of its commit in, a TaskBundle out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import uuid5

from selfheal.code_planning.complexity import Cyclomatic, Difficulty, difficulty
from selfheal.code_planning.dependencies import Schedule, Unit, scheduled
from selfheal.code_planning.graphs import Graphs
from selfheal.code_planning.neighbourhood import Subject
from selfheal.code_planning.paths import Lookup, PathResolver, StepPaths, names_of
from selfheal.code_planning.reading import FileReader, IndexedTree
from selfheal.code_planning.skeletons import skeletons_of
from selfheal.code_planning.splitting import parts_of
from selfheal.code_planning.targets import Target, target_of
from selfheal.codegraph.collecting import uncollected
from selfheal.codegraph.graph import CallGraph
from selfheal.codegraph.tests_impact import TestIndex
from selfheal.contracts.bundle import CodingTask, TaskBundle
from selfheal.contracts.plan import Plan, PlanWarning
from selfheal.index.index import Index
from selfheal.index.store import BlobStore
from selfheal.llm.tokens import estimated_tokens


class CodePlanner:
    """Turns plans for one tree into bundles.

    Deterministic: the same plan and the same tree give the same bundle, byte for byte. The tree
    must be that of the plan's `base_commit_sha`. Nothing in it makes this fail: what cannot be
    found or read becomes a warning of the bundle. `lookup` is asked for steps whose path is not in
    the tree. What `index` knows of the tree is not read again, and what it did not know it knows
    afterwards; the same with linked graphs and `graphs`.
    """

    def __init__(
        self,
        tree: IndexedTree,
        index: Index | None = None,
        *,
        lookup: Lookup | None = None,
        graphs: BlobStore | None = None,
    ) -> None:
        self._tree = tree
        self._index = index or Index()
        self._lookup = lookup
        self._graphs = Graphs(graphs)

    def run(self, plan: Plan) -> TaskBundle:
        """The bundle of `plan`: tasks in an order that respects their dependencies."""
        with uncollected():
            # All that was read goes with it, so that the collector finds nothing to look through.
            return _Planning(plan, FileReader(self._tree, self._index)).bundle(
                self._graphs, self._lookup
            )


class _Planning:
    """One plan on its way to a bundle."""

    def __init__(self, plan: Plan, reader: FileReader) -> None:
        self._plan = plan
        self._reader = reader

    def bundle(self, graphs: Graphs, lookup: Lookup | None) -> TaskBundle:
        """The tasks, with what was not as the plan says."""
        plan, resolver = self._plan, PathResolver(self._reader, lookup)
        resolved = [resolver.resolve(step) for step in plan.steps]
        graph = self._graph(resolved, graphs)
        targets = [
            target_of(step, paths.files, graph)
            for step, paths in zip(plan.steps, resolved, strict=True)
        ]
        schedule = scheduled(_units(plan, targets, graph), graph)
        cyclomatic, tests = Cyclomatic(self._reader, graph), TestIndex(graph)
        return TaskBundle(
            plan_id=plan.id,
            tasks=tuple(
                _task(
                    plan,
                    unit,
                    schedule,
                    hard=difficulty(unit.target, graph, cyclomatic),
                    tests=tests,
                    skeletons=skeletons_of(unit.target, graph, self._reader),
                    tokens=self._tokens(unit),
                )
                for unit in schedule.units
            ),
            force_sequential=bool(schedule.cycle),
            warnings=tuple(_warnings(resolved, graph, schedule)),
            base_commit_sha=plan.base_commit_sha,
        )

    def _graph(self, resolved: Iterable[StepPaths], graphs: Graphs) -> CallGraph:
        subjects = [
            Subject(paths.files, tuple(one.fq_name for one in step.symbols), names_of(step))
            for step, paths in zip(self._plan.steps, resolved, strict=True)
        ]
        self._reader.expect(path for subject in subjects for path in subject.files)
        return graphs.around(subjects, self._reader)

    def _tokens(self, unit: Unit) -> int:
        """What a model has to read for the task: its goal and its files."""
        texts = map(self._reader.text, unit.target.files)
        return sum(map(estimated_tokens, (unit.target.step.goal, *texts)))


def _units(plan: Plan, targets: Iterable[Target], graph: CallGraph) -> list[Unit]:
    return [
        Unit(uuid5(plan.id, f"step {target.step.order} part {part}"), part, piece)
        for target in targets
        for part, piece in enumerate(parts_of(target, graph))
    ]


def _task(
    plan: Plan,
    unit: Unit,
    schedule: Schedule,
    *,
    hard: Difficulty,
    tests: TestIndex,
    skeletons: tuple[str, ...],
    tokens: int,
) -> CodingTask:
    step, target = unit.target.step, unit.target
    impacted = tests.reaching(target.roots)
    return CodingTask(
        id=unit.id,
        parent_plan_id=plan.id,
        step_number=step.order,
        goal=step.goal,
        kind=step.kind,
        paths=target.files,
        depends_on=schedule.depends_on[unit.id],
        skeleton_patch=skeletons,
        complexity_label=hard.label,
        complexity_score=hard.score,
        estimated_tokens=tokens,
        base_commit_sha=plan.base_commit_sha,
        reserved_lease_ids=plan.reserved_lease_ids,
        symbols=target.symbols,
        failing_tests=step.test_ids,
        test_ids=tuple(sorted({*impacted, *step.test_ids})),
        spdx_tags=plan.spdx_tags,
        acceptance_criteria=step.acceptance_criteria,
    )


def _warnings(
    resolved: Sequence[StepPaths], graph: CallGraph, schedule: Schedule
) -> Iterable[PlanWarning]:
    for paths in resolved:
        yield from paths.warnings
    for problem in graph.problems:
        message = f"{problem.path}: {problem.reason}; only what could be read of it was used"
        yield PlanWarning(code="UNPARSED_FILE", message=message, path=problem.path)
    if schedule.cycle:
        message = f"the order of steps contradicts itself, so they run one by one: {schedule.cycle}"
        yield PlanWarning(code="CYCLE_BROKEN", message=message)
