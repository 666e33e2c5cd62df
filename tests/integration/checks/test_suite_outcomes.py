"""One project with every kind of test, run once in the sandbox; then parts of it by id."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfheal.checks.suite import run_suite
from selfheal.checks.suite_run import SuiteRun
from selfheal.checks.target import Target
from selfheal.sandbox.jail import Sandbox

PROJECT = {
    "calculator.py": """
        def half(n):
            return n / 0
    """,
    "conftest.py": """
        import pytest

        @pytest.fixture
        def broken_fixture():
            raise RuntimeError("no database")
    """,
    "test_kinds.py": """
        import unittest
        import pytest
        from calculator import half

        def test_passes():
            pass

        def test_fails_in_the_source():
            half(4)

        def test_fails_here():
            assert [1, 2] == [1, 3], "with a reason"

        def test_needs_a_broken_fixture(broken_fixture):
            pass

        @pytest.mark.skip(reason="not today")
        def test_skipped():
            pass

        @pytest.mark.xfail(reason="known")
        def test_known_failure():
            assert False

        @pytest.mark.xfail(reason="was known")
        def test_known_failure_that_passes():
            pass

        @pytest.mark.fast
        @pytest.mark.parametrize(
            "text", ["a b", "a::b", "[a/b]", "ü ß", "", "a-b]", "tab\\t", "日本", "--help", "@x"]
        )
        def test_odd_ids(text):
            assert text != "a::b"

        class TestClass:
            def test_method(self):
                pass

            class TestInner:
                def test_deep(self):
                    pass

        class Old(unittest.TestCase):
            def test_old(self):
                self.assertEqual(1, 1)

            def test_old_failure(self):
                self.assertEqual(1, 2)
    """,
    "test_rude.py": """
        import os
        import signal
        import sys

        def test_leaves_the_folder():
            os.chdir("/tmp")

        def test_closes_every_descriptor_it_does_not_know():
            os.closerange(200, 4096)

        def test_patches_the_functions_that_write(monkeypatch):
            monkeypatch.setattr(os, "open", None)
            monkeypatch.setattr(os, "write", None)

        def test_prints_much():
            sys.stdout.write("x" * 50_000_000)
            assert False

        def test_exits():
            os._exit(7)

        def test_after_the_exit():
            pass

        def test_kills_itself():
            os.kill(os.getpid(), signal.SIGKILL)

        def test_never_ends():
            while True:
                pass

        def test_after_all():
            pass
    """,
    "test_no_syntax.py": """
        def test_unfinished(:
            pass
    """,
    "test_no_import.py": """
        from calculator import third
    """,
    "odd [folder]/test_inside.py": """
        def test_in_an_odd_folder():
            pass
    """,
}


@pytest.fixture(scope="module")
def root(make_project) -> Path:
    return make_project(PROJECT)


@pytest.fixture(scope="module")
def run(root: Path, farm_target: Target, sandbox: Sandbox) -> SuiteRun:
    return run_suite(farm_target, root, sandbox, test_seconds=2.5)


@pytest.mark.parametrize(
    ("test", "outcome"),
    [
        ("test_kinds.py::test_passes", "passed"),
        ("test_kinds.py::test_fails_here", "failed"),
        ("test_kinds.py::test_needs_a_broken_fixture", "error"),
        ("test_kinds.py::test_skipped", "skipped"),
        ("test_kinds.py::test_known_failure", "xfailed"),
        ("test_kinds.py::test_known_failure_that_passes", "xpassed"),
        ("test_kinds.py::test_odd_ids[a b]", "passed"),
        ("test_kinds.py::test_odd_ids[a::b]", "failed"),
        ("test_kinds.py::TestClass::TestInner::test_deep", "passed"),
        ("test_kinds.py::Old::test_old", "passed"),
        ("test_kinds.py::Old::test_old_failure", "failed"),
        ("test_rude.py::test_leaves_the_folder", "passed"),
        ("test_rude.py::test_closes_every_descriptor_it_does_not_know", "passed"),
        ("test_rude.py::test_patches_the_functions_that_write", "passed"),
        ("test_rude.py::test_prints_much", "failed"),
        ("test_rude.py::test_exits", "error"),
        ("test_rude.py::test_after_the_exit", "passed"),
        ("test_rude.py::test_kills_itself", "error"),
        ("test_rude.py::test_never_ends", "error"),
        ("test_rude.py::test_after_all", "passed"),
        ("test_no_syntax.py", "error"),
        ("test_no_import.py", "error"),
        ("odd [folder]/test_inside.py::test_in_an_odd_folder", "passed"),
    ],
)
def test_every_test_has_its_outcome(run: SuiteRun, test: str, outcome: str):
    assert run.outcomes[test] == outcome


def test_a_failure_points_to_the_innermost_line_of_the_project(run: SuiteRun):
    failure = run.failures["test_kinds.py::test_fails_in_the_source"]

    assert (failure.type, failure.path, failure.line) == ("ZeroDivisionError", "calculator.py", 3)
    assert failure.message == "division by zero"
    assert "return n / 0" in failure.detail


def test_a_syntax_error_points_to_its_line(run: SuiteRun):
    failure = run.failures["test_no_syntax.py"]

    assert (failure.type, failure.path, failure.line) == ("SyntaxError", "test_no_syntax.py", 2)


def test_an_import_that_fails_in_the_repository_itself_is_no_missing_module(run: SuiteRun):
    failure = run.failures["test_no_import.py"]

    assert (failure.type, failure.missing) == ("ImportError", "")


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("test_exits", "ended the whole test process, with code 7"),
        ("test_kills_itself", "ended the whole test process"),
        ("test_never_ends", "did not end within 2 s"),
    ],
)
def test_a_test_that_takes_the_process_with_it_is_named(run: SuiteRun, test: str, message: str):
    assert message in run.failures[f"test_rude.py::{test}"].message


def test_counts_and_evidence_agree(run: SuiteRun):
    evidence = run.evidence("c0ffee")

    assert evidence.passed + evidence.failed + evidence.skipped == len(run.outcomes)
    assert evidence.failing == run.failing
    assert evidence.commit_sha == "c0ffee"
    assert run.collected == len(run.outcomes) - 2  # two files could not be collected
    assert run.exit_code != 0


def test_tests_marked_fast_are_known(run: SuiteRun):
    assert len(run.fast) == 10
    assert all(test.startswith("test_kinds.py::test_odd_ids[") for test in run.fast)


def test_what_is_printed_stays_bounded(run: SuiteRun):
    assert len(run.output) <= 8_000


def test_nothing_is_left_in_the_work_tree(run: SuiteRun, root: Path):
    left = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

    assert left == set(PROJECT)


def test_every_id_can_be_asked_for(
    run: SuiteRun, root: Path, farm_target: Target, sandbox: Sandbox
):
    ids = tuple(test for test in run.outcomes if not test.startswith("test_rude.py"))

    again = run_suite(farm_target, root, sandbox, tests=ids)

    assert again.outcomes == {test: run.outcomes[test] for test in ids}
    assert again.notes == ()


def test_a_function_a_class_and_a_file_can_be_asked_for(
    root: Path, farm_target: Target, sandbox: Sandbox
):
    asked = ("test_kinds.py::test_odd_ids", "test_kinds.py::TestClass", "test_no_syntax.py")

    run = run_suite(farm_target, root, sandbox, tests=(*asked, "test_gone.py::test_x"))

    assert len(run.outcomes) == 10 + 2 + 1
    assert run.notes == ("no such test: test_gone.py::test_x",)
