"""Suspicion follows coverage and tracebacks; faults are told apart."""

from __future__ import annotations

from selfheal.repair.faults import cluster_faults
from selfheal.repair.localise import Localisation, localise_lines
from selfheal.repair.source import SourceFile
from selfheal.repair.validator import CaseResult, Failure, Frame

TEXT = """\
LIMIT = 3

def first(a):
    if a > LIMIT:
        return 1
    return 2

def second(a):
    return a

def third(a):
    return a
"""


def result(name: str, lines: set[int], outcome: str = "passed", frame: int = 0) -> CaseResult:
    frames = (Frame("m.py", frame, "f"),) if frame else ()
    failure = Failure("AssertionError", "", frames) if outcome == "failed" else None
    return CaseResult(name, outcome, 0.01, failure, {"m.py": frozenset(lines)})  # type: ignore[arg-type]


def located(*results: CaseResult) -> Localisation:
    sources = {"m.py": SourceFile("m.py", TEXT)}
    return localise_lines(results, sources, {"m.py": frozenset({1, 3, 8, 11})})


def test_a_line_that_only_failing_tests_run_is_the_most_suspicious() -> None:
    found = located(
        result("t1", {4, 5}, "failed"), result("t2", {4, 6}), result("t3", {9}), result("t4", {4})
    )

    assert found.functions[0].qualname == "first"
    assert found.lines["m.py", 5] == 1.0
    assert found.lines["m.py", 4] < 1.0
    assert ("m.py", 9) not in found.lines


def test_a_frame_of_the_traceback_raises_its_line() -> None:
    found = located(result("t1", {4, 5, 9}, "failed", frame=9))

    assert found.functions[0].qualname == "second"
    assert "traceback" in found.functions[0].why


def test_a_constant_is_as_suspicious_as_who_uses_it_only_less() -> None:
    found = located(result("t1", {4, 5}, "failed"))

    assert 0 < found.lines["m.py", 1] < found.lines["m.py", 4]


def test_covering_tests_that_run_least_come_first() -> None:
    found = located(
        result("t1", {4}, "failed"), result("long", {4, 6}), result("short", {4}), result("no", {9})
    )

    assert found.covering([("m.py", 4)]) == ("short", "long")


def test_failures_in_different_functions_are_two_faults() -> None:
    found = located(
        result("t1", {4, 5}, "failed"),
        result("t2", {4, 5}, "failed"),
        result("t3", {9}, "failed"),
        result("t4", {12}),
        result("t5", {4, 6}),
    )

    faults = cluster_faults(found)

    assert [fault.failing for fault in faults] == [("t1", "t2"), ("t3",)]
    assert [fault.suspects[0].qualname for fault in faults] == ["first", "second"]


def test_failures_that_share_a_suspicious_line_are_one_fault() -> None:
    found = located(result("t1", {4, 5}, "failed"), result("t2", {4, 6}, "failed"))

    assert [fault.failing for fault in cluster_faults(found)] == [("t1", "t2")]


def test_a_failure_that_runs_nothing_of_the_project_is_still_a_fault() -> None:
    found = located(result("t1", set(), "failed"))

    assert [fault.failing for fault in cluster_faults(found)] == [("t1",)]
