"""The verdict on a patch, by example and by property."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfheal.checks.outcomes import FAILING, PASSING, covered, covering
from selfheal.checks.verdict import GOOD, judge

A, B, C = "t.py::test_a", "t.py::test_b", "t.py::test_c"


@pytest.mark.parametrize(
    ("before", "after", "targets", "verdict"),
    [
        ({A: "failed"}, {A: "passed"}, (A,), "fixes"),
        ({A: "error"}, {A: "passed"}, (), "fixes"),
        ({A: "failed"}, {A: "failed"}, (A,), "no_change_in_tests"),
        ({A: "failed"}, {A: "error"}, (A,), "no_change_in_tests"),
        ({A: "failed"}, {}, (A,), "no_change_in_tests"),
        ({A: "failed"}, {A: "skipped"}, (A,), "no_change_in_tests"),
        ({A: "failed"}, {A: "xfailed"}, (A,), "no_change_in_tests"),
        ({A: "passed"}, {A: "passed"}, (), "passes"),
        ({A: "passed", B: "failed"}, {A: "passed", B: "failed"}, (), "passes"),
        ({A: "failed", B: "passed"}, {A: "passed", B: "failed"}, (A,), "breaks_tests"),
        ({A: "failed", B: "passed"}, {A: "passed"}, (A,), "breaks_tests"),
        ({A: "failed", B: "passed"}, {A: "passed", B: "skipped"}, (A,), "breaks_tests"),
        ({A: "failed", B: "passed"}, {A: "passed", B: "xfailed"}, (A,), "breaks_tests"),
        ({A: "failed", B: "skipped"}, {A: "passed"}, (A,), "fixes"),
        ({A: "failed"}, {A: "passed", C: "failed"}, (A,), "breaks_tests"),
        ({A: "failed"}, {A: "failed", "t.py": "error"}, (), "breaks_tests"),
        ({"t.py": "error"}, {A: "passed", B: "passed"}, ("t.py",), "fixes"),
        ({"t.py": "error"}, {A: "passed", B: "skipped"}, ("t.py",), "fixes"),
        ({"t.py": "error"}, {A: "passed", B: "failed"}, ("t.py",), "no_change_in_tests"),
        ({"t.py": "error"}, {A: "passed", B: "failed"}, (A,), "fixes"),
        ({"t.py": "error"}, {}, ("t.py",), "no_change_in_tests"),
        ({A: "passed"}, {}, (), "breaks_tests"),
        ({}, {}, (), "no_change_in_tests"),
    ],
)
def test_verdicts(before, after, targets, verdict):
    assert judge(before, after, targets=targets).verdict == verdict


def test_a_function_is_fixed_when_all_its_parameters_pass():
    before = {f"{A}[1]": "failed", f"{A}[2]": "failed", f"{A}[3]": "passed"}

    half = judge(before, {**before, f"{A}[1]": "passed"}, targets=(A,))
    whole = judge(before, dict.fromkeys(before, "passed"), targets=(A,))
    fewer = judge(before, {f"{A}[1]": "passed", f"{A}[3]": "passed"}, targets=(A,))

    assert (half.fixed, whole.fixed, fewer.fixed) == ((), (A,), ())
    assert half.unfixed == (A,)


def test_parameters_may_change_with_the_code_they_come_from():
    judgement = judge({f"{A}[old]": "passed"}, {f"{A}[new]": "passed"})

    assert (judgement.verdict, judgement.lost) == ("passes", ())


def test_a_new_test_that_needs_the_patch_makes_a_fix_a_guarded_one():
    assert judge({A: "failed"}, {A: "passed"}, guards=(B,)).verdict == "fixes_and_guards"
    assert judge({A: "passed"}, {A: "passed"}, guards=(B,)).verdict == "passes"


def test_a_run_of_a_part_loses_nothing_of_the_rest():
    judgement = judge({A: "failed", B: "passed"}, {A: "passed"}, targets=(A,), selection=(A,))

    assert judgement.verdict == "fixes"


@pytest.mark.parametrize(
    ("before", "after", "flaky", "note"),
    [
        ({A: "failed"}, {A: "passed"}, (A,), "passes and fails without a change"),
        ({A: "passed"}, {A: "passed"}, (), "did not fail at base"),
        ({A: "failed"}, {}, (), "is gone after the patch"),
        ({A: "failed"}, {A: "skipped"}, (), "is skipped or expected to fail"),
    ],
)
def test_a_target_that_is_no_fix_says_why(before, after, flaky, note):
    judgement = judge(before, after, targets=(A,), flaky=flaky)

    assert judgement.fixed == ()
    assert note in judgement.notes[0]


def test_an_id_is_covered_by_its_function_classes_and_file():
    test = "a/t.py::One::Two::test_x[p::q]"

    assert covering(test) == (
        test,
        "a/t.py::One::Two::test_x",
        "a/t.py::One::Two",
        "a/t.py::One",
        "a/t.py",
    )
    assert covered(test, by={"a/t.py::One"})
    assert not covered("a/t.py::One", by={test})


ids = st.sampled_from(
    [f"{file}::{test}" for file in ("a.py", "b.py") for test in ("t", "t[1]", "C::m", "C::m[x]")]
)
results = st.dictionaries(
    st.one_of(ids, st.sampled_from(["a.py", "b.py"])),
    st.sampled_from(["passed", "failed", "error", "skipped", "xfailed", "xpassed"]),
)


@settings(deadline=None)
@given(results)
def test_doing_nothing_neither_fixes_nor_breaks(outcomes):
    judgement = judge(outcomes, outcomes)

    assert judgement.fixed == judgement.newly_failing == judgement.lost == ()
    assert judgement.verdict in ("passes", "no_change_in_tests")


@settings(deadline=None)
@given(results, results, st.sets(ids))
def test_flaky_tests_are_never_blamed_or_praised(before, after, flaky):
    judgement = judge(before, after, flaky=flaky)

    assert flaky.isdisjoint((*judgement.newly_failing, *judgement.lost, *judgement.fixed))


@settings(deadline=None)
@given(results, results, st.sets(ids))
def test_a_good_verdict_means_that_nothing_got_worse(before, after, targets):
    judgement = judge(before, after, targets=targets)

    if judgement.verdict in GOOD:
        worse = [
            test
            for test, outcome in before.items()
            if outcome in PASSING and after.get(test) in (FAILING | {"skipped", "xfailed"})
            if not covered(test, by={name for name, was in before.items() if was in FAILING})
        ]
        assert worse == []
        assert bool(judgement.fixed) == judgement.verdict.startswith("fixes")


@settings(deadline=None)
@given(results, results, st.sets(ids, min_size=1))
def test_hiding_what_failed_before_never_fixes_more(before, after, targets):
    fixed = judge(before, after, targets=targets).fixed

    for removed in after:
        rest = {test: outcome for test, outcome in after.items() if test != removed}
        more = set(judge(before, rest, targets=targets).fixed) - set(fixed)
        # What failed before has to pass, so it cannot be hidden; a wider target may lose a test
        # that fails only now.
        assert not more or (after[removed] in FAILING and before.get(removed) not in FAILING)


@settings(deadline=None)
@given(results, results, st.sets(ids, min_size=1))
def test_every_target_is_either_fixed_or_not(before, after, targets):
    judgement = judge(before, after, targets=targets)

    assert sorted((*judgement.fixed, *judgement.unfixed)) == sorted(targets)
