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
from selfheal.store import requests
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

        The whole suite has the last word (state BUILD1): as long as it newly fails, the last
        commit on the train is taken off again.
        """
        shas, refused = [self._onto], list[Refusal]()
        aboard: list[TaskRow] = []
        for task in in_dependency_order(green):
            self._running.check()
            sha = self._add(task, onto=shas[-1], alone=len(green) == 1)
            if isinstance(sha, Refusal):
                refused.append(sha)
            else:
                shas.append(sha)
                aboard.append(task)
        self._advance_to_build(len(aboard))
        suite = self._suite(shas[-1])
        while aboard and (why := self._newly_broken(suite.outcomes)):
            refused.append(Refusal(task=aboard.pop().id, why=why))
            shas.pop()
            suite = self._suite(shas[-1])
        return Built(
            onto=self._onto,
            sha=shas[-1],
            landed=tuple(task.id for task in aboard),
            refused=tuple(refused),
            still_failing=self._still_failing(suite.outcomes),
            evidence=suite.evidence(shas[-1]),
        )

    def _add(self, task: TaskRow, *, onto: str, alone: bool) -> str | Refusal:
        """The merged sha, its impacted tests as good as before; a lone commit has the suite."""
        assert task.result is not None, "only settled tasks are green"
        wanted = Merge(
            commit=task.result.commit_sha,
            message=f"Land {', '.join(task.task.paths)}\n\n{task.task.goal}",
            trailers={"ChangeRequest": str(task.request_id), "CodingTask": str(task.id)},
        )
        merged = merge(self._tree, wanted, onto=onto, identity=self._running.farm.identity)
        if isinstance(merged, Conflict):
            return Refusal(task=task.id, why=f"conflicts in {', '.join(merged.paths)}")
        impacted = tuple(dict.fromkeys((*task.task.failing_tests, *task.task.test_ids)))
        if impacted and not alone:
            outcomes = self._run(tests=impacted).outcomes
            if why := self._newly_broken(outcomes, selection=impacted):
                return Refusal(task=task.id, why=why)
        return merged.sha

    def _suite(self, sha: str) -> SuiteRun:
        self._running.check()
        self._tree.reset(sha)
        return self._run(tests=())

    def _run(self, *, tests: tuple[str, ...]) -> SuiteRun:
        farm = self._running.farm
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
        """Tests that were wanted when the request began and do not pass yet."""
        with self._running.farm.database.begin() as connection:
            base = requests.load(connection, self._request.id).base_commit_sha or self._onto
        first = evidence.baseline_at(
            self._running, self._request, self._tree, sha=base, target=self._target
        )
        wanted = evidence.wanted_tests(self._request, first)
        return tuple(test for test in wanted if outcomes.get(test) != "passed")

    def _advance_to_build(self, count: int) -> None:
        farm = self._running.farm
        with farm.database.begin() as connection:
            requests.advance(
                connection,
                self._request.id,
                "BUILD1",
                who=farm.worker,
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
