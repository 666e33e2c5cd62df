"""Runs pytest in the target's interpreter and notes what every test did, one JSON line each.

It is one file, free of selfheal imports and good for Python 3.9 and later, because it runs where
selfheal is not installed. A JSON object comes in on stdin: `journal` (the file to write), `args`
(pytest's), `paths` (its positional ones), `tests` (node ids to run, empty: all) and `ignored`
(files that ended an earlier process) and `untamed` (plugins that take no options of ours). Ids come
this way and not as arguments, since pytest cannot read back every id it gives, and a command line
is short.

The journal says what runs before it runs, so that a reader outside knows who killed the process.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
from pathlib import Path
from typing import Any

MESSAGE_CHARACTERS = 2_000
DETAIL_CHARACTERS = 8_000

# Plugins that reorder, spread or repeat tests make two runs incomparable. An option tames them
# where `-p no:` would turn the repository's own options into unknown ones.
TAMED = {
    "xdist": ["-n0"],
    "randomly": ["--randomly-dont-reorganize", "--randomly-seed=0"],
    "random_order": ["--random-order-bucket=none"],
    "pytest_cov": ["--no-cov"],
}

_RANK = ("passed", "xpassed", "xfailed", "skipped", "failed", "error")


class Journal:
    """Appends one line per call. The file is opened anew each time, by its absolute path, with
    functions bound at import: tests close descriptors, change folders and patch `os`."""

    def __init__(self, path: str) -> None:
        self._path = str(Path(path).absolute())

    def write(
        self,
        entry: dict[str, Any],
        _open: Any = os.open,
        _write: Any = os.write,
        _close: Any = os.close,
    ) -> None:
        line = json.dumps(entry).encode("ascii") + b"\n"
        handle = _open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            while line:
                line = line[_write(handle, line) :]
        finally:
            _close(handle)


class Recorder:
    """The pytest plugin. An item's line is written when its whole protocol is over."""

    def __init__(self, journal: Journal, tests: list[str], root: str) -> None:
        self._journal = journal
        self._wanted = set(tests)
        self._root = Path(root).resolve()
        self._rank = 0
        self._seconds = 0.0
        self._failure: dict[str, Any] | None = None

    def pytest_collectstart(self, collector: Any) -> None:
        if collector.nodeid and "::" not in collector.nodeid:
            self._journal.write({"kind": "collecting", "id": collector.nodeid})

    def pytest_exception_interact(self, call: Any, report: Any) -> None:
        self._failure = self._described(call.excinfo.value, report)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            failure = self._failure or _bare(report)
            self._journal.write(_line(report.nodeid, "error", 0.0, failure))
        self._failure = None

    def pytest_collection_modifyitems(self, config: Any, items: list[Any]) -> None:
        if not self._wanted:
            return
        kept = [item for item in items if not self._wanted.isdisjoint(_names(item))]
        chosen = set(map(id, kept))
        config.hook.pytest_deselected(items=[item for item in items if id(item) not in chosen])
        items[:] = kept

    def pytest_collection_finish(self, session: Any) -> None:
        items = session.items
        fast = [item.nodeid for item in items if item.get_closest_marker("fast")]
        ids = [item.nodeid for item in items]
        self._journal.write({"kind": "collected", "ids": ids, "fast": fast})

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._rank, self._seconds, self._failure = 0, 0.0, None
        self._journal.write({"kind": "running", "id": nodeid})

    def pytest_runtest_logreport(self, report: Any) -> None:
        self._seconds += getattr(report, "duration", 0.0)
        outcome = _outcome(report)
        if outcome is None:
            return
        self._rank = max(self._rank, _RANK.index(outcome))
        if report.failed and self._failure is None:
            self._failure = _bare(report)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        outcome = _RANK[self._rank]
        failure = self._failure if outcome in ("failed", "error") else None
        self._journal.write(_line(nodeid, outcome, self._seconds, failure))

    def _described(self, error: BaseException, report: Any) -> dict[str, Any]:
        if type(error).__name__ == "CollectError" and error.__cause__ is not None:
            error = error.__cause__
        path, line = self._place(error)
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        return {
            "type": type(error).__name__,
            "message": _text(error)[:MESSAGE_CHARACTERS],
            "detail": _text(report.longreprtext)[-DETAIL_CHARACTERS:],
            "path": path,
            "line": line,
            "missing": missing or "",
        }

    def _place(self, error: BaseException) -> Any:
        """The innermost frame in the project's own files, where the reader should look first."""
        found = ("", 0)
        if isinstance(error, SyntaxError) and error.filename:
            found = self._own(error.filename, error.lineno or 0) or found
            if found[0]:
                return found
        trace = error.__traceback__
        while trace is not None:
            found = self._own(trace.tb_frame.f_code.co_filename, trace.tb_lineno) or found
            trace = trace.tb_next
        return found

    def _own(self, filename: str, line: int) -> Any:
        try:
            path = (self._root / filename).resolve().relative_to(self._root)
        except ValueError:  # outside of the project
            return None
        return None if "site-packages" in path.parts else (path.as_posix(), line)


def _names(item: Any) -> set[str]:
    """Every id that selects this item: its own, without parameters, its parents'."""
    names = {node.nodeid for node in item.listchain()}
    function = getattr(item, "originalname", None)
    if function and item.parent is not None:
        names.add(item.parent.nodeid + "::" + function)
    return names


def _outcome(report: Any) -> str | None:
    expected_to_fail = hasattr(report, "wasxfail")
    if report.outcome == "failed":
        return "failed" if report.when == "call" else "error"
    if report.outcome == "skipped":
        return "xfailed" if expected_to_fail else "skipped"
    if report.outcome == "passed":
        return "xpassed" if expected_to_fail else "passed"
    return None  # pytest-rerunfailures reports "rerun" and then the run that counts


def _bare(report: Any) -> dict[str, Any]:
    """What a report alone tells: enough when another process ran the test."""
    crash = getattr(report.longrepr, "reprcrash", None)
    detail = _text(report.longreprtext)
    message = _text(crash.message) if crash is not None else detail[-MESSAGE_CHARACTERS:]
    return {
        "type": message.split(":")[0] if crash is not None else "",
        "message": message[:MESSAGE_CHARACTERS],
        "detail": detail[-DETAIL_CHARACTERS:],
        "path": "",
        "line": 0,
        "missing": "",
    }


def _line(
    nodeid: str, outcome: str, seconds: float, failure: dict[str, Any] | None
) -> dict[str, Any]:
    return {
        "kind": "outcome",
        "id": nodeid,
        "outcome": outcome,
        "seconds": round(seconds, 4),
        "failure": failure,
    }


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception as error:
        return "<str() raised " + type(error).__name__ + ">"


def _installed() -> set[str]:
    points: Any = importlib.metadata.entry_points()
    found = points.select(group="pytest11") if hasattr(points, "select") else points["pytest11"]
    return {point.name for point in found}


def _tamed(args: list[str], untamed: list[str]) -> list[str]:
    """Options for the plugins that are installed and not switched off."""
    try:
        names = _installed().difference(untamed)
    except Exception:  # a broken distribution in the environment is not ours to judge
        return []
    used = sorted(name for name in names if "no:" + name not in args)
    return [option for name in used for option in TAMED.get(name, [])]


def _leave_plugins_as_they_are() -> None:
    """Keeps pytest from rewriting the asserts of installed plugins.

    It caches what it has rewritten beside the plugin, where a jail lets nobody write, so each run
    would compile whole libraries anew: two seconds of CPU where hypothesis is installed. All that
    is lost is the detail of an assert that fails inside of a plugin.
    """
    from _pytest.config import Config

    if hasattr(Config, "_mark_plugins_for_rewrite"):
        Config._mark_plugins_for_rewrite = lambda *_: None  # type: ignore[method-assign]


def _positional(order: dict[str, list[str]]) -> list[str] | None:
    """What pytest collects from; None when no file of the wanted tests can be collected."""
    if not order["tests"]:
        return order["paths"]
    names = dict.fromkeys(test.split("::")[0] for test in order["tests"])
    files = [name for name in names if Path(name).exists() and name not in order["ignored"]]
    if any("[" in name for name in files):
        return []  # pytest takes "[" as the begin of parameters: collect all, then choose
    return files or None


def main() -> int:
    """Runs what stdin asks for; gives pytest's exit code, 70 when pytest could not start."""
    order = json.loads(sys.stdin.buffer.read())
    journal = Journal(order["journal"])
    root = str(Path.cwd())
    sys.path[0] = root  # as `python -m pytest` has it, instead of this file's folder
    try:
        import pytest
    except ImportError as error:
        journal.write({"kind": "refused", "why": "no pytest", "message": _text(error)})
        return 70
    journal.write({"kind": "begun", "pytest": pytest.__version__})
    _leave_plugins_as_they_are()
    positional = _positional(order)
    if positional is None:
        journal.write({"kind": "ended", "exit": 5})
        return 5
    ignored = ["--ignore=" + name for name in order["ignored"]]
    tamed = _tamed(order["args"], order["untamed"])
    args = [*order["args"], *tamed, *ignored, *positional]
    sys.argv = ["pytest", *args]
    try:
        code = int(pytest.main(args, plugins=[Recorder(journal, order["tests"], root)]))
    except Exception as error:
        journal.write({"kind": "refused", "why": "pytest", "message": _text(error)})
        return 70
    journal.write({"kind": "ended", "exit": code})
    return code


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # threads that a test has left behind must not keep the process
