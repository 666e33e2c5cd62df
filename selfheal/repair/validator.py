"""Drives the warm validator in the target's interpreter, inside the sandbox."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from selfheal.errors import Cancelled, TestsUnusable, TimedOut
from selfheal.repair.source import Edit
from selfheal.sandbox.jail import Jail, JailedProcess, Limits, Sandbox

SERVER = Path(__file__).with_name("server.py")
Result = Literal["passed", "failed", "skipped", "timeout", "crashed", "missing"]


@dataclass(frozen=True, slots=True)
class Frame:
    path: str
    line: int
    function: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a test failed; the frames are those in the project's own files, outermost first."""

    kind: str
    message: str
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One test's run. `seconds` is its wall time, `lines` what it executed by project file."""

    test: str
    outcome: Result
    seconds: float
    failure: Failure | None
    lines: Mapping[str, frozenset[int]]

    @property
    def green(self) -> bool:
        return self.outcome in ("passed", "skipped")


@dataclass(frozen=True, slots=True)
class Collection:
    """What one collection of the target's tests found.

    `broken` are files that could not be collected, `imported` the lines that ran meanwhile.
    """

    tests: tuple[str, ...]
    broken: Mapping[str, Failure]
    imported: Mapping[str, frozenset[int]]
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where and how target code runs: the part of a repair that every process of it shares."""

    worktree: Path
    python: Path
    sandbox: Sandbox
    pytest_args: tuple[str, ...]
    files: tuple[str, ...]
    environment: Mapping[str, str]
    seconds: float
    stop: Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Tests to run in order, with CPU limits in seconds; `edit` is put in place first.

    No further test is begun once all of them together have taken `seconds`.
    """

    tests: tuple[str, ...]
    edit: Edit | None = None
    limit: float = 10.0
    seconds: float = 3600.0
    limits: Mapping[str, float] = field(default_factory=dict)
    trace: bool = False
    stop_at_failure: bool = False


class Validator(Protocol):
    """Runs tests with an edit in place, without touching the work tree."""

    def run(self, run: Run) -> tuple[CaseResult, ...]: ...


class WarmValidator:
    """A running server; restarts it when it dies.

    Raises TestsUnusable when pytest is missing or nothing can be collected, Cancelled when `stop`
    turns true, TimedOut when the bench's seconds are over.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._deadline = time.monotonic() + bench.seconds
        self._talk: _Conversation | None = None
        self.collection = Collection((), {}, {}, 1)

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def run(self, run: Run) -> tuple[CaseResult, ...]:
        """Results in order; what did not run (stopped early, server died) is absent."""
        job = {
            "ids": list(run.tests),
            "patch": _patch_json(run.edit),
            "limit": run.limit,
            "limits": dict(run.limits),
            "trace": run.trace,
            "stop": run.stop_at_failure,
            "seconds": run.seconds,
        }
        try:
            return tuple(self._exchange(job))
        except EOFError:
            self._close()
            self._start()
            return ()

    def _exchange(self, job: dict[str, Any]) -> Iterator[CaseResult]:
        assert self._talk is not None
        self._talk.send(job)
        while "end" not in (message := self._talk.receive(self._deadline)):
            yield _case(message)

    def _start(self) -> None:
        self._talk = _Conversation(self._bench)
        self._talk.send(_hello(self._bench, once=False))
        try:
            message = self._talk.receive(self._deadline)
        except EOFError as error:
            raise TestsUnusable(
                f"pytest did not start with {self._bench.python}: {self._talk.last_words()}"
            ) from error
        self.collection = _collection(message, self._bench)

    def _close(self) -> None:
        if self._talk is not None:
            self._talk.close()
            self._talk = None


def run_afresh(bench: Bench) -> tuple[CaseResult, ...]:
    """Run the bench's tests as they lie on disk, in a new process and their natural order.

    Files that cannot be collected come as results with outcome "missing".
    """
    deadline = time.monotonic() + bench.seconds
    talk = _Conversation(bench)
    results: list[CaseResult] = []
    try:
        talk.send(_hello(bench, once=True))
        while "end" not in (message := talk.receive(deadline)):
            results.append(_case(message))
    except EOFError:
        return (*results, CaseResult("", "crashed", 0.0, None, {}))
    finally:
        talk.close()
    broken = message.get("broken", {})
    return (
        *results,
        *(CaseResult(name, "missing", 0.0, _failure(told), {}) for name, told in broken.items()),
    )


class _Conversation:
    """JSON lines with a jailed server process."""

    def __init__(self, bench: Bench) -> None:
        self._stop = bench.stop
        self._held = ExitStack()
        self._process: JailedProcess = self._held.enter_context(bench.sandbox.start(_jail(bench)))
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._errors: list[bytes] = []
        for target in (self._read_lines, self._read_errors):
            threading.Thread(target=target, daemon=True).start()

    def _read_lines(self) -> None:
        try:
            for line in self._process.stdout:
                self._lines.put(line)
        except (OSError, ValueError):
            pass  # closed under us: the end of the conversation
        self._lines.put(b"")

    def _read_errors(self) -> None:
        try:
            for line in self._process.stderr:
                self._errors = [*self._errors[-20:], line]
        except (OSError, ValueError):
            pass

    def last_words(self) -> str:
        return b"".join(self._errors).decode(errors="replace").strip()[-500:] or "no message"

    def send(self, message: dict[str, Any]) -> None:
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise EOFError from error

    def receive(self, deadline: float) -> dict[str, Any]:
        while True:
            if self._stop():
                raise Cancelled("the repair was stopped")
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimedOut("the repair's time is over")
            try:
                line = self._lines.get(timeout=min(0.05, left))
            except queue.Empty:
                continue
            if not line:
                raise EOFError
            message: dict[str, Any] = json.loads(line)
            return message

    def close(self) -> None:
        """Let the server remove its scratch folder, then kill what is left of it."""
        try:
            self._process.stdin.close()
            self._process.wait(timeout=1.0)
        except Exception:  # noqa: S110 - any trouble here ends in the kill below
            pass
        finally:
            self._held.close()


def _jail(bench: Bench) -> Jail:
    seconds = bench.seconds + 10.0
    environment = {
        "PATH": f"{bench.python.parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": "/tmp",  # noqa: S108 - inside the jail
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "",
        **bench.environment,
    }
    return Jail(
        argv=(str(bench.python), str(SERVER)),
        workdir=bench.worktree,
        readable=(SERVER, *_interpreter_folders(bench.python)),
        environment=environment,
        limits=Limits(wall_seconds=seconds, cpu_seconds=4 * seconds),
    )


def _interpreter_folders(python: Path) -> tuple[Path, ...]:
    """The environment the interpreter is named by, and the installation it links to."""
    return tuple(dict.fromkeys((python.parent.parent, python.resolve().parent.parent)))


def _hello(bench: Bench, *, once: bool) -> dict[str, Any]:
    return {"args": list(bench.pytest_args), "files": list(bench.files), "once": once}


def _patch_json(edit: Edit | None) -> dict[str, Any] | None:
    if edit is None:
        return None
    return {
        "path": edit.path,
        "start": edit.start,
        "end": edit.end,
        "text": edit.text,
        "unit_old": edit.unit_old if edit.in_function else "",
        "unit_new": edit.unit_new,
    }


def _collection(message: dict[str, Any], bench: Bench) -> Collection:
    broken = {name: _failure(told) for name, told in message.get("broken", {}).items()}
    if message.get("failed") == -2:
        raise TestsUnusable(f"{bench.python} has no pytest: install it there ({message['why']})")
    return Collection(
        tuple(message.get("collected", ())),
        {name: failure for name, failure in broken.items() if failure is not None},
        _lines(message.get("imported", {})),
        int(message.get("threads", 1)),
    )


def _case(message: dict[str, Any]) -> CaseResult:
    return CaseResult(
        message["test"],
        message["outcome"],
        float(message["seconds"]),
        _failure(message["error"]),
        _lines(message["lines"]),
    )


def _failure(told: dict[str, Any] | None) -> Failure | None:
    if told is None:
        return None
    frames = tuple(Frame(*frame) for frame in told["frames"])
    return Failure(told["type"], told["message"], frames)


def _lines(told: dict[str, Sequence[int]]) -> dict[str, frozenset[int]]:
    return {path: frozenset(lines) for path, lines in told.items()}
