"""One attempt at a piece of work, from its begin to whatever end it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NoReturn
from uuid import UUID

import structlog
from sqlalchemy import Connection
from structlog.typing import FilteringBoundLogger

from selfheal.dispatch.effect import effect
from selfheal.dispatch.pulse import Pulse
from selfheal.errors import Fenced, SelfhealError, Stopped, StoreUnavailable
from selfheal.flows.farm import Farm
from selfheal.store import attempts, events, outbox
from selfheal.store.attempts import Attempt, Work
from selfheal.workspace.mirror import Mirror
from selfheal.workspace.refs import Refs, attempt_ref

MAX_FAILURES = 3
"""Tries at work that fails with an error which may pass: then the error is its outcome."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that ends the work; `reason` is its text, redacted."""

    error: Exception
    reason: str


Ended = Literal["accepted", "failed", "stopped", "taken over", "nothing to begin"]
"""How a message's work ended, in a word."""

Fail = Callable[[Connection, Attempt, Failure], None]
"""Writes what it means that the work has failed for good; ends the attempt."""


class Running:
    """A living attempt, in the hands of the flow that works at it."""

    def __init__(self, farm: Farm, attempt: Attempt, pulse: Pulse) -> None:
        self.farm = farm
        self.attempt = attempt
        self.stopping = pulse.stopping
        self.check = pulse.check
        self.wait = pulse.wait
        self.again_after = 0.0
        """Seconds until what is handed back is begun again."""

    @property
    def checkpoint(self) -> dict[str, Any]:
        """What the attempt before this one had reached."""
        return self.attempt.checkpoint

    def keep_commit(self, mirror: Mirror, sha: str, stage: str, **values: Any) -> None:
        """Push a commit to the attempt's own ref, which nobody else writes; then as `keep`.

        After a takeover the ref goes away again: its request may have been tidied already.
        """
        refs, ref = Refs(mirror), attempt_ref(str(self.attempt.work.subject_id), self.attempt.token)
        refs.push(sha, ref, expect=None)
        try:
            self.keep(stage, **values)
        except Fenced:
            refs.delete(ref, expect=sha)
            raise

    def keep(self, stage: str, **values: Any) -> None:
        """Checkpoint: `values` (JSON) survive this worker. Raises Fenced after a takeover."""
        with self.farm.database.statement() as connection:
            attempts.checkpoint(connection, self.attempt, stage, values)

    def come_back(self, seconds: float, why: str) -> NoReturn:
        """End this attempt and begin the next one later: until then no child is kept busy."""
        self.again_after = seconds
        raise Stopped(why)

    @contextmanager
    def step(self) -> Iterator[Connection]:
        """A transaction on the way to the outcome; raises Fenced after a takeover."""
        with self.farm.database.begin() as connection:
            attempts.fence(connection, self.attempt)
            yield connection

    def effect(self, note: str) -> AbstractContextManager[Connection]:
        """The transaction in which the work's outcome becomes true; raises Fenced."""
        return effect(self.farm.database, self.attempt, note=note)


def attempt(
    farm: Farm,
    work: Work,
    message_id: UUID | None,
    *,
    body: Callable[[Running], None],
    fail: Fail,
) -> Ended:
    """Begin an attempt at `work`, run `body`, and see to it that every end has its row.

    Does nothing where the work is done or in other hands. An error that may pass is tried again
    through the outbox; any other becomes the outcome by `fail`. What was told to stop is handed
    back. When the database is away nothing can be written: the silent attempt is taken over once
    it is back. Says how it ended, for whoever watches the message.
    """
    log = structlog.get_logger().bind(work=work.name, subject=str(work.subject_id))
    begun, made_room = _begin(farm, work, message_id)
    if begun is None:
        log.info("Nothing to begin: done, ended, or in other hands.", action="attempt.skip")
        return "nothing to begin"
    beat = farm.settings.attempts
    with Pulse(
        farm.database,
        lambda connection: attempts.beat(connection, begun),
        name=f"attempt {begun.number}",
        every=beat.heartbeat_seconds,
        dead_after=beat.dead_after_seconds,
        told_to_stop=lambda: farm.told_to_stop,
    ) as pulse:
        if made_room:
            farm.flush()
        ended = _work(Running(farm, begun, pulse), body, fail, log=log.bind(token=begun.token))
    farm.flush()
    return ended


def _begin(farm: Farm, work: Work, message_id: UUID | None) -> tuple[Attempt | None, bool]:
    """The attempt, if there is one to begin; and whether its queue has room for another message."""
    made_room = False
    with farm.database.begin() as connection:
        if message_id is not None:
            made_room = outbox.mark_received(connection, message_id)
        begun = attempts.begin(
            connection,
            work,
            worker=farm.worker,
            message_id=message_id,
            dead_after=farm.settings.attempts.dead_after_seconds,
        )
    return begun, made_room


def _work(
    running: Running, body: Callable[[Running], None], fail: Fail, *, log: FilteringBoundLogger
) -> Ended:
    farm, begun = running.farm, running.attempt
    try:
        body(running)
    except Stopped as error:
        log.info(str(error), action="attempt.stopped")
        _hand_back(running, str(error))
        return "stopped"
    except StoreUnavailable as error:
        log.warning(str(error), action="attempt.store_away")
        raise
    except Exception as error:
        try:
            _failed(farm, begun, error, fail)
        except Fenced as fenced:
            log.info(str(fenced), action="attempt.stopped")
            return "taken over"
        log.warning(str(error), action="attempt.failed", exc_info=not _expected(error))
        return "failed"
    return "accepted"


def _hand_back(running: Running, why: str) -> None:
    """End an attempt that was told to stop; somebody else goes on if it was still its own.

    It was its own when no heartbeat got through to the database, yet nobody has taken over.
    """
    work = running.attempt.work
    with running.farm.database.begin() as connection:
        if attempts.finish(connection, running.attempt, "stopped", note=why):
            outbox.put_again(
                connection,
                work.name,
                work.subject_id,
                request_id=work.request_id,
                delay_seconds=running.again_after,
            )


def _failed(farm: Farm, begun: Attempt, error: Exception, fail: Fail) -> None:
    """Another try, or the error as the outcome; raises Fenced after a takeover."""
    failure = Failure(error, farm.redactor.redact(str(error) or type(error).__name__))
    with farm.database.begin() as connection:
        attempts.fence(connection, begun)
        failures = attempts.count(connection, begun.work, "failed") + 1
        if _may_pass(error) and failures < MAX_FAILURES:
            _try_again(connection, begun, failure)
        else:
            fail(connection, begun, failure)


def _try_again(connection: Connection, begun: Attempt, failure: Failure) -> None:
    work = begun.work
    attempts.finish(connection, begun, "failed", note=failure.reason)
    outbox.put_again(connection, work.name, work.subject_id, request_id=work.request_id)
    events.record(
        connection,
        work.request_id,
        who=begun.worker,
        kind="attempt",
        token=begun.token,
        why=f"{work.name} failed and is tried again: {failure.reason}",
    )


def _expected(error: Exception) -> bool:
    return isinstance(error, SelfhealError)


def _may_pass(error: Exception) -> bool:
    """An error of ours says so itself; a foreign one may have come from the machine's state."""
    return error.retryable if isinstance(error, SelfhealError) else True
