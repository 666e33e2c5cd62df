"""CP-2: the paths of a step, verified against the tree of the commit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from posixpath import basename, dirname
from typing import Final

from selfheal.code_planning.reading import FileReader
from selfheal.codegraph.source import is_python
from selfheal.contracts.plan import PlanWarning, Step, Symbol

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class StepPaths:
    """The files that a step works on, its own first; empty when none lies inside the tree."""

    files: tuple[str, ...]
    warnings: tuple[PlanWarning, ...] = ()


Lookup = Callable[[str, Sequence[str]], Sequence[str]]
"""The paths that a goal with its hints is about, best first."""


class PathResolver:
    """Verifies paths; looks for the file that was meant where there is none of that name."""

    def __init__(self, reader: FileReader, lookup: Lookup | None = None) -> None:
        self._reader = reader
        self._lookup = lookup
        self._paths = frozenset(reader.paths)
        self._folders = _folders(self._paths)

    def exists(self, path: str) -> bool:
        """Whether the tree holds this file."""
        return path in self._paths

    def resolve(self, step: Step) -> StepPaths:
        """The step's files, with an UNRESOLVED_PATH warning for each that is not as it says."""
        warnings: list[PlanWarning] = []
        named = (step.path, *(symbol.file_path for symbol in step.symbols))
        files = [self._verified(step, path, warnings.append) for path in dict.fromkeys(named)]
        return StepPaths(tuple(dict.fromkeys(filter(None, files))), tuple(warnings))

    def _verified(self, step: Step, path: str, warn: Callable[[PlanWarning], None]) -> str:
        inside = _inside(path)
        if inside is None or not self._is_free(inside):
            expected = "expected a file, or a place for one, inside the repository"
            warn(_unresolved(step, path, f"{expected}; the path is left out"))
            return ""
        if inside in self._paths or step.kind == "ADD":
            return inside
        found, reason = self._meant(step, inside)
        if found:
            warn(_unresolved(step, path, f"no such file at the base commit; {reason}"))
            return found
        warn(_unresolved(step, path, "no such file at the base commit, and none like it"))
        return inside

    def _is_free(self, path: str) -> bool:
        """Whether a file is there or could be: no folder has its name, no file is its folder."""
        return path not in self._folders and self._paths.isdisjoint(_folders([path]))

    def _meant(self, step: Step, path: str) -> tuple[str, str]:
        """The one file of the same name, else the one that defines what the step names, else the
        one that its words are about most."""
        named_so = [known for known in self._paths if basename(known) == basename(path)]
        if len(named_so) == 1:
            return named_so[0], f"{named_so[0]} is the only one of that name and is used"
        defining = self._reader.defining(names_of(step)) if is_python(path) else []
        if len(defining) == 1:
            return defining[0], f"{defining[0]} alone defines what the step names and is used"
        # A search always finds something, and nothing may be removed that the plan has not named.
        lookup = self._lookup if step.kind != "REMOVE" else None
        for likely in lookup(step.goal, step.hints) if lookup else ():
            if likely in self._paths:
                return likely, f"{likely} is what the step's words are about most, and is used"
        return "", ""


def names_of(step: Step) -> frozenset[str]:
    """Names that look like code in what the step says: dotted, snake_case, CamelCase, `f()`."""
    text = "\n".join((step.goal, *step.hints))
    marked = re.findall(r"`([^`\n]{1,200})`", text) + re.findall(r"([\w.]+)\(", text)
    named = {name for mark in marked for name in _IDENTIFIER.findall(mark)}
    plain = {name for name in _IDENTIFIER.findall(text) if _looks_like_code(name)}
    symbols = {name for symbol in step.symbols for name in _short_names(symbol)}
    return frozenset(named | plain | symbols)


def _short_names(symbol: Symbol) -> list[str]:
    """The last name; with the name of its class for a method."""
    return symbol.fq_name.split(".")[-2 if symbol.kind == "method" else -1 :]


def _looks_like_code(name: str) -> bool:
    return "_" in name.strip("_") or re.search(r"[a-z][A-Z]", name) is not None


def _inside(path: str) -> str | None:
    """`path` in its shortest form; None when it leaves the repository or is no file of it."""
    if any(ord(mark) < 32 or mark == "\\" for mark in path) or path.startswith("/"):
        return None
    parts = list(_parts(path))
    if not parts or ".." in parts or ".git" in map(str.lower, parts) or path.endswith("/"):
        return None
    return "/".join(parts)


def _folders(paths: Iterable[str]) -> frozenset[str]:
    """The folders that hold files of these paths."""
    found = {""}
    for path in paths:
        folder = dirname(path)
        while folder not in found:
            found.add(folder)
            folder = dirname(folder)
    return frozenset(found)


def _parts(path: str) -> Iterator[str]:
    return (part for part in path.split("/") if part not in ("", "."))


def _unresolved(step: Step, path: str, why: str) -> PlanWarning:
    message = f"step {step.order}: {path!r}: {why}"
    return PlanWarning(code="UNRESOLVED_PATH", message=message, path=path)
