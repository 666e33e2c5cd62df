"""What a text names outright: symbols, modules, paths, frames of tracebacks, messages of errors."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from posixpath import basename, dirname
from typing import Final

from selfheal.retrieval.corpus import Corpus, Place
from selfheal.retrieval.fields import Fields
from selfheal.retrieval.kinds import is_test
from selfheal.retrieval.sketch import Part
from selfheal.retrieval.words import counted

MOST_DEFINERS: Final = 40
"""A name that more places define says nothing."""
FRAME_DECAY: Final = 0.8
"""The innermost frame is most likely the place; each one further out is so much less."""
MOST_FRAGMENTS: Final = 40

_FRAGMENT_ENDS: Final = re.compile(r"[`'\"].*?[`'\"]|\d[\d.]*|[:;()\[\]{}<>%=,]|\.\s|\s-\s")


@dataclass(frozen=True, slots=True)
class Named:
    """How strongly files and definitions are named, by signal, and the words for each."""

    files: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    places: dict[str, dict[Place, float]] = field(default_factory=lambda: defaultdict(dict))
    why: dict[str, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))

    def file(self, signal: str, path: str, value: float, *, why: str = "") -> None:
        """One more reason for a file; reasons of one signal add up."""
        self.files[signal][path] = self.files[signal].get(path, 0.0) + value
        if why:
            self.why[path].append((value, why))

    def place(self, signal: str, place: Place, value: float) -> None:
        """A reason for a definition; of one signal the best counts."""
        self.places[signal][place] = max(self.places[signal].get(place, 0.0), value)


def named_in(fields: Fields, corpus: Corpus) -> Named:
    """Everything that the fields name and the corpus has."""
    found = Named()
    _symbols(fields.names, corpus, found)
    _dotted_names(fields.dotted, corpus, found)
    _paths(fields.paths, corpus, found)
    _frames(fields, corpus, found)
    _messages(fields.messages, corpus, found)
    return found


def _symbols(names: Mapping[str, float], corpus: Corpus, found: Named) -> None:
    for name, weight in names.items():
        places = corpus.named(name)
        if not places or len(places) > MOST_DEFINERS:
            continue
        share = weight / len({one.path for one in places}) ** 0.5
        for path in {one.path for one in places}:
            found.file("symbol", path, share, why=f"defines {name}")
        for place in places:
            found.place("symbol", place, share)


def _dotted_names(dotted: Mapping[str, float], corpus: Corpus, found: Named) -> None:
    for name, weight in dotted.items():
        parts = name.split(".")
        if not _by_module(parts, weight, corpus, found):
            _by_owner(parts, weight, corpus, found)


def _by_module(parts: list[str], weight: float, corpus: Corpus, found: Named) -> bool:
    """`package.module.Class.method`: the longest part of it that is a module."""
    for cut in range(len(parts), 0, -1):
        path = corpus.modules.find(".".join(parts[:cut]), importer="")
        if path is None or is_test(path):
            continue
        rest = parts[cut:]
        if not rest:
            found.file(
                "module", path, weight if cut > 1 else 0.2 * weight, why=f"is {'.'.join(parts)}"
            )
            return True
        places = list(_inside(path, rest, corpus))
        for place in places:
            # It may be brought to the module from where it is defined.
            value = weight / len(places) ** 0.5
            found.file("module", place.path, value, why=f"defines {'.'.join(parts)}")
            found.place("module", place, value)
        if not places and cut > 1:
            found.file("module", path, 0.5 * weight, why=f"is {'.'.join(parts[:cut])}")
        return cut > 1 or bool(places)
    return False


def _inside(path: str, rest: list[str], corpus: Corpus) -> Iterator[Place]:
    """Where the names after a module are defined: in it, else anywhere below a package."""
    folder = f"{dirname(path)}/" if basename(path).startswith("__init__") else None
    for cut in range(len(rest), 0, -1):
        suffix = ".".join(rest[:cut])
        places = [one for one in corpus.named(rest[cut - 1]) if _ends(one.part.qualname, suffix)]
        near = [one for one in places if one.path == path]
        near = near or [one for one in places if folder and one.path.startswith(folder.lstrip("/"))]
        near = near or ([] if len(places) > 3 else places)
        if near:
            yield from near[:MOST_DEFINERS]
            return


def _by_owner(parts: list[str], weight: float, corpus: Corpus, found: Named) -> None:
    """`Class.method`: definitions whose qualname ends so."""
    for start in range(len(parts) - 1):
        suffix = ".".join(parts[start : start + 2])
        places = [one for one in corpus.named(parts[start + 1]) if _ends(one.part.qualname, suffix)]
        for place in places[:MOST_DEFINERS]:
            value = weight / len(places) ** 0.5
            found.file("module", place.path, value, why=f"defines {suffix}")
            found.place("module", place, value)


def _ends(qualname: str, suffix: str) -> bool:
    return qualname == suffix or qualname.endswith(f".{suffix}")


def _paths(paths: Mapping[str, float], corpus: Corpus, found: Named) -> None:
    for written, weight in paths.items():
        same = _matching(written, corpus)
        for path in same[:MOST_DEFINERS]:
            found.file("path", path, weight / len(same), why=f"is named as {written}")


def _frames(fields: Fields, corpus: Corpus, found: Named) -> None:
    value = 1.0
    for frame in reversed(fields.frames):
        same = _matching(frame.path, corpus)
        if not same or is_test(same[0]) or len(same) > 3:
            continue
        for path in same:
            if value > found.files["frame"].get(path, 0.0):
                found.files["frame"][path] = value
                why = f"{frame.function or 'line'} at line {frame.line} of the traceback"
                found.why[path].append((value, why))
            for part in corpus.files[path].definitions:
                if part.qualname.rpartition(".")[2] == frame.function:
                    found.place("frame", Place(path, part), value)
        value *= FRAME_DECAY


def _matching(written: str, corpus: Corpus) -> list[str]:
    """The paths that share the longest end with one that was written on another machine."""
    parts = written.lstrip("./").split("/")
    same = corpus.by_name.get(parts[-1], ())
    best: list[str] = []
    longest = 0
    for path in same:
        common = _common_end(path.split("/"), parts)
        if common > longest:
            best, longest = [], common
        if common == longest:
            best.append(path)
    # A name alone may be that of a file of another project.
    is_enough = longest == len(parts) or longest > 1 or (best and "/" not in best[0])
    return best if is_enough else []


def _common_end(one: list[str], other: list[str]) -> int:
    count = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b:
            break
        count += 1
    return count


def _messages(messages: Iterable[str], corpus: Corpus, found: Named) -> None:
    """Files that hold a fragment of a message between the values that were put into it."""
    fragments = dict.fromkeys(
        fragment
        for message in messages
        for fragment in map(str.strip, _FRAGMENT_ENDS.split(message))
        if len(fragment) >= 12 and len(fragment.split()) >= 3
    )
    for fragment in list(fragments)[:MOST_FRAGMENTS]:
        holding = list(_holding(fragment, corpus))
        for path in holding[:MOST_DEFINERS]:
            share = 1.0 / len(holding)
            found.file("message", path, share, why=f"says {fragment!r}")
            for part in _around(fragment, path, corpus):
                found.place("message", Place(path, part), share)


def _holding(fragment: str, corpus: Corpus) -> Iterator[str]:
    words = [word for word in counted(fragment) if len(word) > 2]
    if not words:
        return
    may = [path for path, digest in corpus.sources.items() if all(map(digest.has, words))]
    corpus.load(may)
    for path in may:
        if any(fragment in line for line in corpus.lines(path)):
            yield path


def _around(fragment: str, path: str, corpus: Corpus) -> Iterator[Part]:
    for number, line in enumerate(corpus.lines(path), 1):
        if fragment in line:
            for part in corpus.files[path].definitions:
                if part.kind != "class" and part.line <= number <= part.end_line:
                    yield part
