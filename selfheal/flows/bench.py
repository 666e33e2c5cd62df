"""Answers the coding agent's wants at a site: the one place where its drafts meet the world."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from selfheal.checks.change import Change
from selfheal.checks.self_check import SelfCheck, self_check
from selfheal.codegraph.symbols import symbols_in, touched_symbols
from selfheal.coding import agent
from selfheal.coding.agent import Applied, Checked, Outcome, Want
from selfheal.coding.draft import Coder, CoderName, Draft, Proposal, Rejection
from selfheal.coding.model_coder import ModelCoder
from selfheal.contracts.commit_result import Verdict
from selfheal.contracts.plan import Symbol
from selfheal.edits.diff import diff_stat, unified_diff
from selfheal.edits.gate import check_patch
from selfheal.errors import InvalidEdit, LeaseConflict, PatchRefused, SelfhealError
from selfheal.flows.coders import coders_of
from selfheal.flows.recipes import judged_target, may_touch_sensitive
from selfheal.flows.site import Site
from selfheal.leases import reservations
from selfheal.store.rounds import TaskRow

_NAMED = 3


class Bench:
    """The coders of one attempt, and what is done with their drafts."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._running = site.running
        self._makers = coders_of(site)
        self._coders: dict[CoderName, Coder] = {}
        self._kept: dict[str, Any] = dict(site.running.checkpoint.get("drafts", {}))

    @property
    def coders(self) -> tuple[CoderName, ...]:
        """Who is asked, in this order."""
        return tuple(self._makers)

    def with_cost(self, outcome: Outcome) -> Outcome:
        """The outcome with what its models took, those of the attempts before this one too."""
        model = self._coders.get("model")
        if not isinstance(model, ModelCoder):
            return outcome
        return outcome.model_copy(update={"tokens": model.tokens, "usd": model.usd})

    def answer(self, want: Want[Any]) -> Any:
        """Do what the agent wants; raises what cannot be an answer (Cancelled, TestsUnusable)."""
        match want:
            case agent.Prepare():
                return self._site.reset()
            case agent.Propose(coder, rejected):
                return self._propose(coder, rejected)
            case agent.Apply(draft):
                return self._apply(draft)
            case agent.Check(draft, applied):
                return self._check(draft, applied)
            case agent.Commit(draft, checked):
                return self._commit(draft, checked)
        raise AssertionError(f"the agent wants {want!r}, which no bench knows")

    def _propose(self, name: CoderName, rejected: tuple[Rejection, ...]) -> Proposal:
        if name not in self._coders:
            self._coders[name] = self._makers[name](self._site, self._kept.get(name))
        proposed = self._coders[name].propose(rejected)
        self._kept[name] = self._coders[name].kept
        self._running.keep("drafted", drafts=self._kept)
        return self._restored(proposed) if isinstance(proposed, Draft) else proposed

    def _restored(self, draft: Draft) -> Draft | Rejection:
        """The draft with the secrets of its files: a model only sees what stands for them."""
        texts = self._site.restored(draft.texts)
        if texts is None:
            unknown = InvalidEdit("a <secret:...> in it stands for nothing in the file it is in")
            return _rejected(draft, "does_not_apply", unknown)
        return draft.model_copy(update={"texts": texts})

    def _apply(self, draft: Draft) -> Applied | Rejection:
        before = self._site.texts(dict(draft.texts))
        try:
            diff = unified_diff(before, dict(draft.texts))
            self._gate(diff, draft)
            self._site.tree.apply(diff)
            symbols = self._hold(before, dict(draft.texts))
        except (PatchRefused, LeaseConflict) as refusal:
            return _rejected(draft, "refused", refusal)
        except InvalidEdit as misfit:
            return _rejected(draft, "does_not_apply", misfit)
        self._running.keep("applied")
        return Applied(diff=diff, stat=diff_stat(diff), symbols=symbols)

    def _gate(self, diff: str, draft: Draft) -> None:
        """What a model drafts stays in its task's files, be they tests. A search may go wherever a
        fault is, but never into tests; a recipe knows its own."""
        task, request = self._site.row.task, self._site.request
        drafted = draft.coder == "model"
        paths = task.paths if drafted else tuple(path for path, _ in draft.texts)
        check_patch(
            diff,
            allowed_paths=paths,
            allow_sensitive=may_touch_sensitive(request, paths),
            find_secret=self._running.farm.redactor.find,
            allow_tests=draft.coder != "repair",
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
                for lease in reservations.held_by(connection, self._site.row.plan_id)
            }
            if further := [symbol for symbol in touched if not _covered(symbol, held)]:
                reservations.reserve(
                    connection,
                    repo=self._site.request.repo,
                    branch=self._site.request.branch,
                    symbols=further,
                    plan_id=self._site.row.plan_id,
                    ttl_seconds=self._running.farm.settings.leases.ttl_seconds,
                )
        return tuple(symbol.fq_name for symbol in touched)

    def _check(self, draft: Draft, applied: Applied) -> Checked:
        farm = self._running.farm
        # Both may be found out in the tree, so that comes before the change is applied to it.
        target, baseline = self._site.target, self._site.baseline
        self._site.reset()
        self._site.tree.apply(applied.diff)
        change = Change(
            worktree=self._site.tree.folder,
            paths=tuple(path for path, _ in draft.texts),
            base_file=lambda path: self._site.mirror.read_file(self._site.base, path),
            mechanical=self._site.request.recipe is not None,
        )
        said = self_check(
            change,
            judged_target(self._site.request.recipe, target),
            farm.sandbox,
            baseline=baseline,
            targets=draft.fixes or self._site.row.task.failing_tests,
            impacted=self._site.row.task.test_ids,
            lint_refuses=self._site.request.recipe is None,
            timeout_seconds=farm.settings.target.suite_seconds,
            stop=self._running.stopping,
            limits=farm.limits,
        )
        self._site.tree.verify_untouched()
        return self._checked(draft, said)

    def _checked(self, draft: Draft, said: SelfCheck) -> Checked:
        """The patch as the formatter left it."""
        paths = {path: "" for path, _ in draft.texts}
        after = self._site.texts(paths)
        self._site.reset()
        diff = unified_diff(self._site.texts(paths), after)
        checked = Checked(
            verdict=said.verdict,
            fixed=said.judgement.fixed,
            notes=(*said.notes, *(f"new finding: {one}" for one in said.findings)),
            untested=self._site.baseline.untested and said.ok,
            reason=said.reason or said.verdict,
            diff=diff,
            stat=diff_stat(diff),
        )
        self._running.keep("checked")
        return checked

    def _commit(self, draft: Draft, checked: Checked) -> str:
        """Commit the gated diff alone, from a clean tree: nothing that a test left behind."""
        self._gate(checked.diff, draft)
        self._site.reset()
        self._site.tree.apply(checked.diff)
        kind = {"ADD": "feat", "EDIT": "fix", "REMOVE": "remove", "REFACTOR": "refactor"}
        identity = self._running.farm.identity
        return self._site.tree.commit(
            f"{kind[self._site.row.task.kind]}: {_subject(self._site.row, checked)}",
            trailers={
                "ChangeRequest": str(self._site.row.request_id),
                "CodingTask": str(self._site.row.id),
                "Attempt": str(self._running.attempt.number),
                "Fencing-Token": str(self._running.attempt.token),
                "Coder": draft.origin,
            },
            author=identity,
            committer=identity,
            when=datetime.now(UTC),
        )


def _rejected(draft: Draft, verdict: Verdict, error: SelfhealError) -> Rejection:
    return Rejection(coder=draft.coder, draft=draft, verdict=verdict, why=str(error))


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
