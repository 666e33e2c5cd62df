"""The search tries in a fixed order, stops in time and keeps what tests confirm."""

from __future__ import annotations

from collections.abc import Callable

from selfheal.repair.candidates import waves
from selfheal.repair.forbidden import is_forbidden, is_test_file
from selfheal.repair.localise import Localisation, localise_lines
from selfheal.repair.ranking import confidence, ranked
from selfheal.repair.search import Finding, Goal, Search
from selfheal.repair.source import SourceFile
from selfheal.repair.templates.place import Change
from selfheal.repair.validator import CaseResult, Failure, Run

TEXT = "def bigger(a, b):\n    return a if a < b else b\n\ndef twice(a):\n    return a + a\n"
SOURCES = {"m.py": SourceFile("m.py", TEXT)}


class Interpreter:
    """A validator whose tests are expressions over the patched module."""

    def __init__(self, tests: dict[str, Callable[[dict[str, object]], object]]) -> None:
        self._tests, self.runs = tests, []  # type: ignore[var-annotated]

    def run(self, run: Run) -> tuple[CaseResult, ...]:
        assert run.edit is not None
        text = TEXT[: run.edit.start] + run.edit.text + TEXT[run.edit.end :]
        self.runs.append(text)
        results = []
        for name in run.tests:
            results.append(CaseResult(name, self._outcome(name, text), 0.0, None, {}))
            if run.stop_at_failure and not results[-1].green:
                break
        return tuple(results)

    def _outcome(self, name: str, text: str) -> str:  # type: ignore[return]
        space: dict[str, object] = {}
        try:
            exec(text, space)
            return "passed" if self._tests[name](space) else "failed"
        except Exception:
            return "failed"


TESTS = {
    "t::bigger": lambda m: m["bigger"](1, 2) == 2,
    "t::smaller": lambda m: m["bigger"](4, 3) == 4 and m["bigger"](3, 3) == 3,
    "t::twice": lambda m: m["twice"](2) == 4,
}


def place() -> Localisation:
    def told(name: str, lines: set[int], outcome: str) -> CaseResult:
        failure = Failure("AssertionError", "", ()) if outcome == "failed" else None
        return CaseResult(name, outcome, 0.0, failure, {"m.py": frozenset(lines)})  # type: ignore[arg-type]

    results = [
        told("t::bigger", {2}, "failed"),
        told("t::smaller", {2}, "failed"),
        told("t::twice", {5}, "passed"),
    ]
    return localise_lines(results, SOURCES, {})


def run_search(
    validator: Interpreter, most: int = 500, out_of_time: bool = False, rounds: int = 1
) -> Finding:
    found = place()
    goal = Goal(key="t::bigger", others=("t::smaller",), localisation=found, limits={})
    search = Search(
        waves(SOURCES, found, [], out_of_time=lambda: out_of_time),
        goal,
        validator,
        most=most,
        out_of_time=lambda: out_of_time,
        on_step=lambda finding: None,
    )
    for _ in range(rounds):
        search.proceed()
    return search.finding


def test_the_slip_is_found_and_fixes_both_tests() -> None:
    finding = run_search(Interpreter(TESTS))

    best = ranked(finding.plausible)[0]
    change = best.candidate.change
    new = SOURCES["m.py"].spliced((change.start, change.end, change.text))
    space: dict[str, object] = {}
    exec(new, space)
    assert all(passes(space) for passes in TESTS.values())
    assert best.fixes == ("t::bigger", "t::smaller")


def test_the_same_input_gives_the_same_patches_in_the_same_order() -> None:
    one, other = Interpreter(TESTS), Interpreter(TESTS)

    run_search(one)
    run_search(other)

    assert one.runs == other.runs
    assert len(set(one.runs)) > 10


def test_a_search_goes_on_where_it_stopped() -> None:
    once, twice = run_search(Interpreter(TESTS)), run_search(Interpreter(TESTS), rounds=2)

    assert twice.validations > once.validations
    assert len(twice.plausible) >= len(once.plausible)


def test_the_text_itself_is_never_tried() -> None:
    validator = Interpreter(TESTS)

    run_search(validator)

    assert TEXT not in validator.runs


def test_the_bound_on_candidates_holds() -> None:
    impossible = {**TESTS, "t::bigger": lambda m: False}

    finding = run_search(Interpreter(impossible), most=7)

    assert (finding.validations, finding.plausible, finding.exhausted) == (7, [], False)


def test_without_time_nothing_is_tried() -> None:
    assert run_search(Interpreter(TESTS), out_of_time=True).validations == 0


def test_a_search_that_tried_everything_says_so() -> None:
    impossible = {**TESTS, "t::bigger": lambda m: False}

    assert run_search(Interpreter(impossible), most=100_000).exhausted


def test_a_search_whose_time_ends_while_it_looks_for_candidates_has_not_tried_everything() -> None:
    moments = iter([False, False])  # one for the search, one for the first place

    search = Search(
        waves(SOURCES, place(), [], out_of_time=lambda: next(moments, True)),
        Goal(key="t::bigger", others=(), localisation=place(), limits={}),
        Interpreter(TESTS),
        most=500,
        out_of_time=lambda: next(moments, True),
        on_step=lambda finding: None,
    )

    assert search.proceed() == []
    assert not search.finding.exhausted


def test_waves_go_from_the_first_tier_to_the_last() -> None:
    every = waves(SOURCES, place(), [], out_of_time=lambda: False)
    tiers = [{candidate.template.tier for candidate in wave} for wave in every]

    assert tiers[:3] == [{1}, {2}, {3}]


def test_rivals_and_missing_guards_lower_confidence() -> None:
    found = ranked(run_search(Interpreter(TESTS)).plausible)

    alone = confidence(found[0], found[:1], 2)
    with_rival = confidence(found[0], [found[0], found[0]], 2)

    assert 0 < with_rival < alone < 1


def test_tests_and_fixtures_are_no_place_to_fix_code() -> None:
    assert is_test_file("tests/helper.py")
    assert is_test_file("pkg/test_x.py")
    assert is_test_file("conftest.py")
    assert not is_test_file("pkg/testing_tools.py")


def test_an_except_is_never_widened_to_everything() -> None:
    source = SourceFile("m.py", "try:\n    pass\nexcept ValueError:\n    pass\n")
    node = source.tree.body[0].handlers[0].type  # type: ignore[attr-defined]

    assert is_forbidden(source, node, Change(*source.span(node), "Exception"))
    assert not is_forbidden(source, node, Change(*source.span(node), "KeyError"))


def test_arguments_of_a_call_that_deletes_files_are_left_alone() -> None:
    source = SourceFile("m.py", "import shutil\nshutil.rmtree(path)\n")
    node = source.tree.body[1].value.args[0]  # type: ignore[attr-defined]

    assert is_forbidden(source, node, Change(*source.span(node), "root"))
