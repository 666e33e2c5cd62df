"""What a question costs when Qdrant compares vectors, against this process comparing them.

    python benchmarks/vector_engines.py [REPO] [--url URL] [--places 256] [--json]

The questions are the subjects of the last forty commits of a git repository, asked of its files at
HEAD: for eight chunks by words (hashed TF-IDF) and by made-up dense vectors, which cost the same as
a model's. Both ways answer in one run; `same` is the share of chunks that both name. Without a URL
it is Qdrant's own engine in a process beside this one (tests/integration/qdrant_front.py): its
storage and search are those of the server, its door is not. `first` asks everything once, and
sends what the server lacks; `median` and `worst` are of asking again.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from time import perf_counter

from selfheal.index.store import MemoryStore
from selfheal.retrieval.engine import VectorEngine
from selfheal.retrieval.qdrant import QdrantEngine
from selfheal.retrieval.search import Retrieval
from selfheal.workspace.repository import commit_at

QUESTIONS, CHUNKS, ALPHA = 40, 8, 0.5


class MadeUp:
    """Vectors of so many places, by nothing but the text."""

    def __init__(self, places: int) -> None:
        self.name = f"made-up/{places}"
        self._places = places

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector for each text, the same each time."""
        return [self._vector(random.Random(text)) for text in texts]

    def _vector(self, chance: random.Random) -> list[float]:
        return [chance.gauss(0, 1) for _ in range(self._places)]


def measure(repo: Path, url: str, *, places: int) -> dict[str, dict[str, float]]:
    """Seconds and agreement, by how vectors are made and who compares them."""
    found: dict[str, dict[str, float]] = {}
    questions = _subjects(repo)
    for made_of, embedder in (("words", None), ("dense", MadeUp(places))):
        with closing(QdrantEngine(url, seconds=300)) as qdrant:
            ways: dict[str, VectorEngine | None] = {"here": None, "Qdrant": qdrant}
            answers = {}
            for way, engine in ways.items():
                search = Retrieval.at(
                    *commit_at(repo), MemoryStore(), embedder=embedder, engine=engine
                )
                figures, answers[way] = _asked(search, questions)
                found[f"{made_of}, {way}"] = figures
        pairs = zip(answers["here"], answers["Qdrant"], strict=True)
        same = sum(len(one & other) for one, other in pairs)
        found[f"{made_of}, Qdrant"]["same"] = same / sum(map(len, answers["here"]))
    found["repository"] = {"chunks": sum(len(f.chunks) for f in search.corpus.files.values())}
    return found


def _subjects(repo: Path) -> list[str]:
    command = ("git", "log", f"-{QUESTIONS}", "--format=%s")
    return subprocess.run(
        command, cwd=repo, capture_output=True, text=True, check=True
    ).stdout.splitlines()


def _asked(search: Retrieval, questions: Sequence[str]) -> tuple[dict[str, float], list[set[str]]]:
    began = perf_counter()
    for question in questions:
        search.hybrid_search(question, k=CHUNKS, alpha=ALPHA)
    first, seconds, answers = perf_counter() - began, [], []
    for question in questions:
        began = perf_counter()
        found = search.hybrid_search(question, k=CHUNKS, alpha=ALPHA)
        seconds.append(perf_counter() - began)
        answers.append({chunk.id for chunk in found.chunks})
        assert "away" not in found.vectors, found.vectors
    return {"first": first, "median": median(seconds), "worst": max(seconds)}, answers


@contextmanager
def beside() -> Iterator[str]:
    """The URL of Qdrant's engine in a process of its own."""
    here, there = get_context("spawn").Pipe()
    with tempfile.TemporaryDirectory() as folder:
        process = get_context("spawn").Process(target=_serve, args=(folder, there))
        process.start()
        try:
            yield here.recv()
        finally:
            here.send("enough")
            process.join()


def _serve(folder: str, parent: Connection) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.integration.qdrant_front import QdrantFront

    with QdrantFront(Path(folder)) as front:
        parent.send(front.url)
        parent.recv()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repo", type=Path, nargs="?", default=Path(__file__).parents[1])
    parser.add_argument("--url", help="a Qdrant server of yours; it keeps what it is sent")
    parser.add_argument("--places", type=int, default=256, help="of the dense vectors")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.url:
        found = measure(given.repo, given.url, places=given.places)
    else:
        with beside() as url:
            found = measure(given.repo, url, places=given.places)
    if given.json:
        print(json.dumps(found))
        return
    for what, figures in found.items():
        print(f"{what:14}", "  ".join(f"{name} {value:.4g}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
