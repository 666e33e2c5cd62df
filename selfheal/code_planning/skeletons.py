"""CP-8: what a step adds or drops, as a diff, before anybody has written it.

A symbol that is to be added gets a stub where its neighbours are: its parameters are those that the
plan's words show, else those that its callers pass already. One that is to be removed is dropped
with its decorators. Whatever cannot be told from the text has no skeleton: a wrong hint costs more
than none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from unidiff.errors import UnidiffParseError
from unidiff.patch import PatchSet

from selfheal import late_log
from selfheal.code_planning.reading import FileReader
from selfheal.code_planning.signatures import signature_of
from selfheal.code_planning.targets import Target
from selfheal.codegraph.facts import Definition, FileFacts
from selfheal.codegraph.graph import CallGraph
from selfheal.codegraph.parse import encoded_source, facts_of_text
from selfheal.codegraph.source import is_python
from selfheal.contracts.plan import Step, Symbol
from selfheal.edits.diff import file_diff
from selfheal.errors import InvalidEdit
from selfheal.redaction import Redactor

_LONGEST_SUMMARY = 72
_INDENT = "    "


def skeletons_of(target: Target, graph: CallGraph, reader: FileReader) -> tuple[str, ...]:
    """A unified diff for each file of which something can be told; each applies to its file."""
    diffs = (_skeleton(target, path, graph, reader) for path in filter(is_python, target.files))
    return tuple(filter(None, diffs))


def _skeleton(target: Target, path: str, graph: CallGraph, reader: FileReader) -> str:
    found = reader.facts((path,))
    old = reader.text(path) if found else None
    own = [symbol for symbol in target.symbols if symbol.file_path == path]
    draft = _Draft(target.step, old or "", found[0] if found else FileFacts(path), reader)
    if target.step.kind == "ADD":
        draft.add([symbol for symbol in own if symbol.fq_name not in graph.nodes])
    if target.step.kind == "REMOVE":
        draft.remove([symbol for symbol in own if symbol.fq_name in graph.nodes])
    if draft.text == (old or ""):
        return ""
    if found and (found[0].problem or not reader.is_as_written(path)):
        return _omitted(path, "the file is not one that a diff of its text applies to")
    return _checked(path, old, draft.text)


def _checked(path: str, old: str | None, new: str) -> str:
    """The diff, if it is one that may be shown: it parses, and so does what it leads to."""
    try:
        diff = file_diff(path, old, new)
        PatchSet(diff)
    except (InvalidEdit, UnidiffParseError) as error:
        return _omitted(path, str(error))
    if facts_of_text(new, path).problem:
        return _omitted(path, "what it leads to does not parse")
    if kind := Redactor().find(diff):
        return _omitted(path, f"it holds a secret ({kind})")
    return diff


def _omitted(path: str, why: str) -> str:
    late_log.info(
        f"The skeleton of {path} is left out: {why}", action="skeleton.omitted", path=path
    )
    return ""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a stub goes: after this byte, so far from the margin, after so many blank lines."""

    at: int
    indent: str
    blank_lines: int


class _Draft:
    """The text of one file on its way to another one."""

    def __init__(self, step: Step, text: str, facts: FileFacts, reader: FileReader) -> None:
        self._step = step
        self._source = encoded_source(text)
        self._line_end = b"\r\n" if b"\r\n" in self._source else b"\n"
        self._facts = facts
        self._reader = reader
        self._changes: list[tuple[int, int, bytes]] = []

    @property
    def text(self) -> str:
        """With the changes so far; the text as it was where there are none."""
        source = self._source
        for start, end, put in sorted(self._changes, reverse=True):
            source = source[:start] + put + source[end:]
        return source.decode()

    def add(self, symbols: Sequence[Symbol]) -> None:
        """Put a stub of each where its neighbours are."""
        for symbol in symbols:
            place = self._place(symbol)
            if place is not None and symbol.kind in ("class", "function", "method"):
                self._changes.append((place.at, place.at, self._put(symbol, place)))

    def remove(self, symbols: Sequence[Symbol]) -> None:
        """Drop each with the blank lines before it."""
        for definition in filter(None, map(self._definition, symbols)):
            start = len(self._source[: definition.span.start].rstrip(b" \t"))
            end = self._source.find(b"\n", definition.span.end)
            before = self._source[:start].rstrip(b"\r\n")
            after = len(self._source) if end < 0 else end + 1
            self._changes.append((len(before), after, self._line_end if before else b""))

    def _put(self, symbol: Symbol, place: _Place) -> bytes:
        gap = "\n" * (place.blank_lines + 1) if place.at else ""
        stub = "\n".join(place.indent + line if line else "" for line in self._stub(symbol))
        ends = "" if self._source[place.at : place.at + 1] in (b"\r", b"\n") else "\n"
        return f"{gap}{stub}{ends}".encode().replace(b"\n", self._line_end)

    def _stub(self, symbol: Symbol) -> Iterator[str]:
        name = symbol.fq_name.rpartition(".")[2]
        summary = f'{_INDENT}"""{_summary(self._step.goal)}"""'
        if symbol.kind == "class":
            yield from (f"class {name}:", summary)
            return
        yield f"def {name}({signature_of(symbol, self._step, self._reader)}):"
        yield from (summary, f"{_INDENT}raise NotImplementedError")

    def _place(self, symbol: Symbol) -> _Place | None:
        """After the last definition of its scope; None where its class is not in the file."""
        if symbol.kind == "method":
            return self._place_in_class(symbol.fq_name.split(".")[-2])
        tops = [one for one in self._facts.definitions if "." not in one.qualname]
        named = [one for one in tops if one.kind != "lambda"]
        end = max((one.span.end for one in named), default=len(self._source.rstrip(b"\n")))
        return _Place(end, "", 2)

    def _place_in_class(self, name: str) -> _Place | None:
        owner = next((one for one in self._facts.definitions if one.qualname == name), None)
        if owner is None or owner.kind != "class":
            return None
        methods = [
            one
            for one in self._facts.definitions
            if one.qualname.rpartition(".")[0] == name and one.kind == "method"
        ]
        end = max((one.span.end for one in methods), default=owner.span.end)
        return _Place(end, self._indent_of(methods) or _INDENT, 1)

    def _indent_of(self, methods: Sequence[Definition]) -> str:
        """What stands before the first of them on its line."""
        if not methods:
            return ""
        start = methods[0].span.start
        return self._source[self._source.rfind(b"\n", 0, start) + 1 : start].decode()

    def _definition(self, symbol: Symbol) -> Definition | None:
        """The one that the symbol names in this file, if there is just one."""
        found = [
            one
            for one in self._facts.definitions
            if f".{symbol.fq_name}".endswith(f".{one.qualname}") and one.kind == symbol.kind
        ]
        return max(found, key=lambda one: len(one.qualname), default=None)


def _summary(goal: str) -> str:
    """The first line of a goal as a docstring can hold it."""
    line = next(iter(goal.strip().splitlines()), "").replace("\\", "/").replace('"', "'")
    short = line if len(line) <= _LONGEST_SUMMARY else f"{line[: _LONGEST_SUMMARY - 3].rstrip()}..."
    return short if short.endswith((".", "?", "!")) else f"{short}."
