"""The warm validator: one file that the target's own interpreter runs inside the sandbox.

It is one file, free of selfheal imports and good for Python 3.9 and later, because it runs where
selfheal is not installed. JSON lines come in on stdin and go out on what was stdout; the tests'
own prints go to the null device.

Two processes stay warm, so that a candidate costs a fork and not an interpreter:

broker      has imported pytest only. It forks a child that imports and collects anew, with the
            candidate's text put in by the import system: always right, some tens of ms.
collected   has imported the project and collected every test. A child of it swaps code objects of
            the changed function in place: `from x import f` copies, bases and decorators keep their
            identity. It refuses what a swap cannot show: module and class level code, defaults,
            and functions that already ran while tests were collected. The broker then does it.

A test that exceeds its limit is killed from outside (SIGPROF by CPU time without a handler, SIGKILL
of the process group by wall time), because code under test may swallow an exception.
"""

# It runs on Python 3.9, without selfheal's own dependencies, and implements foreign signatures.
# ruff: noqa: ARG001, ARG002, ARG005, B905, PTH109, PTH112, PTH118, PTH123, PTH208, RUF012

from __future__ import annotations

import contextlib
import dis
import gc
import importlib.machinery
import importlib.util
import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import threading
import time
import types
from collections.abc import Callable, Generator, Iterator
from typing import Any

Message = dict[str, Any]
Emit = Callable[[Message], None]

COLLECT_SECONDS = 120.0
SPARE_MEMORY = 1 << 30
MONITORING: Any = getattr(sys, "monitoring", None)
TOOL = 4


class LineHook:
    """Records which lines of the project's files run, between `start` and `stop`."""

    def __init__(self, files: list[str]) -> None:
        self._names = {os.path.realpath(name): name for name in files}
        self._known: dict[str, str | None] = {}
        self._lines: dict[str, set[int]] = {name: set() for name in files}
        self._ready = False
        self.collected = False

    def file_of(self, code: types.CodeType) -> str | None:
        """The project-relative name of the file this code is from, or None."""
        written = code.co_filename
        if written not in self._known:
            self._known[written] = self._names.get(os.path.realpath(written))
        return self._known[written]

    def has(self, module: Any) -> bool:
        """True when this module is from one of the project's files."""
        file = getattr(module, "__file__", None)
        return isinstance(file, str) and os.path.realpath(file) in self._names

    def start(self) -> None:
        for lines in self._lines.values():
            lines.clear()
        self.resume()

    def resume(self) -> None:
        """Record again without forgetting."""
        if MONITORING is None:
            threading.settrace(self._on_call)
            sys.settrace(self._on_call)
            return
        events = MONITORING.events
        if not self._ready:
            MONITORING.use_tool_id(TOOL, "selfheal")
            MONITORING.register_callback(TOOL, events.PY_START, self._on_start)
            MONITORING.register_callback(TOOL, events.LINE, self._on_line)
            self._ready = True
        MONITORING.set_events(TOOL, events.PY_START)
        MONITORING.restart_events()

    def stop(self) -> dict[str, list[int]]:
        """Stop recording; give the lines by file, sorted."""
        self.pause()
        return self.lines()

    def lines(self) -> dict[str, list[int]]:
        return {name: sorted(lines) for name, lines in self._lines.items() if lines}

    def pause(self) -> None:
        if MONITORING is None:
            sys.settrace(None)
            threading.settrace(None)
        elif self._ready:
            MONITORING.set_events(TOOL, 0)

    def _on_call(self, frame: types.FrameType, event: str, argument: Any) -> Any:
        name = self.file_of(frame.f_code)
        if name is None:
            return None
        add = self._lines[name].add

        def on_line(frame: types.FrameType, event: str, argument: Any) -> Any:
            if event == "line":
                add(frame.f_lineno)
            return on_line

        return on_line

    def _on_start(self, code: types.CodeType, offset: int) -> Any:
        if self.file_of(code) is not None:
            MONITORING.set_local_events(TOOL, code, MONITORING.events.LINE)
        return MONITORING.DISABLE

    def _on_line(self, code: types.CodeType, line: int) -> Any:
        name = self.file_of(code)
        if name is not None:
            self._lines[name].add(line)
        return MONITORING.DISABLE


@contextlib.contextmanager
def watched_imports(hook: LineHook) -> Iterator[None]:
    """Record the lines that run while modules below the working directory are executed.

    A trace function makes all of an interpreter before 3.12 several times slower, so it is off
    while pytest itself works, and while it rewrites a test file's asserts.
    """
    import _pytest.assertion.rewrite as rewriting

    here = os.getcwd() + os.sep
    depth = [0]

    def watching(loader: Any) -> None:
        usual = loader.exec_module

        def exec_module(self: Any, module: Any) -> Any:
            own = str(getattr(module, "__file__", "") or "").startswith(here)
            if hook.collected or not own:
                return usual(self, module)
            depth[0] += 1
            hook.resume()
            try:
                return usual(self, module)
            finally:
                depth[0] -= 1
                if not depth[0]:
                    hook.pause()

        loader.exec_module = exec_module

    def unwatched(*arguments: Any) -> Any:
        if hook.collected or not depth[0]:
            return rewrite_test(*arguments)
        hook.pause()
        try:
            return rewrite_test(*arguments)
        finally:
            hook.resume()

    watching(importlib.machinery.SourceFileLoader)
    watching(rewriting.AssertionRewritingHook)
    rewrite_test = rewriting._rewrite_test
    rewriting._rewrite_test = unwatched  # type: ignore[assignment]
    hook.start()
    hook.pause()
    yield


def project_frames(error: BaseException | None, hook: LineHook) -> list[tuple[str, int, str]]:
    """The frames of the project's files in a traceback and its causes, outermost first."""
    found: list[tuple[str, int, str]] = []
    for _ in range(5):
        if error is None:
            break
        here = []
        step = error.__traceback__
        while step is not None:
            name = hook.file_of(step.tb_frame.f_code)
            if name is not None:
                here.append((name, step.tb_lineno, step.tb_frame.f_code.co_name))
            step = step.tb_next
        found = here + found
        error = error.__cause__ or error.__context__
    return found[-40:]


def describe(error: BaseException, hook: LineHook) -> Message:
    """What is told of a failure: type, message (bounded) and the project's frames."""
    try:
        text = str(error)
    except Exception:
        text = "(its message cannot be read)"
    return {
        "type": type(error).__name__,
        "message": text[:2000],
        "frames": project_frames(error, hook),
    }


class Recorder:
    """A pytest plugin that notes outcomes and failures, and hands the session over.

    `take_over` is called before collection and does not return; `run_all` is called after it.
    """

    def __init__(
        self,
        hook: LineHook,
        *,
        take_over: Callable[[Any], None] | None = None,
        run_all: Callable[[Any], None] | None = None,
    ) -> None:
        self.hook, self._take_over, self._run_all = hook, take_over, run_all
        self.explain = True
        self.broken: dict[str, Message] = {}
        self.wanted: dict[str, set[str]] = {}
        self.outcome = "passed"
        self.error: Message | None = None

    def pytest_collection(self, session: Any) -> None:
        if self._take_over is not None:
            self._take_over(session)

    def pytest_runtestloop(self, session: Any) -> bool | None:
        if self._run_all is None:
            return None
        self._run_all(session)
        return True

    pytest_runtestloop.pytest_impl = {"tryfirst": True}  # type: ignore[attr-defined]

    def pytest_pycollect_makeitem(self, collector: Any, name: str) -> list[Any] | None:
        """Leave out what is not wanted: parametrised tests cost more to collect than to run."""
        wanted = self.wanted.get(str(collector.path))
        if wanted is None or name in wanted or not name.lower().startswith("test"):
            return None
        return []

    pytest_pycollect_makeitem.pytest_impl = {"tryfirst": True}  # type: ignore[attr-defined]

    def collect(self, session: Any, tests: list[str] | None) -> dict[str, Any]:
        """Items by node id: all of the session's, or those of the given tests."""
        import pytest

        if tests is not None:
            root = str(session.config.rootpath)
            places = [os.path.join(root, file_of_test(name)) for name in tests]
            self.wanted = {place: set() for place in places}
            for place, name in zip(places, tests):
                parts = name.split("[", 1)[0].split("::")[1:]
                self.wanted[place].update(parts or ["*"])
            self.wanted = {p: names for p, names in self.wanted.items() if "*" not in names}
            session.config.args = list(dict.fromkeys(places))
        with contextlib.suppress(pytest.UsageError):
            session.perform_collect(list(session.config.args))
        items: dict[str, Any] = {}
        for item in session.items:
            items.setdefault(item.nodeid, item)
        return items

    def pytest_runtest_setup(self, item: Any) -> None:
        if not self.explain:  # the explained diff of two long values takes seconds
            with contextlib.suppress(ImportError, AttributeError):
                import _pytest.assertion.util as explained

                explained._reprcompare = None

    pytest_runtest_setup.pytest_impl = {"tryfirst": True}  # type: ignore[attr-defined]

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed and report.nodeid not in self.broken:
            lines = str(report.longrepr).strip().splitlines()
            message = lines[-1] if lines else "cannot be collected"
            self.broken[report.nodeid] = {"type": "", "message": message[:2000], "frames": []}

    def pytest_exception_interact(self, node: Any, call: Any, report: Any) -> None:
        error = describe(call.excinfo.value, self.hook)
        if getattr(report, "when", None) in ("setup", "call", "teardown"):
            self.error = self.error or error
        else:
            self.broken[report.nodeid] = error

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.outcome = "failed"
        elif report.skipped and self.outcome == "passed":
            self.outcome = "skipped"

    def run(self, item: Any, following: Any) -> tuple[str, Message | None]:
        """Run one item through pytest's whole protocol: 'passed', 'failed' or 'skipped'."""
        self.outcome, self.error = "passed", None
        # Writing a traceback costs more than most tests; nobody reads it here.
        item.repr_failure = item._repr_failure_py = lambda *a, **k: "failed"
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        return self.outcome, self.error


def bounded_child(cpu_seconds: float) -> None:
    """Give this child its own group and bounds, so that the parent survives whatever it does."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_seconds) + 2, int(cpu_seconds) + 3))
    with contextlib.suppress(ValueError, OSError):
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[5]) * os.sysconf("SC_PAGE_SIZE")
        # Not RLIMIT_AS: the address space that every new thread reserves would exhaust it.
        ceiling = resource.getrlimit(resource.RLIMIT_DATA)[1]
        wanted = used + SPARE_MEMORY
        limit = wanted if ceiling == resource.RLIM_INFINITY else min(wanted, ceiling)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, ceiling))


def run_items(recorder: Recorder, items: dict[str, Any], job: Message, emit: Emit) -> None:
    """Run the job's tests in its order; emit one message before and one after each."""
    chosen = [(name, items.get(name)) for name in wanted_names(recorder, items, job)]
    for position, (name, item) in enumerate(chosen):
        if time.monotonic() > job["until"]:
            break
        emit({"start": name, "limit": job["limits"].get(name, job["limit"])})
        following = next((other for _, other in chosen[position + 1 :] if other is not None), None)
        message = run_one(recorder, item, following, emit, {**job, "name": name})
        emit(message)
        if job["stop"] and message["outcome"] not in ("passed", "skipped"):
            break
    emit({"end": True})


def wanted_names(recorder: Recorder, items: dict[str, Any], job: Message) -> list[str]:
    """The job's tests; a file that could not be collected stands for all tests now in it."""
    names: list[str] = []
    for name in job["ids"]:
        inside = [] if "::" in name else [other for other in items if file_of_test(other) == name]
        if inside and name not in recorder.broken:
            names.extend(other for other in inside if other not in names)
        elif name not in names:
            names.append(name)
    return names


def file_of_test(name: str) -> str:
    return name.split("::", 1)[0]


def tell_on_timeout(hook: LineHook, name: str, emit: Emit) -> None:
    """Make a traced test that exceeds its CPU limit say where it was, before it ends."""

    def on_limit(number: int, frame: types.FrameType | None) -> None:
        lines, frames = hook.stop(), []
        while frame is not None:
            file = hook.file_of(frame.f_code)
            if file is not None:
                frames.append((file, frame.f_lineno, frame.f_code.co_name))
            frame = frame.f_back
        error = {"type": "Timeout", "message": "exceeded its limit", "frames": frames[::-1]}
        emit({**lost_test(name, "timeout"), "error": error, "lines": lines})
        os._exit(1)

    signal.signal(signal.SIGPROF, on_limit)


def run_one(recorder: Recorder, item: Any, following: Any, emit: Emit, job: Message) -> Message:
    name = job["name"]
    if item is None:
        error = recorder.broken.get(file_of_test(name))
        return {"test": name, "outcome": "missing", "seconds": 0.0, "error": error, "lines": {}}
    if job["trace"]:
        tell_on_timeout(recorder.hook, name, emit)
        recorder.hook.start()
    signal.setitimer(signal.ITIMER_PROF, job["limits"].get(name, job["limit"]))
    begin = time.perf_counter()
    try:
        outcome, error = recorder.run(item, following)
    finally:
        seconds = time.perf_counter() - begin
        lines = recorder.hook.stop() if job["trace"] else {}
        signal.setitimer(signal.ITIMER_PROF, 0)
    return {"test": name, "outcome": outcome, "seconds": seconds, "error": error, "lines": lines}


def children_of(code: types.CodeType) -> list[types.CodeType]:
    return [const for const in code.co_consts if isinstance(const, types.CodeType)]


def shape(code: types.CodeType) -> tuple[Any, ...]:
    """What two compilations of the same function share.

    Not the byte code: in a whole module some interpreters call an imported name's attributes by
    other instructions than in a function compiled alone.
    """
    consts = [(type(c), repr(c)) for c in code.co_consts if not isinstance(c, types.CodeType)]
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return (code.co_name, code.co_argcount, code.co_kwonlyargcount, names, consts)


def same_code(one: types.CodeType, other: types.CodeType, *, deep: bool) -> bool:
    """True when both do the same, whatever lines they stand on; `deep` compares inner code too."""
    if shape(one) != shape(other) or one.co_code != other.co_code:
        return False
    inner, outer = children_of(one), children_of(other)
    if len(inner) != len(outer):
        return False
    return not deep or all(same_code(a, b, deep=True) for a, b in zip(inner, outer))


def changed_pairs(
    old: types.CodeType, new: types.CodeType
) -> Iterator[tuple[types.CodeType, types.CodeType]]:
    """Code objects to swap: old and new stand at the same place of two code trees."""
    if not same_code(old, new, deep=True):
        yield old, new
    if len(children_of(old)) == len(children_of(new)):
        for one, other in zip(children_of(old), children_of(new)):
            yield from changed_pairs(one, other)


class Swapper:
    """Puts a changed function's code into the live function objects of a collected process."""

    def __init__(self, hook: LineHook, imported: dict[str, list[int]]) -> None:
        self._ran = {name: set(lines) for name, lines in imported.items()}
        self._functions: dict[tuple[str, int, str], list[types.FunctionType]] = {}
        for thing in gc.get_objects():
            if type(thing) is not types.FunctionType:
                continue
            name = hook.file_of(thing.__code__)
            if name is not None:
                key = (name, thing.__code__.co_firstlineno, thing.__code__.co_name)
                self._functions.setdefault(key, []).append(thing)

    def plan(self, patch: Message) -> list[tuple[types.FunctionType, types.CodeType]] | None:
        """What to swap, or None when a swap would not show what a fresh import would."""
        if not patch["unit_old"]:
            return None
        path = patch["path"]
        flags = self._future_flags(path)
        old = compile(patch["unit_old"], path, "exec", flags=flags, dont_inherit=True)
        new = compile(patch["unit_new"], path, "exec", flags=flags, dont_inherit=True)
        swaps: list[tuple[types.FunctionType, types.CodeType]] = []
        for before, after in changed_pairs(old, new):
            if not before.co_flags & 2:  # no fast locals: module or class level code
                if not same_code(before, after, deep=False):
                    return None
                continue
            own = not same_code(before, after, deep=False)
            if own and self._ran_at_import(path, before):
                return None
            if before.co_freevars != after.co_freevars:
                return None
            key = (path, before.co_firstlineno, before.co_name)
            live = self._functions.get(key, [])
            if any(shape(function.__code__) != shape(before) for function in live):
                return None  # two lambdas on one line, or not the text that was imported
            swaps.extend((function, after) for function in live)
        return swaps or None

    def _future_flags(self, path: str) -> int:
        mask = 0
        for name in __import__("__future__").all_feature_names:
            mask |= getattr(__import__("__future__"), name).compiler_flag
        for (file, _, _), functions in self._functions.items():
            if file == path:
                return functions[0].__code__.co_flags & mask
        return 0

    def _ran_at_import(self, path: str, code: types.CodeType) -> bool:
        lines = {line for _, line in dis.findlinestarts(code) if line is not None}
        lines.discard(code.co_firstlineno)
        return bool(lines & self._ran.get(path, set()))


def patched_text(patch: Message) -> str:
    """The file's text with the edit spliced in; offsets count characters."""
    with open(patch["path"], encoding="utf-8", newline="") as file:
        text = file.read()
    return str(text[: patch["start"]] + patch["text"] + text[patch["end"] :])


def import_patched(patch: Message) -> None:
    """Make the import system of this process see the patched text instead of the file."""
    target, text = os.path.realpath(patch["path"]), patched_text(patch)
    loader = importlib.machinery.SourceFileLoader
    usual = loader.get_code

    def get_code(self: Any, fullname: str) -> Any:
        if os.path.realpath(self.path) == target:
            return compile(text, self.path, "exec", dont_inherit=True)
        return usual(self, fullname)

    loader.get_code = get_code  # type: ignore[method-assign]


class Channel:
    """JSON lines over two file descriptors."""

    def __init__(self, read: int, write: int) -> None:
        self._input = os.fdopen(read, "rb")
        self._output = write

    def receive(self) -> Message | None:
        line = self._input.readline()
        return json.loads(line) if line else None

    def send(self, message: Message) -> None:
        send_line(self._output, message)


def send_line(fd: int, message: Message) -> None:
    data = json.dumps(message).encode() + b"\n"
    while data:
        data = data[os.write(fd, data) :]


def in_child(work: Callable[[Emit], None], job: Message) -> Iterator[Message]:
    """Fork, let the child work, and give its messages; a limit struck ends it as an outcome."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(read)
            bounded_child(
                job["limit"] + sum(job["limits"].get(i, job["limit"]) for i in job["ids"])
            )
            work(lambda message: send_line(write, message))
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    try:
        running = yield from child_messages(read)
    finally:
        status = buried(pid)
        os.close(read)
    if running is not None:
        if running:
            struck = status in (signal.SIGPROF, signal.SIGXCPU, signal.SIGKILL)
            yield lost_test(running, "timeout" if struck else "crashed")
        yield {"end": True, "died": True}


def buried(pid: int) -> int:
    """Kill a child with its group; give the signal it died of, 0 when it ended by itself."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def child_messages(read: int) -> Generator[Message, None, str | None]:
    """Messages of a child until its end, then None; or the name of the test it was lost in.

    The name is empty when it was lost between tests. Silence beyond the wall limit is a loss.
    """
    running = ""
    patience, pending = COLLECT_SECONDS, b""
    while True:
        ready, _, _ = select.select([read], [], [], patience)
        data = os.read(read, 1 << 16) if ready else b""
        if not data:
            return running
        pending += data
        *lines, pending = pending.split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "start" in message:
                running = message["start"]
                patience = 3.0 + 3.0 * message["limit"]
            else:
                running = ""
                yield message
            if "end" in message:
                return None


def lost_test(name: str, outcome: str) -> Message:
    return {"test": name, "outcome": outcome, "seconds": 0.0, "error": None, "lines": {}}


def answer(job: Message, work: Callable[[Emit, Message], None], send: Emit) -> bool:
    """Run a job to its end, in as many children as die; False when a child refused the patch."""
    left = list(job["ids"])
    until = time.monotonic() + job["seconds"]
    while True:
        rest = {**job, "ids": left, "until": until}
        died = False
        for message in in_child(lambda emit, rest=rest: work(emit, rest), rest):  # type: ignore[misc]
            if "refused" in message:
                return False
            if "test" in message:
                send(message)
                left = [name for name in left if name not in (message["test"],)]
                failed = message["outcome"] not in ("passed", "skipped")
                if failed and job["stop"]:
                    left = []
            died = bool(message.get("died"))
        if not died or not left or len(left) == len(rest["ids"]):
            send({"end": True})
            return True


class Prepared:
    """Inside one `pytest.main`, stopped before collection: serves jobs, falling back in steps."""

    def __init__(self, hook: LineHook, channel: Channel) -> None:
        self._hook, self._channel = hook, channel
        self._recorder = Recorder(hook, take_over=self._take_over)
        self._collected: Channel | None = None

    def run(self, arguments: list[str]) -> None:
        """Serve until EOF; when pytest ends before that, tell why."""
        import pytest

        with watched_imports(self._hook):
            code = pytest.main(arguments, plugins=[self._recorder])
        self._channel.send({"failed": int(code), "broken": self._recorder.broken})

    def _take_over(self, session: Any) -> None:
        pristine = not any(self._hook.has(module) for module in list(sys.modules.values()))
        self._collected = forked(lambda channel: self._collect(session, channel))
        summary = self._collected.receive()
        if summary is None:
            os._exit(1)
        for name in summary.pop("modules"):
            with contextlib.suppress(Exception):
                __import__(name)
        if summary["threads"] > 1:
            self._collected = None
        self._channel.send(summary)
        while True:
            job = self._channel.receive()
            if job is None:
                os._exit(0)
            if self._collected is not None and all("::" in name for name in job["ids"]):
                done = relayed(job, self._collected, self._channel.send)
                if done is None:
                    self._collected = None
                if done:
                    continue
            if pristine:
                answer(job, lambda emit, rest: self._clean(session, emit, rest), self._channel.send)
            else:
                self._channel.send({"refused": True})

    def _collect(self, session: Any, channel: Channel) -> None:
        """In a process of its own: collect everything, then serve what a swap can show."""
        items = self._recorder.collect(session, None)
        imported = self._hook.lines()
        self._hook.collected = True
        swapper = Swapper(self._hook, imported)
        channel.send(self._summary(session, imported, list(items)))
        gc.collect()
        gc.freeze()
        while True:
            job = channel.receive()
            if job is None:
                return
            swaps = swapper.plan(job["patch"]) if job["patch"] else []
            if swaps is None:
                channel.send({"refused": True})
                continue

            def work(emit: Emit, rest: Message, swaps: Any = swaps) -> None:
                for function, code in swaps:
                    function.__code__ = code
                self._recorder.explain = rest["trace"]
                run_items(self._recorder, items, rest, emit)

            answer(job, work, channel.send)

    def _clean(self, session: Any, emit: Emit, job: Message) -> None:
        if job["patch"]:
            import_patched(job["patch"])
        self._hook.collected = True
        self._recorder.explain = job["trace"]
        run_items(self._recorder, self._recorder.collect(session, job["ids"]), job, emit)

    def _summary(self, session: Any, imported: Message, ids: list[str]) -> Message:
        places = set(session.config.args)
        given = session.config.invocation_params.args
        tasks = "/proc/self/task"
        return {
            "collected": ids,
            "broken": self._recorder.broken,
            "imported": imported,
            "root": str(session.config.rootpath),
            "options": [word for word in given if word not in places],
            "threads": len(os.listdir(tasks)) if os.path.isdir(tasks) else 1,
            "modules": [name for name in sorted(sys.modules) if from_standard_library(name)],
        }


def from_standard_library(name: str) -> bool:
    top = name.split(".", 1)[0]
    return top in getattr(sys, "stdlib_module_names", ()) and top not in ("idlelib", "antigravity")


def forked(work: Callable[[Channel], None]) -> Channel:
    """A process of its own that works on the other end of the channel given back."""
    down_read, down_write = os.pipe()
    up_read, up_write = os.pipe()
    if os.fork() == 0:
        try:
            os.close(down_write)
            os.close(up_read)
            work(Channel(down_read, up_write))
        finally:
            os._exit(0)
    os.close(down_read)
    os.close(up_write)
    return Channel(up_read, down_write)


def relayed(job: Message, channel: Channel, send: Emit) -> bool | None:
    """Let another process do the job: True when done, False when refused, None when it is gone."""
    try:
        channel.send(job)
    except BrokenPipeError:
        return None
    while True:
        message = channel.receive()
        if message is None:
            return None
        if "refused" in message:
            return False
        send(message)
        if "end" in message:
            return True


class Broker:
    """The process that has imported pytest only: the last resort, where nothing can be stale."""

    def __init__(self, channel: Channel, hello: Message) -> None:
        self._channel, self._hello = channel, hello
        self._hook = LineHook(hello["files"])

    def serve(self) -> None:
        prepared, summary = self._prepared(pytest_arguments(self._hello["args"]))
        if summary.get("failed") == 4:  # usage: some option of the project's addopts is unknown
            arguments = [*pytest_arguments(self._hello["args"]), "-o", "addopts="]
            prepared, summary = self._prepared(arguments)
        options = [*summary.pop("options", []), f"--rootdir={summary.get('root', os.getcwd())}"]
        self._channel.send(summary)
        while True:
            job = self._channel.receive()
            if job is None:
                return
            done = relayed(job, prepared, self._channel.send) if prepared is not None else False
            if done is None:
                prepared = None
            if not done:
                self._from_scratch(job, options)

    def _prepared(self, arguments: list[str]) -> tuple[Channel | None, Message]:
        channel = forked(lambda other: Prepared(self._hook, other).run(arguments))
        summary = channel.receive()
        if summary is None or "failed" in summary:
            return None, summary or {"failed": -1, "broken": {}}
        return channel, summary

    def _from_scratch(self, job: Message, options: list[str]) -> None:
        def work(emit: Emit, rest: Message) -> None:
            import pytest

            def take_over(session: Any) -> None:
                recorder.explain = rest["trace"]
                run_items(recorder, recorder.collect(session, rest["ids"]), rest, emit)
                os._exit(0)

            recorder = Recorder(self._hook, take_over=take_over)
            if rest["patch"]:
                import_patched(rest["patch"])
            pytest.main(options, plugins=[recorder])
            for name in rest["ids"]:
                emit(lost_test(name, "missing"))
            emit({"end": True})

        answer(job, work, self._channel.send)


def pytest_arguments(given: list[str]) -> list[str]:
    """The caller's arguments, without what spreads, shuffles or measures the run."""
    known = importlib.util.find_spec
    extra = ["--capture=no", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:random_order"]
    if not os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        extra += ["-n0"] if known("xdist") else []
        extra += ["--no-cov"] if known("pytest_cov") else []
        extra += ["--hypothesis-seed=0"] if known("hypothesis") else []
    return [*given, *extra]


def once(channel: Channel, hello: Message) -> None:
    """Run the tests as they are, in this fresh process and the natural order, without limits."""
    import pytest

    hook = LineHook(hello["files"])

    def run_all(session: Any) -> None:
        items = list(session.items)
        for item, following in zip(items, [*items[1:], None]):
            begin = time.perf_counter()
            outcome, error = recorder.run(item, following)
            message = lost_test(item.nodeid, outcome)
            message.update(error=error, seconds=time.perf_counter() - begin)
            channel.send(message)

    recorder = Recorder(hook, run_all=run_all)
    arguments = [word for word in pytest_arguments(hello["args"]) if word != "--capture=no"]
    code = pytest.main(arguments, plugins=[recorder])
    if int(code) == 4:
        code = pytest.main([*arguments, "-o", "addopts="], plugins=[recorder])
    channel.send({"end": True, "code": int(code), "broken": recorder.broken})


def keep_library_caches(project: str) -> None:
    """Only the project's byte code goes to our own place: libraries keep theirs.

    With a cache prefix Python no longer looks beside a library for its byte code, and would compile
    whole packages anew in each process: several seconds of CPU.
    """
    import importlib._bootstrap_external as external

    original = external.cache_from_source

    def cache_from_source(path: Any, *rest: Any, **named: Any) -> Any:
        if os.fspath(path).startswith(project + os.sep):
            return original(path, *rest, **named)
        prefix, sys.pycache_prefix = sys.pycache_prefix, None
        try:
            return original(path, *rest, **named)
        finally:
            sys.pycache_prefix = prefix

    external.cache_from_source = cache_from_source


def keep_plugins_as_they_are() -> None:
    """Plugins keep plain asserts: pytest caches what it has rewritten beside the plugin, where a
    jail lets nobody write, so each process would rewrite and compile whole libraries."""
    from _pytest.config import Config

    if hasattr(Config, "_mark_plugins_for_rewrite"):
        Config._mark_plugins_for_rewrite = lambda *_: None  # type: ignore[method-assign]


def main() -> None:
    channel = Channel(os.dup(0), os.dup(1))
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    hello = channel.receive()
    if hello is None:
        return
    # `python server.py` puts this file's folder first; `python -m pytest` the working directory.
    sys.path[0] = os.getcwd()
    sys.argv = ["pytest", *hello["args"]]
    try:
        import pytest
    except ImportError as error:
        channel.send({"end": True, "failed": -2, "why": str(error), "broken": {}})
        return
    del pytest
    scratch = tempfile.mkdtemp(prefix="repair-")
    keeper = os.getpid()
    try:
        os.environ["TMPDIR"] = tempfile.tempdir = scratch
        # Byte code goes to a place of our own: the work tree stays clean, nothing stale is read.
        sys.pycache_prefix = os.path.join(scratch, "pycache")
        os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
        sys.dont_write_bytecode = False
        keep_library_caches(os.getcwd())
        keep_plugins_as_they_are()
        if hello["once"]:
            once(channel, hello)
        else:
            Broker(channel, hello).serve()
    finally:
        if os.getpid() == keeper:
            shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
