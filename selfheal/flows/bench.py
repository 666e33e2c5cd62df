"""Answers the coding agent's wants in a worktree: the one place where its drafts meet the world."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from selfheal.checks.baseline import Baseline
from selfheal.checks.change import Change
from selfheal.checks.self_check import SelfCheck, self_check
from selfheal.checks.target import Target
from selfheal.codegraph.symbols import symbols_in, touched_symbols
from selfheal.coding import agent
from selfheal.coding.agent import Applied, Checked, Rejection, Want
from selfheal.coding.draft import Draft, NoDraft, NothingToDo
from selfheal.coding.recipe_coder import RecipeCoder
from selfheal.coding.repair_coder import RepairCoder
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.plan import Symbol
from selfheal.contracts.recipe import Recipe
from selfheal.edits.diff import diff_stat, unified_diff
from selfheal.edits.gate import check_patch
from selfheal.errors import InvalidEdit, LeaseConflict, PatchRefused
from selfheal.flows import evidence
from selfheal.flows.attempting import Running
from selfheal.flows.recipes import RecipeBench, judged_target, may_touch_sensitive
from selfheal.flows.source import CommitTree
from selfheal.flows.spending import spending_seconds
from selfheal.leases import reservations
from selfheal.recipes.rewrite import CannotDo, Rewrite
from selfheal.repair.engine import repair
from selfheal.repair.task import RepairOutcome, RepairTask
from selfheal.store import rounds
from selfheal.store.rounds import TaskRow
from selfheal.workspace.mirror import Mirror
from selfheal.workspace.worktree import Worktree

_NAMED = 3


class Bench:
    """One attempt's worktree, its target, and what the coder has found so far."""

    def __init__(
        self,
        running: Running,
        row: TaskRow,
        request: ChangeRequest,
        *,
        mirror: Mirror,
        tree: Worktree,
        base: str,
    ) -> None:
        self._running = running
        self._mirror = mirror
        self._row = row
        self._request = request
        self._tree = tree
        self._base = base
        kept = running.checkpoint.get("drafts", ())
        found = [Draft.model_validate(draft) for draft in kept]
        # Why there was no draft is not kept, so the search that found none is made again.
        self._recipe = request.recipe
        self._coder = self._coder_for(self._recipe, found=found or None)

    def answer(self, want: Want[Any]) -> Any:
        """Do what the agent wants; raises what cannot be an answer (Cancelled, TestsUnusable)."""
        match want:
            case agent.Prepare():
                return self._tree.reset(self._base)
            case agent.Propose(rejected):
                return self._propose(rejected)
            case agent.Apply(draft):
                return self._apply(draft)
            case agent.Check(draft, applied):
                return self._check(draft, applied)
            case agent.Commit(draft, checked):
                return self._commit(draft, checked)
        raise AssertionError(f"the agent wants {want!r}, which no bench knows")

    @cached_property
    def _target(self) -> Target:
        self._tree.reset(self._base)
        return evidence.target_of(self._running, self._request, self._tree.folder)

    @cached_property
    def _baseline(self) -> Baseline:
        """At the bundle's base (CA-7), whatever this task starts from."""
        sha = self._row.task.base_commit_sha
        found = evidence.baseline_at(
            self._running, self._request, self._tree, sha=sha, target=self._target
        )
        self._tree.reset(self._base)
        return found

    def _propose(self, rejected: tuple[Rejection, ...]) -> Draft | NoDraft | NothingToDo:
        proposed = self._coder.propose(rejected)
        drafts = self._coder.drafts or ()
        self._running.keep("drafted", drafts=[draft.model_dump(mode="json") for draft in drafts])
        return proposed

    def _repair(self) -> RepairOutcome:
        target, passing = self._target, self._baseline.passing  # measured before the time counts
        with spending_seconds(self._running, self._seconds_of_search) as seconds:
            if seconds < 1:
                return RepairOutcome(
                    status="no_fix", reason="the request's budget of time is spent"
                )
            outcome = repair(
                RepairTask(
                    worktree=self._tree.folder,
                    python=target.python,
                    sandbox=self._running.farm.sandbox,
                    pytest_args=target.pytest_args,
                    environment=target.environment_in(self._tree.folder),
                    failing=self._row.task.failing_tests,
                    passing=passing,
                    budget_seconds=seconds,
                    max_candidates=self._running.farm.settings.coding.max_candidates,
                    confirmations=1,  # the self-check is the second fresh process
                    stop=self._running.stopping,
                )
            )
        self._tree.verify_untouched()
        self._tree.reset(self._base)
        return outcome

    @property
    def _seconds_of_search(self) -> float:
        """An equal share of what the request may spend, or what every CodingTask gets."""
        cap = self._request.budget.seconds
        if cap is None:
            return self._running.farm.settings.coding.budget_seconds
        with self._running.farm.database.begin() as connection:
            return cap / rounds.load_round(connection, self._row.round_id).size

    def _coder_for(
        self, recipe: Recipe | None, *, found: list[Draft] | None
    ) -> RepairCoder | RecipeCoder:
        if recipe is None:
            return RepairCoder(self._repair, found=found)
        carry_out = partial(self._carry_out, recipe)
        return RecipeCoder(carry_out, origin=f"recipe {recipe.kind}", found=found)

    def _carry_out(self, recipe: Recipe) -> Rewrite | CannotDo:
        target = self._target
        self._tree.reset(self._base)
        recipes = RecipeBench(
            running=self._running,
            request=self._request,
            target=target,
            tree=self._tree,
            source=CommitTree(self._mirror, self._base),
        )
        done = recipes.carry_out(recipe, only=self._row.task.paths)
        self._tree.verify_untouched()
        self._tree.reset(self._base)
        return done

    def _apply(self, draft: Draft) -> Applied | Rejection:
        before = self._texts(dict(draft.texts))
        try:
            diff = unified_diff(before, dict(draft.texts))
            self._gate(diff, draft)
            self._tree.apply(diff)
            symbols = self._hold(before, dict(draft.texts))
        except PatchRefused as refusal:
            return Rejection(draft=draft, verdict="refused", why=str(refusal))
        except LeaseConflict as conflict:
            return Rejection(draft=draft, verdict="refused", why=str(conflict))
        except InvalidEdit as misfit:
            return Rejection(draft=draft, verdict="does_not_apply", why=str(misfit))
        self._running.keep("applied")
        return Applied(diff=diff, stat=diff_stat(diff), symbols=symbols)

    def _gate(self, diff: str, draft: Draft) -> None:
        paths = tuple(path for path, _ in draft.texts)
        check_patch(
            diff,
            allowed_paths=paths,
            allow_sensitive=may_touch_sensitive(self._request, paths),
            find_secret=self._running.farm.redactor.find,
            allow_tests=self._recipe is not None,
        )

    def _hold(self, before: Mapping[str, str | None], after: Mapping[str, str]) -> tuple[str, ...]:
        """CA-12: what the draft really touches is held, or becomes so; raises LeaseConflict."""
        touched = tuple(
            symbol
            for path, text in sorted(after.items())
            for symbol in _touched(before.get(path) or "", text, path)
        )
        with self._running.step() as connection:
            held = {
                lease.symbol.fq_name
                for lease in reservations.held_by(connection, self._row.plan_id)
            }
            if further := [symbol for symbol in touched if not _covered(symbol, held)]:
                reservations.reserve(
                    connection,
                    repo=self._request.repo,
                    branch=self._request.branch,
                    symbols=further,
                    plan_id=self._row.plan_id,
                    ttl_seconds=self._running.farm.settings.leases.ttl_seconds,
                )
        return tuple(symbol.fq_name for symbol in touched)

    def _check(self, draft: Draft, applied: Applied) -> Checked:
        farm = self._running.farm
        # Both may be found out in the tree, so that comes before the change is applied to it.
        target, baseline = self._target, self._baseline
        self._tree.reset(self._base)
        self._tree.apply(applied.diff)
        change = Change(
            worktree=self._tree.folder,
            paths=tuple(path for path, _ in draft.texts),
            base_file=lambda path: self._mirror.read_file(self._base, path),
            mechanical=self._recipe is not None,
        )
        said = self_check(
            change,
            judged_target(self._recipe, target),
            farm.sandbox,
            baseline=baseline,
            targets=draft.fixes or self._row.task.failing_tests,
            impacted=self._row.task.test_ids,
            lint_refuses=self._recipe is None,
            timeout_seconds=farm.settings.target.suite_seconds,
            stop=self._running.stopping,
            limits=farm.limits,
        )
        self._tree.verify_untouched()
        return self._checked(draft, said)

    def _checked(self, draft: Draft, said: SelfCheck) -> Checked:
        """The patch as the formatter left it."""
        paths = {path: "" for path, _ in draft.texts}
        after = self._texts(paths)
        self._tree.reset(self._base)
        diff = unified_diff(self._texts(paths), after)
        checked = Checked(
            verdict=said.verdict,
            fixed=said.judgement.fixed,
            notes=(*said.notes, *(f"new finding: {one}" for one in said.findings)),
            untested=self._baseline.untested and said.ok,
            reason=said.reason or said.verdict,
            diff=diff,
            stat=diff_stat(diff),
        )
        self._running.keep("checked")
        return checked

    def _commit(self, draft: Draft, checked: Checked) -> str:
        """Commit the gated diff alone, from a clean tree: nothing that a test left behind."""
        self._gate(checked.diff, draft)
        self._tree.reset(self._base)
        self._tree.apply(checked.diff)
        kind = {"ADD": "feat", "EDIT": "fix", "REMOVE": "remove", "REFACTOR": "refactor"}
        identity = self._running.farm.identity
        return self._tree.commit(
            f"{kind[self._row.task.kind]}: {_subject(self._row, checked)}",
            trailers={
                "ChangeRequest": str(self._row.request_id),
                "CodingTask": str(self._row.id),
                "Attempt": str(self._running.attempt.number),
                "Fencing-Token": str(self._running.attempt.token),
                "Coder": draft.origin,
            },
            author=identity,
            committer=identity,
            when=datetime.now(UTC),
        )

    def _texts(self, wanted: Mapping[str, str]) -> dict[str, str | None]:
        return {path: _read(self._tree.folder / path) for path in wanted}


def _read(file: Path) -> str | None:
    """A file's text with its line ends as they are; None where there is none."""
    if file.is_symlink() or not file.is_file():
        return None
    return file.read_bytes().decode("utf-8", "surrogateescape")


def _touched(before: str, after: str, path: str) -> tuple[Symbol, ...]:
    known = {
        symbol.fq_name: symbol for symbol in (*symbols_in(before, path), *symbols_in(after, path))
    }
    return tuple(known[name] for name in touched_symbols(before, after, path))


def _covered(symbol: Symbol, held: set[str]) -> bool:
    parts = symbol.fq_name.split(".")
    return any(".".join(parts[:length]) in held for length in range(1, len(parts) + 1))


def _subject(row: TaskRow, checked: Checked) -> str:
    """The first line of the commit: what it changes, then the rest of the goal below."""
    named = [symbol.fq_name for symbol in row.task.symbols] or row.task.paths
    # More names than a few would bury what the commit is about.
    names = ", ".join(named) if len(named) <= _NAMED else row.task.goal.partition(";")[0]
    tests = "\n".join(f"- {test}" for test in checked.fixed)
    return f"{names}\n\n{row.task.goal}\n" + (f"\nNow passes:\n{tests}\n" if tests else "")
