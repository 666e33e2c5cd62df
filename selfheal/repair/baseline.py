"""The first runs of a repair: which tests fail, which pass, and what each of them executes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from selfheal.repair.validator import CaseResult, Collection, Run, WarmValidator

TRACED_LIMIT = 3.0
PLAIN_LIMIT = 10.0


def trace_tests(
    validator: WarmValidator,
    *,
    failing: Sequence[str],
    passing: Sequence[str] | None,
    seconds: float,
) -> tuple[CaseResult, ...]:
    """Traced results of the failing tests, then of the others while `seconds` last.

    Without given failing tests, and while none has failed, three times as long is spent. A test
    that only the tracing makes too slow is left out: nothing is known of it.
    """
    collection = validator.collection
    broken = broken_files(collection)
    known = [name for name in failing if name in collection.tests]
    others = [name for name in _others(collection, failing, passing) if name not in known]
    results = [*broken, *_traced(validator, known, seconds=seconds)]
    # One process and the natural order: some suites lean on what earlier tests left behind.
    results += _traced(validator, _near_first(others, failing), seconds=seconds)
    if all(result.green for result in results):
        done = {result.test for result in results}
        rest = [name for name in others if name not in done]
        results += _traced(validator, rest, seconds=3 * seconds)
    return tuple(results)


def broken_files(collection: Collection) -> list[CaseResult]:
    """A file that cannot be collected is a failing test under the file's own name."""
    return [
        CaseResult(name, "failed", 0.0, failure, collection.imported)
        for name, failure in sorted(collection.broken.items())
    ]


def _others(
    collection: Collection, failing: Sequence[str], passing: Sequence[str] | None
) -> list[str]:
    wanted = set(collection.tests if passing is None else passing) - set(failing)
    return [name for name in collection.tests if name in wanted]


def _near_first(names: Sequence[str], failing: Sequence[str]) -> list[str]:
    files = {name.split("::", 1)[0] for name in failing}
    return sorted(names, key=lambda name: name.split("::", 1)[0] not in files)


def _traced(validator: WarmValidator, names: Sequence[str], *, seconds: float) -> list[CaseResult]:
    if not names:
        return []
    results = validator.run(
        Run(tests=tuple(names), trace=True, limit=TRACED_LIMIT, seconds=seconds)
    )
    slow = tuple(result.test for result in results if result.outcome in ("timeout", "crashed"))
    if not slow:
        return list(results)
    plain = {r.test: r for r in validator.run(Run(tests=slow, limit=PLAIN_LIMIT))}
    kept = []
    for result in results:
        again = plain.get(result.test)
        if again is None:
            kept.append(result)
        elif not again.green:
            failure = result.failure or again.failure
            kept.append(replace(again, lines=result.lines, failure=failure))
    return kept
