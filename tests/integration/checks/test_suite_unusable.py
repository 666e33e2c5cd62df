"""Suites that cannot be judged, or only with a remark."""

from __future__ import annotations

import sys
import venv
from pathlib import Path

import pytest

from selfheal.checks.suite import observe_suite, run_suite
from selfheal.checks.target import Target, detect_target
from selfheal.errors import Cancelled, TestsUnusable
from selfheal.sandbox.jail import Sandbox


def test_a_repository_without_tests_says_so(make_project, farm_target, sandbox):
    root = make_project({"app.py": "x = 1\n"})

    with pytest.raises(TestsUnusable, match=r"found no tests in .* pass --test"):
        run_suite(farm_target, root, sandbox)


def test_modules_that_the_environment_lacks_are_named(make_project, farm_target, sandbox):
    root = make_project(
        {
            "test_one.py": "import not_installed.anywhere\n",
            "test_two.py": "from other_missing import thing\n",
        }
    )

    with pytest.raises(TestsUnusable, match=r"it has no not_installed, other_missing\. .*--python"):
        run_suite(farm_target, root, sandbox)


def test_a_missing_module_of_the_repository_itself_is_a_failing_test(
    make_project, farm_target, sandbox
):
    root = make_project({"app/__init__.py": "", "test_new.py": "from app.greeting import greet\n"})

    run = run_suite(farm_target, root, sandbox)

    assert run.outcomes == {"test_new.py": "error"}
    assert run.failures["test_new.py"].missing == "app.greeting"
    assert run.notes == ()


def test_one_importable_file_is_enough(make_project, farm_target, sandbox):
    root = make_project(
        {"test_one.py": "import not_installed\n", "test_two.py": "def test_two(): pass\n"}
    )

    run = run_suite(farm_target, root, sandbox)

    assert run.outcomes == {"test_one.py": "error", "test_two.py::test_two": "passed"}
    assert "has no not_installed" in run.notes[0]


def test_a_conftest_that_cannot_be_imported_is_told(make_project, farm_target, sandbox):
    root = make_project({"conftest.py": "1 / 0\n", "test_one.py": "def test_one(): pass\n"})

    with pytest.raises(TestsUnusable, match=r"(?s)pytest refuses to run.*ZeroDivisionError"):
        run_suite(farm_target, root, sandbox)


def test_options_of_plugins_that_are_missing_are_left_out_with_a_remark(
    make_project, farm_target, sandbox
):
    root = make_project(
        {
            "pytest.ini": "[pytest]\naddopts = --no-such-option=3 -x\n",
            "test_one.py": "def test_one(): pass\ndef test_two(): assert 0\ndef test_3(): pass\n",
        }
    )

    run = run_suite(farm_target, root, sandbox)

    assert list(run.outcomes.values()) == ["passed", "failed", "passed"]
    assert "unrecognized arguments: --no-such-option=3" in run.notes[0]
    assert "-o addopts=" in run.command


def test_addopts_that_end_early_do_not_hide_the_rest(make_project, farm_target, sandbox):
    root = make_project(
        {
            "pytest.ini": "[pytest]\naddopts = -x --tb=no -q\n",
            "test_one.py": "def test_one(): assert 0\ndef test_two(): assert 0\n",
        }
    )

    assert len(run_suite(farm_target, root, sandbox).failing) == 2


@pytest.mark.slow
def test_a_run_out_of_time_names_the_test_that_ran(make_project, farm_target, sandbox):
    root = make_project({"test_slow.py": "import time\ndef test_slow(): time.sleep(600)\n"})

    with pytest.raises(TestsUnusable, match=r"not done after \d s, while test_slow.py::test_slow"):
        run_suite(farm_target, root, sandbox, timeout_seconds=4)

    run = observe_suite(farm_target, root, sandbox, timeout_seconds=4)
    assert (run.struck, run.running) == ("wall", "test_slow.py::test_slow")


def test_a_file_that_ends_the_process_while_it_is_collected_hides_no_other(
    make_project, farm_target, sandbox
):
    root = make_project(
        {
            "test_bad.py": "import os\nos._exit(0)\n",
            "test_good.py": "def test_good(): pass\n",
        }
    )

    run = run_suite(farm_target, root, sandbox)

    assert run.outcomes == {"test_bad.py": "error", "test_good.py::test_good": "passed"}


def test_a_run_can_be_stopped(make_project, farm_target, sandbox):
    root = make_project({"test_slow.py": "import time\ndef test_slow(): time.sleep(600)\n"})

    with pytest.raises(Cancelled):
        run_suite(farm_target, root, sandbox, stop=lambda: True)

    assert [path.name for path in root.iterdir()] == ["test_slow.py"]


def test_an_environment_without_pytest_is_refused_with_the_fix(
    make_project, tmp_path, farm_target, sandbox
):
    venv.create(tmp_path / "bare", with_pip=False)
    python = tmp_path / "bare" / "bin" / "python"
    root = make_project({"test_one.py": "def test_one(): pass\n"})

    with pytest.raises(TestsUnusable, match="has no pytest: install it with"):
        detect_target(root, python=python)

    unchecked = Target(
        python=python,
        readable=(*farm_target.readable, tmp_path / "bare"),
    )
    with pytest.raises(TestsUnusable, match=f"{python} has no pytest .*pass --python"):
        run_suite(unchecked, root, sandbox)


def test_an_opaque_command_is_one_test(make_project, sandbox: Sandbox):
    root = make_project(
        {
            "check.py": "import helper, sys\nprint('checked')\nsys.exit(helper.code)\n",
            "helper.py": "code = 3\n",
        }
    )
    target = detect_target(root, test_command="python check.py")

    failed = run_suite(target, root, sandbox)
    (root / "helper.py").write_text("code = 0\n")
    passed = run_suite(target, root, sandbox)

    assert failed.outcomes == {"<command>": "failed"}
    assert (failed.exit_code, failed.output) == (3, "checked")
    assert passed.outcomes == {"<command>": "passed"}


def test_a_source_folder_needs_no_install(make_project, sandbox: Sandbox):
    root = make_project(
        {
            "pyproject.toml": "[project]\nname = 'thing'\n",
            "src/thing/__init__.py": "value = 7\n",
            "tests/test_thing.py": """
                import subprocess, sys
                import thing

                def test_value():
                    assert thing.value == 7

                def test_in_a_process_of_another_folder(tmp_path):
                    code = "import thing; print(thing.value)"
                    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
            """,
        }
    )

    run = run_suite(detect_target(root), root, sandbox)

    assert set(run.outcomes.values()) == {"passed"}


def test_unittest_discovery_runs_the_same_tests(make_project, sandbox: Sandbox):
    root = make_project(
        {
            "checks/__init__.py": "",
            "checks/helper.py": "value = 1\n",
            "checks/case_one.py": """
                import unittest
                import helper

                class Case(unittest.TestCase):
                    def test_value(self):
                        self.assertEqual(helper.value, 2)

                class TestNoCase:
                    def test_not_run(self):
                        raise AssertionError

                def test_not_run_either():
                    raise AssertionError
            """,
        }
    )
    target = detect_target(root, test_command="python -m unittest discover -s checks -p 'case*.py'")

    run = run_suite(target, root, sandbox)

    assert target.command is None
    assert run.outcomes == {"checks/case_one.py::Case::test_value": "failed"}


def test_the_jail_shows_no_more_than_the_interpreter(make_project, farm_target, sandbox):
    root = make_project(
        {
            "test_seen.py": f"""
                import os
                from pathlib import Path

                def test_environment_is_built_up_from_nothing():
                    assert not [name for name in os.environ if "SELFHEAL" in name]

                def test_siblings_of_the_reporter_are_not_there():
                    assert not Path({str(Path(__file__))!r}).exists()

                def test_modules_of_the_reporter_folder_cannot_be_imported():
                    import importlib.util, sys
                    assert importlib.util.find_spec("suite_run") is None
            """
        }
    )

    run = run_suite(farm_target, root, sandbox)

    assert run.failing == ()
    assert farm_target.python == Path(sys.executable)


def test_a_plugin_that_the_repository_switches_off_gets_no_options_of_ours(
    make_project, sandbox: Sandbox
):
    root = make_project(
        {
            "pytest.ini": "[pytest]\naddopts = -p no:pytest_cov -k 'not slow'\n",
            "test_one.py": "def test_one(): pass\ndef test_slow(): pass\n",
        }
    )

    run = run_suite(detect_target(root), root, sandbox)

    assert run.outcomes == {"test_one.py::test_one": "passed"}
    assert run.notes == ()


def test_a_part_of_the_suite_is_configured_as_the_whole(make_project, farm_target, sandbox):
    root = make_project(
        {
            "pyproject.toml": "[tool.pytest.ini_options]\npython_functions = 'check_*'\n",
            "part/pytest.ini": "[pytest]\npython_functions = never_*\n",
            "part/test_part.py": "def check_it(): pass\n",
        }
    )

    whole = run_suite(farm_target, root, sandbox)
    part = run_suite(farm_target, root, sandbox, tests=("part/test_part.py::check_it",))

    assert whole.outcomes == part.outcomes == {"part/test_part.py::check_it": "passed"}
