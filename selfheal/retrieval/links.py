"""What files and functions are tied to: by imports, by tests, by calls."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from posixpath import basename, splitext
from typing import Final

from selfheal.retrieval.corpus import Corpus, Place
from selfheal.retrieval.kinds import is_test
from selfheal.retrieval.words import counted

MOST_CALLED: Final = 4
"""A called name that more places define leads nowhere."""

_CALLED: Final = re.compile(r"(?<!def )(?<!class )\b([A-Za-z_]\w{2,})\(")


class Links:
    """The ties of one corpus, found when they are asked for."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._imported: dict[str, tuple[str, ...]] = {}

    def imported(self, path: str) -> tuple[str, ...]:
        """Files that a file imports, or that define a name which it imports through another."""
        if path not in self._imported:
            self._imported[path] = tuple(dict.fromkeys(self._targets(path)))
        return self._imported[path]

    def tested(self, scores: Mapping[str, float], *, most: int = 20) -> dict[str, float]:
        """How much files are tested by the test files of these scores, the best of them only."""
        found: dict[str, float] = defaultdict(float)
        tests = sorted((path for path in scores if is_test(path)), key=lambda p: (-scores[p], p))
        for test in tests[:most]:
            targets = [target for target in self.imported(test) if not is_test(target)]
            for target in targets:
                share = scores[test] / len(targets) ** 0.5
                found[target] = max(found[target], share * (1 + _affinity(test, target)))
            for target in self._named_like(test):
                found[target] = max(found[target], scores[test])
        return found

    def near(self, scores: Mapping[str, float], *, most: int = 10) -> dict[str, float]:
        """How much files are imported by the best of these."""
        found: dict[str, float] = defaultdict(float)
        for path in sorted(scores, key=lambda one: (-scores[one], one))[:most]:
            targets = [target for target in self.imported(path) if target != path]
            for target in targets:
                found[target] = max(found[target], scores[path] / len(targets) ** 0.5)
        return found

    def called(self, scores: Mapping[Place, float], *, most: int = 12) -> dict[Place, float]:
        """How much definitions are called by the best of these."""
        found: dict[Place, float] = defaultdict(float)
        best = sorted(scores, key=lambda one: (-scores[one], one.path, one.part.line))[:most]
        self._corpus.load(place.path for place in best)
        for place in best:
            text = self._corpus.text(place.path, place.part)
            for name in set(_CALLED.findall(text)):
                places = self._corpus.named(name)
                near = [p for p in places if p.path == place.path] or places
                if len(near) <= MOST_CALLED:
                    for target in near:
                        if target != place:
                            found[target] = max(found[target], scores[place] / len(near) ** 0.5)
        return found

    def calling(
        self, scores: Mapping[Place, float], *, among: Iterable[Place], most: int = 12
    ) -> dict[Place, float]:
        """How much definitions speak of the best of these: they call it, or do it otherwise."""
        by_key = {(place.path, place.part.qualname): place for place in among}
        paths = {path for path, _ in by_key}
        found: dict[Place, float] = defaultdict(float)
        best = sorted(scores, key=lambda one: (-scores[one], one.path, one.part.line))[:most]
        for place in best:
            speaking = self._speaking(place.part.qualname.rpartition(".")[2], paths)
            others = [by_key[key] for key in speaking if key in by_key and by_key[key] != place]
            for other in others:
                found[other] = max(found[other], scores[place] / len(others) ** 0.5)
        return found

    def _speaking(self, name: str, paths: Iterable[str]) -> set[tuple[str, str]]:
        """Paths and qualnames of the chunks that have a name as a word."""
        word = next(iter(counted(name)), "")
        return {
            (path, digest.chunks[number].qualname)
            for path in paths
            for digest in [self._corpus.files[path]]
            for number, _ in (digest.chunks_with(word) if word else ())
        }

    def _targets(self, path: str) -> Iterator[str]:
        modules = self._corpus.modules
        digest = self._corpus.files.get(path)
        for module, names in digest.imports if digest else ():
            found = modules.find(module, importer=path)
            is_package = found is not None and basename(found) == "__init__.py"
            if found is not None and not (is_package and names):
                yield found
            for name in names if is_package or found is None else ():
                joined = f"{module}{name}" if module.endswith(".") else f"{module}.{name}"
                inner = modules.find(joined, importer=path)
                if inner is not None:
                    yield inner
                elif found is not None:
                    yield from self._defining(name, found.removesuffix("__init__.py"))

    def _defining(self, name: str, folder: str) -> Iterator[str]:
        places = [p.path for p in self._corpus.named(name) if p.path.startswith(folder)]
        if len(places) <= MOST_CALLED:
            yield from places

    def _named_like(self, test: str) -> Iterable[str]:
        """`tests/test_cart.py` is for a `cart.py`."""
        stem = re.sub(r"^tests?_|_tests?$", "", splitext(basename(test))[0])
        found = [p for p in self._corpus.by_name.get(f"{stem}.py", ()) if not is_test(p)]
        return found if len(found) <= MOST_CALLED else ()


def _affinity(test: str, target: str) -> float:
    """The share of the words in a source's name that the test's path has."""
    words = set(counted(splitext(basename(target))[0]))
    return len(words & set(counted(test))) / len(words) if words else 0.0
