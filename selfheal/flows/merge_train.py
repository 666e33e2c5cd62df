"""The merge train: commits that were green alone are merged one by one and checked together."""

from __future__ import annotations

from uuid import UUID

import networkx as nx

from selfheal.checks.outcomes import Outcomes
from selfheal.checks.suite import observe_suite
from selfheal.checks.suite_run import SuiteRun
from selfheal.checks.target import Target
from selfheal.checks.verdict import judge
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.document import Value
from selfheal.contracts.run_report import SuiteEvidence
from selfheal.flows import evidence
from selfheal.flows.attempting import Running
from selfheal.store import plans, requests
from selfheal.store.rounds import TaskRow
from selfheal.workspace.merge import Conflict, Merge, merge
from selfheal.workspace.worktree import Worktree


class Refusal(Value):
    """A green commit that did not land, and why."""

    task: UUID
    why: str


class Built(Value):
    """What the train came to. `sha` is `onto` when nothing landed. JSON, so it can be resumed."""

    onto: str
    sha: str
    landed: tuple[UUID, ...] = ()
    refused: tuple[Refusal, ...] = ()
    still_failing: tuple[str, ...] = ()
    evidence: SuiteEvidence


class _Trip:
    """The commits that are on the train, and what each merge came to."""

    def __init__(self, onto: str) -> None:
        self._shas = [onto]
        self.aboard: list[TaskRow] = []
        self.refused: list[Refusal] = []

    @property
    def sha(self) -> str:
        """Where the train stands."""
        return self._shas[-1]

    def add(self, task: TaskRow, outcome: str | Refusal) -> None:
        """One more commit, or one that may not come."""
        if isinstance(outcome, Refusal):
            self.refused.append(outcome)
        else:
            self.aboard.append(task)
            self._shas.append(outcome)

    def take_off_last(self, why: str) -> None:
        """The last commit has to leave."""
        self._shas.pop()
        self.refused.append(Refusal(task=self.aboard.pop().id, why=why))


class MergeTrain:
    """One landing, in a worktree of its own."""

    def __init__(
        self, running: Running, request: ChangeRequest, *, tree: Worktree, onto: str
    ) -> None:
        self._running = running
        self._request = request
        self._tree = tree
        self._onto = onto
        self._target: Target = evidence.target_of(running, request, tree.folder)
        self._before = evidence.baseline_at(running, request, tree, sha=onto, target=self._target)

    def run(self, green: tuple[TaskRow, ...]) -> Built:
        """Merge in dependency order; what conflicts or breaks a test is left out with its reason.

        First all together, judged by the whole suite (state BUILD1): what was green alone is nearly
        always green together. Only when it is not, one by one with the impacted tests after each
        merge, to find out which commit is to blame.
        """
        order = in_dependency_order(green)
        trip = self._merged(order, check_each=False)
        self._advance_to_build(len(trip.aboard))
        suite = self._suite(trip.sha)
        if trip.aboard and self._newly_broken(suite.outcomes):
            trip = self._merged(order, check_each=True)
            suite = self._suite(trip.sha)
        while trip.aboard and (why := self._newly_broken(suite.outcomes)):
            trip.take_off_last(why)
            suite = self._suite(trip.sha)
        return Built(
            onto=self._onto,
            sha=trip.sha,
            landed=tuple(task.id for task in trip.aboard),
            refused=tuple(trip.refused),
            still_failing=self._still_failing(suite.outcomes),
            evidence=suite.evidence(trip.sha),
        )

    def _merged(self, order: list[TaskRow], *, check_each: bool) -> _Trip:
        trip = _Trip(self._onto)
        for task in order:
            self._running.check()
            sha = self._merge(task, onto=trip.sha)
            if isinstance(sha, str) and check_each and (why := self._broken_by(task)):
                sha = Refusal(task=task.id, why=why)
            trip.add(task, sha)
        return trip

    def _merge(self, task: TaskRow, *, onto: str) -> str | Refusal:
        assert task.result is not None, "only settled tasks are green"
        wanted = Merge(
            commit=task.result.commit_sha,
            message=f"Land {', '.join(task.task.paths)}\n\n{task.task.goal}",
            trailers={"ChangeRequest": str(task.request_id), "CodingTask": str(task.id)},
        )
        merged = merge(self._tree, wanted, onto=onto, identity=self._running.farm.identity)
        if isinstance(merged, Conflict):
            return Refusal(task=task.id, why=f"conflicts in {', '.join(merged.paths)}")
        return merged.sha

    def _broken_by(self, task: TaskRow) -> str:
        """What the impacted tests say against the commit that was merged last."""
        impacted = tuple(dict.fromkeys((*task.task.failing_tests, *task.task.test_ids)))
        if not impacted:
            return ""
        return self._newly_broken(self._run(tests=impacted).outcomes, selection=impacted)

    def _suite(self, sha: str) -> SuiteRun:
        self._running.check()
        self._tree.reset(sha)
        return self._run(tests=())

    def _run(self, *, tests: tuple[str, ...]) -> SuiteRun:
        farm = self._running.farm
        if self._before.untested:
            return SuiteRun(outcomes={})
        run = observe_suite(
            self._target,
            self._tree.folder,
            farm.sandbox,
            tests=tests,
            timeout_seconds=farm.settings.target.suite_seconds,
            stop=self._running.stopping,
            limits=farm.limits,
        )
        self._tree.verify_untouched()
        return run

    def _newly_broken(self, outcomes: Outcomes, *, selection: tuple[str, ...] | None = None) -> str:
        """What is worse than before, in words; empty where nothing is."""
        said = judge(self._before.outcomes, outcomes, flaky=self._before.flaky, selection=selection)
        broken = (*said.newly_failing, *said.lost)
        if not broken:
            return ""
        more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
        return f"together with what landed before, {', '.join(broken[:3])}{more} newly fail"

    def _still_failing(self, outcomes: Outcomes) -> tuple[str, ...]:
        """Tests that the request's first plan wanted and that do not pass yet."""
        with self._running.farm.database.begin() as connection:
            wanted = plans.wanted_tests(connection, self._request.id)
        return tuple(test for test in wanted if outcomes.get(test) != "passed")

    def _advance_to_build(self, count: int) -> None:
        with self._running.step() as connection:
            requests.advance(
                connection,
                self._request.id,
                "BUILD1",
                who=self._running.farm.worker,
                why=f"the whole suite on {count} merged commits",
            )


def in_dependency_order(tasks: tuple[TaskRow, ...]) -> list[TaskRow]:
    """Parents before children; ties by step and id, so that equal inputs land equally."""
    by_id = {task.id: task for task in tasks}
    graph: nx.DiGraph[UUID] = nx.DiGraph()
    graph.add_nodes_from(by_id)
    graph.add_edges_from(
        (parent, task.id) for task in tasks for parent in task.task.depends_on if parent in by_id
    )
    order = nx.lexicographical_topological_sort(
        graph, key=lambda task: (by_id[task].task.step_number, str(task))
    )
    return [by_id[task] for task in order]
