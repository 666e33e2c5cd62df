"""Which files speak of which symbols of which others: imports and names only, nothing is inferred.

Takes time in proportion to the facts, where a call graph follows values; enough to tell what a
repository turns on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from selfheal.codegraph.facts import Chain, FileFacts
from selfheal.codegraph.names import Namespaces, full_name

_LONGEST_WAY = 8
"""Re-exports that are followed: of a package's package's package."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A file uses the symbol `fq_name`, which is defined in `target`; both files by path."""

    source: str
    target: str
    fq_name: str


def references_of(names: Namespaces) -> Counter[Reference]:
    """How often each file uses each symbol, its own included."""
    finder = _Finder(names)
    found: Counter[Reference] = Counter()
    for file in names.files.values():
        for chain, count in _chains(file).items():
            reference = finder.find(file.path, chain)
            if reference is not None:
                found[reference] += count
    return found


def _chains(file: FileFacts) -> Counter[Chain]:
    """What a file imports, calls and reads, and the bases of its classes, each with how often."""
    found = Counter(call.target for call in file.calls)
    found.update(binding.value for binding in file.bindings if binding.confidence == 1.0)
    found.update(base for definition in file.definitions for base in definition.bases)
    return found


class _Finder:
    def __init__(self, names: Namespaces) -> None:
        self._names = names
        self._imported = {path: dict(_imports(file)) for path, file in names.files.items()}
        self._known: dict[tuple[str, Chain], Reference | None] = {}

    def find(self, path: str, chain: Chain) -> Reference | None:
        """The symbol of the project that a chain in a file begins with; None when there is none."""
        head = _plain(chain)
        asked = (path, head)
        if asked not in self._known:
            self._known[asked] = self._found(path, head) if head else None
        return self._known[asked]

    def _found(self, path: str, chain: Chain) -> Reference | None:
        place, rest = path, chain
        for _ in range(_LONGEST_WAY):
            if not rest:
                return Reference(path, place, self._names.modules.name_of(place))
            name = self._defined(place, rest)
            if name:
                return Reference(path, place, name)
            step = self._next(place, rest)
            if step is None:
                return None
            place, rest = step
        return None

    def _defined(self, path: str, chain: Chain) -> str:
        """The longest beginning of a chain that the file defines, as an fq name."""
        if path not in self._names.files:
            return ""
        module = self._names.modules.name_of(path)
        for end in range(len(chain), 0, -1):
            name = full_name(module, ".".join(step.lstrip(".") for step in chain[:end]))
            if name in self._names.definitions:
                return name
        return ""

    def _next(self, path: str, chain: Chain) -> tuple[str, Chain] | None:
        """Where to look on: the file that the first name comes from, and what is asked of it."""
        first = chain[0]
        if not first.startswith("import:"):
            origin = self._imported.get(path, {}).get(first.lstrip("."))
            return self._next(path, (*origin, *chain[1:])) if origin else None
        module = first.removeprefix("import:")
        found = self._names.modules.find(module, importer=path)
        if found is not None:
            return found, chain[1:]
        if len(chain) == 1:
            return None
        dot = "" if module.endswith(".") else "."
        return self._next(path, (f"import:{module}{dot}{chain[1][1:]}", *chain[2:]))


def _imports(file: FileFacts) -> Iterator[tuple[str, Chain]]:
    """What the imports of a module bind, by name."""
    for binding in file.bindings:
        is_import = binding.value and binding.value[0].startswith("import:")
        if is_import and len(binding.target) == 1:
            yield binding.target[0], binding.value


def _plain(chain: Chain) -> Chain:
    """The beginning of a chain that is names only."""
    steps = []
    for step in chain:
        if step[:1] == "[" or step in ("()", "with") or step.startswith("via:"):
            break
        steps.append(step)
    return tuple(steps)
