"""The result backend class that Celery makes from `selfheal+postgresql+psycopg://...`."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import uuid4

from celery import states
from celery.exceptions import TaskRevokedError
from celery.result import GroupResult
from typing_extensions import override

from selfheal.results import statements
from selfheal.results.cleanup import Retention, cleanup
from selfheal.results.join import end_chord
from selfheal.results.meta import outcome_text
from selfheal.results.pool import Row
from selfheal.results.rows import Claim, Part, TaskState
from selfheal.results.statements import LAST
from selfheal.results.stock import BackendStoreError, is_lazy
from selfheal.results.stored import StoredResults
from selfheal.results.sweep import Swept, sweep


class PostgresBackend(StoredResults):
    """Stored results, and chords joined by counting the rows of their parts.

    The end of a header task, its result and its chord part, becomes true in one transaction.
    """

    @override
    def mark_as_done(
        self,
        task_id: str,
        result: Any,
        request: Any = None,
        store_result: bool = True,
        state: str = states.SUCCESS,
    ) -> None:
        ignored = request is not None and request.ignore_result
        self._end(task_id, result, state, request=request, store=store_result and not ignored)

    @override
    def mark_as_failure(
        self,
        task_id: str,
        exc: BaseException,
        traceback: str | None = None,
        request: Any = None,
        store_result: bool = True,
        call_errbacks: bool = True,
        state: str = states.FAILURE,
    ) -> None:
        self._end(task_id, exc, state, traceback=traceback, request=request, store=store_result)
        if request:
            chain = getattr(request, "chain", None)
            self._fail_chain(chain, exc, traceback, store_result=store_result, state=state)
            if call_errbacks and request.errbacks:
                self._call_task_errbacks(request, exc, traceback)

    @override
    def mark_as_revoked(
        self,
        task_id: str,
        reason: str = "",
        request: Any = None,
        store_result: bool = True,
        state: str = states.REVOKED,
    ) -> None:
        self._end(task_id, TaskRevokedError(reason), state, request=request, store=store_result)

    @override
    def on_chord_part_return(self, request: Any, state: str, result: Any, **kwargs: Any) -> None:
        del kwargs
        part = self._part(request, state, result)
        if part:
            self._count(part)

    def _end(
        self,
        task_id: str,
        outcome: Any,
        state: str,
        *,
        traceback: str | None = None,
        request: Any = None,
        store: bool,
    ) -> None:
        part = self._part(request, state, outcome) if request and request.chord else None
        if part is None:
            if store:
                self.store_result(task_id, outcome, state, traceback=traceback, request=request)
            return
        encoded = self.encode_result(outcome, state)
        row = self._state(task_id, encoded, state, traceback, request) if store else None
        self._count(part, row)

    def _part(self, request: Any, state: str, outcome: Any) -> Part | None:
        """None for a task that is in no group, which returns no part."""
        if not request.group or not request.id:
            return None
        encoded = self.encode_result(outcome, state)
        return Part(
            chord_id=request.group,
            part_id=request.id,
            part_index=LAST if request.group_index is None else request.group_index,
            part_state=state,
            part_result=outcome_text(self, encoded, state=state, limit=self._limit),
            token=uuid4().hex,
            claim_seconds=self._options.claim_seconds,
        )

    def _count(self, part: Part, row: TaskState | None = None) -> None:
        """Write the part, with its task's result if there is one; the last part ends the chord."""
        statement = statements.STORE_AND_COUNT_PART if row else statements.COUNT_PART
        values = {**(row.values() if row else {}), **part.values()}
        rows = self._ensure_retryable(
            self.pool.rows,
            statement,
            values,
            fallback_exc=partial(BackendStoreError, task_id=part.part_id, state=part.part_state),
            fallback_msg="failed to store result on the backend",
        )
        self._end_if_claimed(rows, part.token)

    def _end_if_claimed(self, rows: list[Row], token: str) -> None:
        claim = Claim.of(rows, token)
        if claim:
            end_chord(self, self.pool, claim)

    @override
    def apply_chord(self, header_result_args: Any, body: Any, **kwargs: Any) -> None:
        del kwargs  # how often to look: nobody looks here
        group_id, results = header_result_args[:2]
        self._ensure_retryable(
            self.pool.rows,
            statements.OPEN_CHORD,
            {
                "group_id": group_id,
                "body": self.encode(body),
                "body_task_id": body.options.get("task_id"),
                "shape": self._shape(header_result_args) if _is_nested(results) else None,
            },
        )

    def _shape(self, header_result_args: Any) -> str:
        return str(self.encode(self.app.GroupResult(*header_result_args).as_tuple()))

    @override
    def set_chord_size(self, group_id: str, chord_size: int) -> None:
        token = uuid4().hex
        rows = self._ensure_retryable(
            self.pool.rows,
            statements.SIZE_CHORD,
            {
                "chord_id": group_id,
                "size": chord_size,
                "token": token,
                "claim_seconds": self._options.claim_seconds,
            },
        )
        self._end_if_claimed(rows, token)

    @override
    def add_to_chord(self, chord_id: str, result: Any) -> None:
        del result
        self._ensure_retryable(self.pool.rows, statements.ADD_TO_CHORD, {"group_id": chord_id})

    def sweep(self) -> Swept:
        """End chords that a dead worker left behind: call it every few seconds, anywhere."""
        return sweep(
            self,
            self.pool,
            claim_seconds=self._options.claim_seconds,
            overdue_seconds=self._chord_seconds,
        )

    @override
    def cleanup(self) -> None:
        """Celery beat calls it once a day, as the task `celery.backend_cleanup`."""
        self.sweep()
        failures = self.app.conf.result_failure_expires
        retention = Retention(
            results=self.expires or None,
            failures=self.prepare_expires(failures) if failures else self.expires or None,
            groups=self.expires or None,
            chords=self._chord_seconds,
        )
        self._ensure_retryable(cleanup, self.pool, retention)

    @property
    def _chord_seconds(self) -> float | None:
        expires = self.app.conf.result_chord_expires
        return (self.prepare_expires(expires) if expires else self.expires) or None


def _is_nested(results: Any) -> bool:
    """Whether the header holds groups. A header from a generator is not looked at: it would run."""
    return not is_lazy(results) and any(isinstance(one, GroupResult) for one in results)
