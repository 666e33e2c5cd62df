"""RP-5: a Plan from evidence alone, without a model.

One Step per independent fault: the failing tests that one suspicious function explains best.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from selfheal.codegraph.source import module_name
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.plan import Plan, PlanWarning, Step, Symbol, SymbolKind
from selfheal.repair.faults import Fault
from selfheal.repair.task import SuspectFunction

MAX_STEPS = 50
"""More faults than this point to one cause that tests cannot name, not to fifty slips."""


def plan_from_faults(
    request: ChangeRequest,
    faults: Sequence[Fault],
    *,
    plan_id: UUID,
    base_sha: str,
    unexplained: Sequence[str],
) -> Plan:
    """The Plan for these faults. `unexplained` are failing tests that run no line that may change.

    The same evidence gives the same plan.
    """
    steps = tuple(_step(order, fault) for order, fault in enumerate(faults[:MAX_STEPS], 1))
    return Plan(
        id=plan_id,
        parent_request_id=request.id,
        steps=steps,
        rationale=tuple(
            _rationale(step, fault) for step, fault in zip(steps, faults, strict=False)
        ),
        affected_paths=tuple(sorted({step.path for step in steps})),
        wanted_tests=tuple(
            sorted({*unexplained, *(test for fault in faults for test in fault.failing)})
        ),
        base_commit_sha=base_sha,
        spdx_tags=request.spdx_tags,
        warnings=_warnings(faults, unexplained),
        planner="evidence: failing tests and spectrum-based fault localisation, no model",
    )


def _step(order: int, fault: Fault) -> Step:
    suspect = fault.suspects[0]
    return Step(
        order=order,
        goal=f"make {_named(fault.failing)} pass; look at {suspect.qualname} first",
        kind="EDIT",
        path=suspect.path,
        hints=tuple(f"{one.path}:{one.line} {one.qualname}: {one.why}" for one in fault.suspects),
        symbols=(_symbol(suspect),),
        acceptance_criteria=tuple(f"{test} passes" for test in fault.failing),
        test_ids=fault.failing,
    )


def _symbol(suspect: SuspectFunction) -> Symbol:
    module = module_name(suspect.path)
    if not suspect.qualname or suspect.qualname == "<module>":
        return Symbol(fq_name=module, kind="module", file_path=suspect.path)
    kind: SymbolKind = "method" if "." in suspect.qualname else "function"
    return Symbol(fq_name=f"{module}.{suspect.qualname}", kind=kind, file_path=suspect.path)


def _named(tests: Sequence[str]) -> str:
    """The first test, and how many more: the criteria name them all."""
    return tests[0] + (f" and {len(tests) - 1} more" if len(tests) > 1 else "")


def _rationale(step: Step, fault: Fault) -> str:
    ranked = "; ".join(f"{one.qualname} {one.score:.2f} ({one.why})" for one in fault.suspects[:3])
    return f"step {step.order}: {len(fault.failing)} failing tests point to {ranked}"


def _warnings(faults: Sequence[Fault], unexplained: Sequence[str]) -> tuple[PlanWarning, ...]:
    found = [
        PlanWarning(
            code="UNEXPLAINED_FAILURE",
            message=f"{test} fails, but runs no code of the repository that may be changed",
            path=test.partition("::")[0],
        )
        for test in unexplained
    ]
    if len(faults) > MAX_STEPS:
        left = len(faults) - MAX_STEPS
        found.append(
            PlanWarning(
                code="TOO_MANY_FAULTS",
                message=f"{left} more faults are left for a later plan",
            )
        )
    return tuple(found)
