"""Patches as they come: each is applied in a small project and checked in the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from selfheal.checks.baseline import Baseline, measure_baseline
from selfheal.checks.change import Change
from selfheal.checks.self_check import SelfCheck, self_check
from selfheal.checks.target import Target
from selfheal.sandbox.jail import Sandbox

BASE = {
    "prices.py": '''"""Prices."""


def total(prices, tax):
    """The sum with tax."""
    return sum(prices) - tax


def cheapest(prices):
    return min(prices)
''',
    "ugly.py": "import os\nx = { 'a':1 }\n",
    "tests/test_prices.py": """from prices import cheapest, total


def test_total():
    assert total([1, 2], 1) == 4


def test_cheapest():
    assert cheapest([3, 2]) == 2
""",
}
FIXED = BASE["prices.py"].replace("- tax", "+ tax")
TARGET = "tests/test_prices.py::test_total"

Check = Callable[..., SelfCheck]


@pytest.fixture(scope="module")
def baseline(make_project, farm_target: Target, sandbox: Sandbox) -> Baseline:
    return measure_baseline(farm_target, make_project(BASE), sandbox, sha="base")


@pytest.fixture(scope="module")
def bare_target(farm_target: Target) -> Target:
    """Without formatter and linter, whose starts would be most of the time of these tests."""
    return replace(farm_target, formatter=None, linter=None)


@pytest.fixture
def check(tmp_path: Path, bare_target: Target, sandbox: Sandbox, baseline: Baseline) -> Check:
    """Checks a patch given as new texts by path, None for a deleted file."""

    def check(patch: Mapping[str, str | None], **options) -> SelfCheck:
        for path, text in {**BASE, **patch}.items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.unlink(missing_ok=True)
            if text is not None:
                file.write_text(text)
        base = {path: text.encode() for path, text in BASE.items()}
        change = Change(worktree=tmp_path, paths=tuple(patch), base_file=base.get)
        options = {"targets": (TARGET,), "target": bare_target, "baseline": baseline, **options}
        return self_check(change, options.pop("target"), sandbox, **options)

    return check


def test_a_patch_that_fixes_is_formatted_and_passes(
    check: Check, tmp_path: Path, farm_target: Target
):
    patch = {"prices.py": FIXED.replace("sum(prices) + tax", "sum( prices )+tax")}

    done = check(patch, target=farm_target)

    assert (done.ok, done.verdict, done.judgement.fixed) == (True, "fixes", (TARGET,))
    assert done.formatted == (("prices.py", FIXED.encode()),)
    assert (tmp_path / "prices.py").read_text() == FIXED
    assert done.run is not None and done.run.evidence("x").passed == 2


def test_a_file_that_was_not_formatted_at_base_is_left_alone(
    check: Check, tmp_path: Path, farm_target: Target
):
    patched = BASE["ugly.py"] + "y = { 'b':2 }\n"

    done = check({"ugly.py": patched, "prices.py": FIXED}, target=farm_target)

    assert done.ok and done.formatted == ()
    assert (tmp_path / "ugly.py").read_text() == patched
    assert "ugly.py is not formatted by black at base" in done.notes[0]


def test_only_new_findings_of_the_linter_refuse(check: Check, farm_target: Target):
    linting = replace(farm_target, formatter=None)
    moving = {"ugly.py": "\n\n" + BASE["ugly.py"], "prices.py": FIXED}
    adding = {"ugly.py": "import sys\n" + BASE["ugly.py"], "prices.py": FIXED}

    old_one_moved = check(moving, target=linting)
    new_one = check(adding, target=linting)
    noted = check(adding, target=linting, lint_refuses=False)

    assert old_one_moved.ok and old_one_moved.findings == ()
    assert (new_one.stopped_at, new_one.verdict) == ("lint", "none")
    assert len(new_one.findings) == 1 and "F401" in new_one.reason and "sys" in new_one.reason
    assert noted.ok and noted.findings == new_one.findings


def test_a_patch_that_breaks_another_test_is_refused_with_its_failure(check: Check):
    done = check({"prices.py": FIXED.replace("min(", "max(")})

    assert (done.stopped_at, done.verdict) == ("suite", "breaks_tests")
    assert done.judgement.newly_failing == ("tests/test_prices.py::test_cheapest",)
    assert "assert 3 == 2" in done.reason


def test_a_patch_without_effect_is_no_fix(check: Check):
    done = check({"prices.py": BASE["prices.py"].replace("The sum", "A sum")})

    assert (done.ok, done.verdict) == (False, "no_change_in_tests")
    assert "assert 2 == 4" in done.reason


def test_a_long_suite_is_asked_for_its_cheapest_part_first(check: Check, baseline: Baseline):
    long = replace(baseline, seconds=600.0)
    impacted = ("tests/test_prices.py::test_cheapest",)

    wrong = check({"prices.py": BASE["prices.py"] + "\n"}, baseline=long, impacted=impacted)
    breaking = check({"prices.py": FIXED.replace("min(", "max(")}, baseline=long, impacted=impacted)
    right = check({"prices.py": FIXED}, baseline=long, impacted=impacted)

    assert wrong.stopped_at == "targets" and "suite" not in wrong.seconds
    assert breaking.stopped_at == "impacted" and "suite" not in breaking.seconds
    assert list(right.seconds) == ["targets", "impacted", "suite"]


def test_tests_that_the_patch_weakens_are_judged_as_they_were(check: Check, tmp_path: Path):
    weaker = BASE["tests/test_prices.py"].replace("== 4", "== 2")

    done = check({"tests/test_prices.py": weaker})

    assert (done.ok, done.verdict) == (False, "no_change_in_tests")
    assert "base's versions judged the patch of tests/test_prices.py" in done.notes
    assert (tmp_path / "tests/test_prices.py").read_text() == weaker


def test_a_deleted_test_and_a_conftest_that_skips_are_no_fix(check: Check):
    skipping = "import pytest\n@pytest.fixture(autouse=True)\ndef skip():\n    pytest.skip()\n"

    deleted = check({"tests/test_prices.py": None})
    skipped = check({"tests/conftest.py": skipping})

    assert deleted.verdict == skipped.verdict == "no_change_in_tests"


def test_configuration_that_hides_a_failure_is_not_heard(check: Check):
    done = check({"pytest.ini": "[pytest]\naddopts = --deselect tests/test_prices.py\n"})

    assert (done.ok, done.verdict) == (False, "no_change_in_tests")


def test_a_new_test_that_fails_without_the_patch_guards_it(check: Check):
    new = "from prices import total\n\n\ndef test_no_tax():\n    assert total([1], 5) == 6\n"

    done = check({"prices.py": FIXED, "tests/test_tax.py": new})

    assert (done.ok, done.verdict) == (True, "fixes_and_guards")


def test_a_new_test_that_passes_anyway_guards_nothing(check: Check):
    done = check({"prices.py": FIXED, "tests/test_true.py": "def test_true():\n    assert 1\n"})

    assert (done.ok, done.verdict) == (True, "fixes")


def test_a_new_test_that_fails_refuses_the_patch(check: Check):
    new = "def test_wrong():\n    assert [] == [1]\n"

    done = check({"prices.py": FIXED, "tests/test_wrong.py": new})

    assert (done.stopped_at, done.verdict) == ("guards", "breaks_tests")
    assert done.judgement.newly_failing == ("tests/test_wrong.py::test_wrong",)


def test_a_patch_that_leaves_no_test_importable_breaks_them(check: Check):
    done = check({"prices.py": "import no_such_thing\n"})

    assert (done.stopped_at, done.verdict) == ("suite", "breaks_tests")
    assert "no_such_thing" in done.reason


@pytest.mark.slow
def test_a_patch_that_never_ends_breaks_its_tests(check: Check):
    endless = FIXED.replace("return min(prices)", "while True:\n        pass")

    done = check({"prices.py": endless}, test_seconds=2.5)

    assert done.verdict == "breaks_tests"
    assert done.judgement.newly_failing == ("tests/test_prices.py::test_cheapest",)
    assert "did not end within" in done.reason


def test_tools_that_are_missing_are_told(check: Check, bare_target: Target):
    without = replace(bare_target, notes=("the linter ruff is installed nowhere",))

    done = check({"prices.py": FIXED}, target=without)

    assert done.ok and done.notes == ("the linter ruff is installed nowhere",)
