"""RP-5: a Plan for a mechanical request, from what its recipe comes to at base."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from selfheal.codegraph.tests_impact import is_test_file
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.plan import Plan, Step
from selfheal.contracts.recipe import AddImport, Recipe, RenameSymbol
from selfheal.recipes.rewrite import Rewrite

FILES_PER_STEP = 20
"""Where files do not depend on each other: each step costs a run of the tests."""


def plan_from_rewrite(
    request: ChangeRequest, recipe: Recipe, rewrite: Rewrite, *, plan_id: UUID, base_sha: str
) -> Plan:
    """The Plan for this rewrite; without steps where it changes nothing.

    A rename is one step, because half of one breaks; else there is a step for a handful of files.
    """
    groups = list(_groups(recipe, rewrite))
    return Plan(
        id=plan_id,
        parent_request_id=request.id,
        steps=tuple(
            _step(order, recipe, rewrite, group, of=len(groups))
            for order, group in enumerate(groups, 1)
        ),
        rationale=rewrite.found,
        affected_paths=tuple(sorted(path for path, _ in rewrite.texts)),
        base_commit_sha=base_sha,
        spdx_tags=request.spdx_tags,
        warnings=rewrite.warnings,
        planner=f"recipe: {recipe.kind}, no model",
    )


def _groups(recipe: Recipe, rewrite: Rewrite) -> Iterator[tuple[str, ...]]:
    """Paths by step; tests last, so that a step of sources does not wait for them."""
    paths = [path for path, _ in rewrite.texts]
    if isinstance(recipe, RenameSymbol | AddImport):
        return iter([tuple(paths)] if paths else [])
    paths.sort(key=lambda path: (is_test_file(path), path))
    starts = range(0, len(paths), FILES_PER_STEP)
    return (tuple(paths[start : start + FILES_PER_STEP]) for start in starts)


def _step(order: int, recipe: Recipe, rewrite: Rewrite, paths: tuple[str, ...], *, of: int) -> Step:
    part = f" ({order} of {of}: {len(paths)} files)" if of > 1 else ""
    return Step(
        order=order,
        goal=f"{recipe.goal}{part}",
        kind="REFACTOR",
        path=rewrite.symbols[0].file_path if of == 1 else paths[0],
        hints=rewrite.found,
        symbols=tuple(symbol for symbol in rewrite.symbols if symbol.file_path in paths),
        acceptance_criteria=("no test newly fails",),
        indivisible=True,
    )
