"""What a request's recipe comes to in a work tree: planned from at base, drafted from in a task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from selfheal.checks.interpreter import farm_interpreter
from selfheal.checks.linting import read_findings
from selfheal.checks.rewriting import UNUSED_IMPORTS, Rewritten, rewritten
from selfheal.checks.target import Target
from selfheal.checks.tool import Tool, find_linter
from selfheal.checks.tool_run import ToolBench
from selfheal.codegraph.source import module_name
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.plan import PlanWarning, Symbol
from selfheal.contracts.recipe import (
    AddImport,
    Format,
    Recipe,
    RemoveUnusedImports,
    RenameSymbol,
)
from selfheal.edits.tamper import SENSITIVE, classify_path
from selfheal.flows.attempting import Running
from selfheal.index.snapshot import Snapshot
from selfheal.recipes.imports import add_import
from selfheal.recipes.reexports import reexports_lost
from selfheal.recipes.rename import rename
from selfheal.recipes.rewrite import CannotDo, Rewrite
from selfheal.workspace.worktree import Worktree

_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeBench:
    """Where a recipe is carried out: a clean `tree` at the commit whose files are in `source`."""

    running: Running
    request: ChangeRequest
    target: Target
    tree: Worktree
    source: Snapshot

    def carry_out(self, recipe: Recipe, *, only: tuple[str, ...] = ()) -> Rewrite | CannotDo:
        """What the recipe makes of the tree, or of the files named in `only`.

        Tools run in the sandbox, and the tree is left as they leave it: reset it. Raises
        EnvironmentUnusable for a tool that fails.
        """
        match recipe:
            case RenameSymbol():
                return rename(self.source, recipe.symbol, recipe.to)
            case AddImport():
                return add_import(self.source, recipe)
            case RemoveUnusedImports():
                tool, missing = find_linter(UNUSED_IMPORTS, (farm_interpreter(),))
                return self._by_tool(recipe, tool, missing, only=only or recipe.paths)
            case Format():
                missing = "; ".join(self.target.notes) or "no formatter is known"
                return self._by_tool(
                    recipe, self.target.formatter, missing, only=only or recipe.paths
                )

    def _by_tool(
        self, recipe: Recipe, tool: Tool | None, missing: str, *, only: tuple[str, ...]
    ) -> Rewrite | CannotDo:
        if tool is None:
            return CannotDo(missing, "name one with `format` in the repository's [tool.selfheal]")
        known = [path for path in self.source.paths() if path.endswith((".py", ".pyi"))]
        if unknown := [path for path in only if path not in known]:
            return CannotDo(f"there is no file {unknown[0]}", "name Python files of the repository")
        bench = ToolBench(
            target=self.target,
            worktree=self.tree.folder,
            sandbox=self.running.farm.sandbox,
            stop=self.running.stopping,
        )
        made = rewritten(tool, bench, among=only or known, named=only)
        left = (*self._guarded(made), *self._wanted_elsewhere(recipe, made))
        return _rewrite(tool, made, left=(*left, *_found_still(recipe, made)))

    def _guarded(self, made: Rewritten) -> Iterator[PlanWarning]:
        """Files that the gate would refuse."""
        for path, _ in made.texts:
            if not may_touch_sensitive(self.request, (path,)):
                message = f"{path} was left: a {classify_path(path)} file needs `allow_sensitive`"
                yield PlanWarning(code="LEFT_ALONE", message=message, path=path)

    def _wanted_elsewhere(self, recipe: Recipe, made: Rewritten) -> Iterator[PlanWarning]:
        """Files whose imports are unused by themselves only."""
        if isinstance(recipe, RemoveUnusedImports):
            for lost in reexports_lost(self.source, made.texts):
                message = f"{lost.path} was left: {lost.user} takes {lost.name} from it"
                yield PlanWarning(code="LEFT_ALONE", message=message, path=lost.path)


def judged_target(recipe: Recipe | None, target: Target) -> Target:
    """The target as a task's own self-check takes it: what was just formatted is not again."""
    return replace(target, formatter=None) if isinstance(recipe, Format) else target


def may_touch_sensitive(request: ChangeRequest, paths: tuple[str, ...]) -> bool:
    """Whether a draft of `paths` may touch what steers checks: a recipe may edit `conftest.py`.

    Its edits are computed, and tests import from there like from anywhere.
    """
    names = [path for path in paths if classify_path(path) in SENSITIVE]
    only_shared = all(path.rpartition("/")[2] == "conftest.py" for path in names)
    return request.allow_sensitive or (request.recipe is not None and only_shared)


def _rewrite(tool: Tool, made: Rewritten, *, left: tuple[PlanWarning, ...]) -> Rewrite:
    """What the tool made, without the files that are left as they are."""
    untouched = {warning.path for warning in left if warning.path in dict(made.texts)}
    texts = tuple((path, text) for path, text in made.texts if path not in untouched)
    shown = ", ".join(path for path, _ in texts[:_SHOWN])
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    what = f"`{tool}` changes {len(texts)} files" + (f": {shown}{more}" if texts else "")
    return Rewrite(
        texts=texts,
        symbols=tuple(
            Symbol(fq_name=module_name(path), kind="module", file_path=path) for path, _ in texts
        ),
        found=(what,),
        warnings=left,
    )


def _found_still(recipe: Recipe, made: Rewritten) -> tuple[PlanWarning, ...]:
    """Findings that the linter does not mend by itself, such as a package's re-exports."""
    if not isinstance(recipe, RemoveUnusedImports):
        return ()
    return tuple(
        PlanWarning(code="LEFT_ALONE", message=f"left: {one.shown}")
        for one in read_findings(made.output)[:_SHOWN]
    )
