"""What every vector engine promises (RAG-4).

With QDRANT_URL (and QDRANT_API_KEY) in the environment the promises are also held against that
server: its collections of the spaces that are named here are deleted.
"""

from __future__ import annotations

import math
import os
import random
import socket
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Final

import pytest
from qdrant_client import QdrantClient

from selfheal.errors import EngineUnavailable, ModelUnavailable
from selfheal.retrieval.engine import ExactEngine, Points, Vector, VectorEngine
from selfheal.retrieval.qdrant import QdrantEngine, collection_of
from tests.integration.qdrant_front import QdrantFront

SERVER: Final = os.environ.get("QDRANT_URL", "")
SPACE, OTHER_SPACE = "test/one", "test/other"

Named = Callable[..., QdrantEngine]


class Made:
    """Makes the vectors that it was given; `asked` are the keys of each time."""

    def __init__(self, vectors: Mapping[str, Vector]) -> None:
        self.vectors = vectors
        self.asked: list[set[str]] = []

    def __call__(self, keys: Collection[str]) -> Mapping[str, Vector]:
        self.asked.append({*keys})
        return {key: self.vectors[key] for key in keys}

    def points(self, *keys: str, space: str = SPACE) -> Points:
        return Points(space, keys or [key for key in self.vectors if key != "query"], self)


@pytest.fixture
def server() -> Iterator[QdrantEngine]:
    key = os.environ.get("QDRANT_API_KEY")
    headers = {"api-key": key} if key else {}
    with closing(QdrantClient(SERVER, headers=headers, check_compatibility=False)) as client:
        for space in (SPACE, OTHER_SPACE):
            client.delete_collection(collection_of(space))
    with closing(QdrantEngine(SERVER, api_key=key)) as engine:
        yield engine


@pytest.fixture(params=["exact", "qdrant", *(["server"] if SERVER else [])])
def engine(request: pytest.FixtureRequest) -> VectorEngine:
    return ExactEngine() if request.param == "exact" else request.getfixturevalue(request.param)


def test_a_dense_vector_is_as_near_as_its_cosine_whatever_its_length(engine: VectorEngine) -> None:
    made = Made(
        {
            "query": (2.0, 0.0, 0.0),
            "same": (9.0, 0.0, 0.0),
            "half": (1.0, 1.0, 0.0),
            "far": (-1.0, 0.0, 0.0),
        }
    )

    found = engine.cosines("query", made.points())

    assert found == pytest.approx({"same": 1.0, "half": math.sqrt(0.5), "far": -1.0}, abs=1e-6)


def test_a_sparse_vector_is_as_near_as_its_product(engine: VectorEngine) -> None:
    made = Made(
        {
            "query": {7: 0.6, 2**32 - 1: 0.8},
            "one": {7: 1.0},
            "both": {7: 0.6, 2**32 - 1: 0.8},
            "none": {8: 1.0},
        }
    )

    found = engine.cosines("query", made.points())

    assert found.get("none", 0.0) == 0.0
    assert {key: found[key] for key in ("one", "both")} == pytest.approx(
        {"one": 0.6, "both": 1.0}, abs=1e-6
    )


def test_only_those_that_are_asked_for_are_answered(engine: VectorEngine) -> None:
    made = Made({"query": (1.0, 0.0), "a": (1.0, 0.0), "b": (0.9, 0.1), "c": (0.0, 1.0)})

    engine.cosines("query", made.points())

    assert engine.cosines("query", made.points("b")).keys() == {"b"}
    assert engine.cosines("query", made.points("c", "a")).keys() == {"a", "c"}


def test_nothing_to_compare_is_no_error(engine: VectorEngine) -> None:
    made = Made({"query": (1.0, 0.0)})

    assert engine.cosines("query", Points(SPACE, (), made)) == {}


def test_keys_are_any_text(engine: VectorEngine) -> None:
    keys = ["", "def f():\n    return 'ä \U0001f600'", "a" * 20_000, "\udcff", "../x?y#z"]
    made = Made({"query": (1.0, 0.0), **dict.fromkeys(keys, (1.0, 0.0))})

    assert engine.cosines("query", made.points(*keys)).keys() == {*keys}


def test_spaces_do_not_mix(engine: VectorEngine) -> None:
    three, two = (
        Made({"query": (1.0, 0.0, 0.0), "a": (1.0, 0.0, 0.0)}),
        Made({"query": (0.0, 1.0), "a": (1.0, 0.0)}),
    )

    first = engine.cosines("query", three.points())
    second = engine.cosines("query", two.points(space=OTHER_SPACE))

    assert (first["a"], second["a"]) == pytest.approx((1.0, 0.0), abs=1e-6)


def test_what_the_maker_raises_is_raised(engine: VectorEngine) -> None:
    def away(_: Collection[str]) -> Mapping[str, Vector]:
        raise ModelUnavailable("nobody answered")

    with pytest.raises(ModelUnavailable, match="nobody answered"):
        engine.cosines("query", Points(SPACE, ["a"], away))


@pytest.mark.parametrize("seed", range(3))
def test_engines_agree_on_any_vectors(engine: VectorEngine, seed: int) -> None:
    chance, names = random.Random(seed), ["query", *map(str, range(300))]
    dense = Made({key: [chance.gauss(0, 1) for _ in range(24)] for key in names})
    sparse = Made({key: _unit(chance) for key in names})

    for points in (dense.points(), sparse.points(space=OTHER_SPACE)):
        here, there = ExactEngine().cosines("query", points), engine.cosines("query", points)
        assert {key: there.get(key, 0.0) for key in here} == pytest.approx(here, abs=1e-5)


def _unit(chance: random.Random) -> Vector:
    weights = {chance.randrange(60): chance.random() + 0.1 for _ in range(12)}
    length = math.hypot(*weights.values())
    return {place: weight / length for place, weight in weights.items()}


def test_qdrant_is_sent_only_what_it_lacks(front: QdrantFront, qdrant: QdrantEngine) -> None:
    made = Made({"query": (1.0, 0.0), "a": (1.0, 0.0), "b": (0.0, 1.0), "c": (1.0, 1.0)})
    qdrant.cosines("query", made.points("a", "b"))

    qdrant.cosines("query", made.points("a", "b", "c"))
    qdrant.cosines("query", made.points("a", "c"))

    assert front.sent == [2, 1]
    assert made.asked == [{"query", "a", "b"}, {"query", "c"}, {"query"}]


def test_hosts_share_what_one_of_them_has_sent(
    front: QdrantFront, qdrant: QdrantEngine, named: Named
) -> None:
    made = Made({"query": (1.0, 0.0), "a": (1.0, 0.0)})
    qdrant.cosines("query", made.points())

    found = named(front.url).cosines("query", made.points())

    assert found == pytest.approx({"a": 1.0})
    assert front.sent == [1]


def test_many_are_sent_in_portions(front: QdrantFront, qdrant: QdrantEngine) -> None:
    made = Made({"query": (1.0, 0.0), **{str(number): (1.0, number) for number in range(300)}})

    found = qdrant.cosines("query", made.points())

    assert len(found) == 300
    assert front.sent == [128, 128, 44]
    assert front.points(collection_of(SPACE)) == 300


def test_a_server_that_was_emptied_is_filled_again(
    front: QdrantFront, qdrant: QdrantEngine
) -> None:
    made = Made({"query": (1.0, 0.0), "a": (1.0, 0.0)})
    qdrant.cosines("query", made.points())
    front.lose_everything()

    assert qdrant.cosines("query", made.points()) == pytest.approx({"a": 1.0})
    assert front.sent == [1, 1]


def test_what_grew_old_is_forgotten(front: QdrantFront, qdrant: QdrantEngine) -> None:
    made = Made({"query": (1.0, 0.0), "a": (1.0, 0.0)})
    qdrant.cosines("query", made.points())

    qdrant.forget(days=1)
    kept = front.points(collection_of(SPACE))
    qdrant.forget(days=-1)

    assert (kept, front.points(collection_of(SPACE))) == (1, 0)


def test_a_wrong_key_is_told(front: QdrantFront, named: Named) -> None:
    with pytest.raises(EngineUnavailable, match="401"):
        named(front.url, api_key="wrong").cosines(
            "query", Made({"query": (1.0,), "a": (1.0,)}).points()
        )


def test_vectors_of_another_length_are_told(qdrant: QdrantEngine) -> None:
    qdrant.cosines("query", Made({"query": (1.0, 0.0), "a": (1.0, 0.0)}).points())

    with pytest.raises(EngineUnavailable):
        qdrant.cosines("query", Made({"query": (1.0,), "b": (1.0,)}).points())


def test_a_server_that_is_down_or_silent_is_told_in_time(
    named: Named,
) -> None:
    made = Made({"query": (1.0,), "a": (1.0,)})

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(EngineUnavailable, match="timed out"):
            named(f"http://127.0.0.1:{port}").cosines("query", made.points())
    with pytest.raises(EngineUnavailable, match="refused"):
        named(f"http://127.0.0.1:{port}").cosines("query", made.points())


def test_a_server_that_failed_is_left_alone_for_a_while(front: QdrantFront, named: Named) -> None:
    engine, made = named(front.url, api_key="wrong"), Made({"query": (1.0,), "a": (1.0,)})
    with pytest.raises(EngineUnavailable, match="401"):
        engine.cosines("query", made.points())

    with pytest.raises(EngineUnavailable, match="Qdrant"):
        engine.cosines("query", made.points())

    assert len(front.asked) == 1


class Elsewhere(BaseHTTPRequestHandler):
    """A web server that is no Qdrant, and finds everything all right."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>Welcome</html>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_server_that_is_no_qdrant_is_told(named: Named) -> None:
    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        with pytest.raises(EngineUnavailable):
            engine = named(f"http://127.0.0.1:{server.server_port}")
            engine.cosines("query", Made({"query": (1.0,), "a": (1.0,)}).points())
        answering.join()


def test_what_takes_too_long_to_send_is_given_up_and_gone_on_with(
    front: QdrantFront, named: Named
) -> None:
    made = Made({"query": (1.0, 0.0), **{str(number): (1.0, number) for number in range(300)}})

    with pytest.raises(EngineUnavailable, match="0 of them taken"):
        named(front.url, seconds=1e-9).cosines("query", made.points())

    assert len(named(front.url, seconds=60).cosines("query", made.points())) == 300
