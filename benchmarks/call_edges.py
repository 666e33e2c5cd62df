"""How well `selfheal callgraph` knows who calls whom, beside matching calls by their name alone.

    python benchmarks/call_edges.py --cases FOLDER
    python benchmarks/call_edges.py --library itsdangerous==2.2.0 [--with freezegun] ...

`--cases` wants a public set of small programs: below FOLDER, each folder with a `callgraph.json`
(an object: callees by caller) and the files that it speaks of. Sound are those programs of which
every call is found, complete those of which no call is made up.

`--library` asks what really runs. The source archive is fetched with pip, its tests run in an
environment of their own (`--with` names what else they need), and every call between functions of
the library is written down. A call that is found counts for precision where its line ran: one
that is possible, but that no test takes, counts against it.

The floor, in the same run: `x.f()` and `f()` call every function and method called `f`, and a
class's `__init__` where it is the class that is called so.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from unseen import fetched

from selfheal.codegraph.calling import BUILTIN, Hit
from selfheal.codegraph.callmap import CallMap, call_map
from selfheal.codegraph.facts import Call, FileFacts
from selfheal.codegraph.linking import Linker
from selfheal.codegraph.names import Namespaces, full_name
from selfheal.codegraph.parse import facts_in
from selfheal.codegraph.resolve import Place
from selfheal.codegraph.source import LoadedTree, Modules
from selfheal.index.opening import open_sources

TRACED = Path(__file__).parents[1] / "tests" / "unit" / "codegraph" / "traced.py"
SUITE_SECONDS = 1_200
# What a library asks of its own pytest: its plugins are not here, and newer warnings are no errors.
_PLAIN = ("-q", "-p", "no:cacheprovider", "-o", "addopts=", "-o", "filterwarnings=")

# How the public set spells the type of a literal: `<**PyStr**>.join`, here `<builtin>.str.join`.
_LITERAL = re.compile(r"<\*\*Py(\w+)\*\*>")

Edges = frozenset[tuple[str, str]]
Ran = Mapping[str, frozenset[int]]
"""Lines that ran, by path."""


@dataclass(frozen=True, slots=True)
class Score:
    """Calls that were found, those of them that are true, and those that there are to be found."""

    found: int = 0
    true: int = 0
    caught: int = 0
    wanted: int = 0

    @classmethod
    def of(cls, found: Edges, wanted: Edges, *, judged: Edges | None = None) -> Score:
        """Recall is of all that is found, precision of those that can be `judged`."""
        counted = found if judged is None else judged
        return cls(len(counted), len(counted & wanted), len(found & wanted), len(wanted))

    def __add__(self, other: Score) -> Score:
        return Score(
            self.found + other.found,
            self.true + other.true,
            self.caught + other.caught,
            self.wanted + other.wanted,
        )

    @property
    def precision(self) -> float:
        return self.true / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        return self.caught / self.wanted if self.wanted else 1.0


@dataclass(frozen=True, slots=True)
class Compared:
    """One program or library: ours, the floor, and where ours is wrong."""

    name: str
    ours: Score
    floor: Score
    missed: Edges
    invented: Edges


def main() -> None:
    options = _options()
    if options.cases:
        _show_cases([_case(path.parent, options.cases) for path in _lists(options.cases)], options)
    for requirement in options.library:
        with tempfile.TemporaryDirectory(prefix="selfheal-calls-") as folder:
            compared = _library(requirement, Path(folder), options.extra)
        _show(compared.name, compared.ours, compared.floor)
        _show_differences(compared, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cases", type=Path, metavar="FOLDER")
    parser.add_argument("--library", action="append", default=[], metavar="NAME==VERSION")
    parser.add_argument("--with", action="append", default=[], dest="extra", metavar="PACKAGE")
    parser.add_argument("--differences", action="store_true", help="name the calls that are wrong")
    options = parser.parse_args()
    if not options.cases and not options.library:
        print("nothing to do: give --cases FOLDER or --library NAME==VERSION")
    return options


# What is printed


def _show_cases(cases: list[Compared], options: argparse.Namespace) -> None:
    sets: dict[str, list[Compared]] = defaultdict(list)
    for case in cases:
        sets[case.name.rpartition("/")[0]].append(case)
    for name, members in (*sorted(sets.items()), ("all of them", cases)):
        _show(
            f"{name}, {len(members)} programs",
            sum((case.ours for case in members), Score()),
            sum((case.floor for case in members), Score()),
        )
        sound = sum(not case.missed for case in members)
        complete = sum(not case.invented for case in members)
        print(f"  sound {sound}, complete {complete}")
    for case in cases:
        _show_differences(case, options)


def _show(name: str, ours: Score, floor: Score) -> None:
    print(
        f"{name:<36} {ours.wanted:5} calls: precision {ours.precision:.3f}, "
        f"recall {ours.recall:.3f}; by name {floor.precision:.3f}, {floor.recall:.3f}; "
        f"ratios {_ratio(ours.precision, floor.precision)}, {_ratio(ours.recall, floor.recall)}",
        flush=True,
    )


def _ratio(ours: float, floor: float) -> str:
    return f"{ours / floor:.2f}x" if floor else "-"


def _show_differences(compared: Compared, options: argparse.Namespace) -> None:
    for title, edges in (("missed", compared.missed), ("invented", compared.invented)):
        for caller, callee in sorted(edges) if options.differences else ():
            print(f"  {title} in {compared.name}: {caller} -> {callee}")


# A public set


def _lists(folder: Path) -> list[Path]:
    return sorted(folder.rglob("callgraph.json"))


def _case(folder: Path, root: Path) -> Compared:
    listed = _LITERAL.sub(_as_builtin, (folder / "callgraph.json").read_text())
    wanted = _edges(json.loads(listed))
    names = _parsed(open_sources(folder))
    ours, floor = _edges(call_map(Linker(names))), _by_name(names)
    return Compared(
        folder.relative_to(root).as_posix(),
        Score.of(ours, wanted),
        Score.of(floor, wanted),
        wanted - ours,
        ours - wanted,
    )


def _as_builtin(spelt: re.Match[str]) -> str:
    return f"{BUILTIN}.{spelt[1].lower()}"


def _edges(calls: Mapping[str, Iterable[str]]) -> Edges:
    return frozenset((caller, callee) for caller in calls for callee in calls[caller])


def _parsed(tree: LoadedTree) -> Namespaces:
    facts = [found for path in tree.paths() if (found := facts_in(tree, path)) is not None]
    return Namespaces(facts, Modules(tree.paths()))


# A library under its own tests


def _library(requirement: str, folder: Path, extra: list[str]) -> Compared:
    root = fetched(requirement, folder)
    code = _code(root, requirement.partition("=")[0])
    wanted, ran = _what_runs(code, root, python=_environment(folder / "venv", root, extra))
    names = _parsed(_tree(code))
    ours, floor = _inside(call_map(Linker(names))), _by_name(names)
    judged = _inside(call_map(_OfLines(names, ran)))
    floor_judged = _by_name(names, lambda path, call: call.line in ran.get(path, ()))
    return Compared(
        requirement,
        Score.of(ours, wanted, judged=judged),
        Score.of(floor, wanted, judged=floor_judged),
        wanted - ours,
        judged - wanted,
    )


def _code(root: Path, name: str) -> Path:
    """The folder of the package, or the file of the module, that an archive is about."""
    module = name.replace("-", "_")
    for place in (root / "src", root, root / "lib"):
        for found in (place / module / "__init__.py", place / f"{module}.py"):
            if found.is_file():
                return found if found.stem == module else found.parent
    raise SystemExit(f"{name}: no package and no module {module} in its source archive")


def _environment(folder: Path, root: Path, extra: list[str]) -> Path:
    """The interpreter of a new environment with pytest, the library and what both need."""
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    install = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*install, "pytest", *extra, str(root)], check=True, capture_output=True)
    return python


def _what_runs(code: Path, root: Path, *, python: Path) -> tuple[Edges, Ran]:
    """The calls and lines of the library while its tests run; how they end is said."""
    answer = root.parent / "ran.json"
    done = subprocess.run(
        [python, TRACED, "suite", code, answer, *_PLAIN, "--continue-on-collection-errors"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=SUITE_SECONDS,
        check=False,
    )
    if not answer.exists():
        raise SystemExit(f"the tests of {root.name} do not run: {done.stderr[-2000:]}")
    print(f"{root.name}: {done.stdout.strip().splitlines()[-1].strip('= ')}")
    said = json.loads(answer.read_bytes())
    prefix = f"{code.parent}/"
    lines = {path.removeprefix(prefix): frozenset(ran) for path, ran in said["lines"].items()}
    return frozenset((caller, callee) for caller, callee in said["edges"]), lines


def _tree(code: Path) -> LoadedTree:
    """What `selfheal callgraph` reads of the library, without tests that lie in it."""
    tree = open_sources(code, package=code.name if code.is_dir() else "")
    own = [path for path in tree.paths() if {"test", "tests"}.isdisjoint(path.split("/"))]
    return LoadedTree({path: tree.read(path) or b"" for path in own})


def _inside(calls: CallMap) -> Edges:
    """Those between functions of the library: of others it is not known whether they ran."""
    return frozenset((caller, callee) for caller, callee in _edges(calls) if callee in calls)


class _OfLines(Linker):
    """Settled as ever, but only what is written on lines that ran is a call."""

    def __init__(self, names: Namespaces, ran: Ran) -> None:
        super().__init__(names)
        self._ran = ran

    def hits(self, call: Call, place: Place) -> Iterator[Hit]:
        if call.line in self._ran.get(place.path, ()):
            yield from super().hits(call, place)


# The floor


def _by_name(
    names: Namespaces, is_judged: Callable[[str, Call], bool] = lambda _path, _call: True
) -> Edges:
    """Each written call goes to every definition that has the name which is called."""
    called: dict[str, set[str]] = defaultdict(set)
    for fq_name, defined in names.definitions.items():
        is_class = defined.fact.kind == "class"
        end = f"{fq_name}.__init__" if is_class else fq_name
        if end in names.definitions:
            called[fq_name.rpartition(".")[2]].add(end)
    return frozenset(
        (_caller(names, file, call), callee)
        for file in names.files.values()
        for call in file.calls
        if call.kind == "written" and call.target and is_judged(file.path, call)
        for callee in called.get(call.target[-1].lstrip("."), ())
    )


def _caller(names: Namespaces, file: FileFacts, call: Call) -> str:
    """The function around a call, or the module; what a lambda calls counts for what it is in."""
    module = names.modules.name_of(file.path)
    scope = call.scope.partition("<")[0].rstrip(".")
    while names.is_class(full_name(module, scope)):
        scope = scope.rpartition(".")[0]
    return full_name(module, scope)


if __name__ == "__main__":
    main()
