"""Hybrid search, grep and snippets over one commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from shop_origin import Shop

from selfheal.errors import InvalidInput, ModelUnavailable
from selfheal.index.store import MemoryStore
from selfheal.retrieval.lookup import paths_for
from selfheal.retrieval.qdrant import QdrantEngine
from selfheal.retrieval.search import Filter, Retrieval
from selfheal.workspace.repository import commit_at
from tests.integration.qdrant_front import QdrantFront


@pytest.fixture
def search(shop: Shop) -> Retrieval:
    return Retrieval.at(*commit_at(shop.folder), MemoryStore())


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
def test_the_nearest_chunk_comes_first_whatever_the_weights(
    search: Retrieval, alpha: float
) -> None:
    found = search.hybrid_search("cheapest_price: no price for these prices", k=3, alpha=alpha)

    assert found.chunks[0].symbol == "cheapest_price"
    assert len(found.chunks) <= 3
    assert "TF-IDF" in found.vectors


def test_only_what_the_filter_admits_is_found(search: Retrieval) -> None:
    found = search.hybrid_search("price", within=Filter(paths={"shop/tax.py", "shop/orders.py"}))

    assert {chunk.path for chunk in found.chunks} <= {"shop/tax.py", "shop/orders.py"}


def test_ids_are_the_same_in_every_commit_that_has_the_blob(shop: Shop) -> None:
    objects, _ = commit_at(shop.folder)
    first = Retrieval.at(objects, shop.head, MemoryStore())
    later = shop.commit({"shop/tax.py": "def rate_of(country):\n    return 8\n"})

    second = Retrieval.at(objects, later, MemoryStore())

    chunk = first.hybrid_search("cheapest_price").chunks[0]
    assert chunk.id == second.hybrid_search("cheapest_price").chunks[0].id
    assert second.snippet([chunk.id])[0].signature == "def cheapest_price(prices):"


def test_a_snippet_has_text_lines_and_symbol(search: Retrieval) -> None:
    (chunk, *_) = search.hybrid_search("Cart.total", k=1).chunks

    (snippet,) = search.snippet([chunk.id])

    assert (snippet.chunk.path, snippet.chunk.symbol) == ("shop/cart.py", "Cart.total")
    assert snippet.text.startswith("    def total(self):")
    assert snippet.docstring == "The price of all."


@pytest.mark.parametrize("written", ["nonsense", "a" * 40 + ":1-2", "../../etc/passwd:1-2"])
def test_an_id_of_nothing_is_refused(search: Retrieval, written: str) -> None:
    with pytest.raises(InvalidInput):
        search.snippet([written])


def test_lines_that_match_are_found_by_path(search: Retrieval) -> None:
    found = search.grep_like(r"def \w+_price|LOWEST_\w+ =")

    assert [(line.path, line.line) for line in found] == [
        ("shop/cart.py", 10),
        ("shop/tax.py", 1),
        ("tests/test_cart.py", 4),
    ]


def test_a_regex_may_begin_with_a_dash(search: Retrieval) -> None:
    assert search.grep_like("-> nothing") == ()


@pytest.mark.parametrize("regex", ["(unclosed", "", "a\nb", "x" * 501])
def test_what_is_no_regex_is_refused(search: Retrieval, regex: str) -> None:
    with pytest.raises(InvalidInput):
        search.grep_like(regex)


def test_a_regex_that_explodes_ends(shop: Shop) -> None:
    shop.commit({"shop/long.py": "a" * 50_000 + "!\n"})
    search = Retrieval.at(*commit_at(shop.folder), MemoryStore())

    # Given up by the engine, or answered: what counts is that this comes back.
    try:
        assert len(search.grep_like(r"^(a+)+$")) <= 200
    except InvalidInput as error:
        assert "searched for" in str(error)


def test_paths_are_found_for_a_goal_by_symbols_and_by_names_that_nothing_defines(
    search: Retrieval,
) -> None:
    assert paths_for(search, "make `cheapest_price` accept nothing")[0] == "shop/cart.py"
    assert paths_for(search, "raise LOWEST_RATE", hints=["it is 7"])[0] == "shop/tax.py"
    assert paths_for(search, "please help us") == ()


class Meaning:
    """Vectors that know one synonym; `asked` are the texts of each request."""

    name = "meaning/2"

    def __init__(self, *, away: bool = False) -> None:
        self.asked: list[list[str]] = []
        self._away = away

    def embed(self, texts: Sequence[str]) -> list[tuple[float, float]]:
        self.asked.append([*texts])
        if self._away:
            raise ModelUnavailable("nobody answered")
        return [(1.0, 0.0) if "levy" in text or "tax" in text else (0.0, 1.0) for text in texts]


def test_embeddings_are_compared_where_there_is_a_model_and_said_so(shop: Shop) -> None:
    store, meaning = MemoryStore(), Meaning()
    search = Retrieval.at(*commit_at(shop.folder), store, embedder=meaning)

    found = search.hybrid_search("levy on the country and the customer", alpha=1.0)

    assert found.chunks[0].path == "shop/tax.py"
    assert "meaning/2" in found.vectors
    again = Retrieval.at(*commit_at(shop.folder), store, embedder=meaning)
    assert again.hybrid_search("levy on the country and the customer", alpha=1.0) == found
    assert len(meaning.asked) == 1


def test_queries_that_are_expected_are_asked_for_in_one_request(shop: Shop) -> None:
    meaning = Meaning()
    search = Retrieval.at(*commit_at(shop.folder), MemoryStore(), embedder=meaning)

    search.expect(["total", "rate_of"])

    assert [sorted(texts) for texts in meaning.asked] == [["rate_of", "total"]]


def test_a_model_that_is_away_leaves_the_words(shop: Shop, search: Retrieval) -> None:
    away = Retrieval.at(*commit_at(shop.folder), MemoryStore(), embedder=Meaning(away=True))

    found = away.hybrid_search("cheapest_price")

    assert found.chunks == search.hybrid_search("cheapest_price").chunks
    assert "nobody answered" in found.vectors


QUERIES = (
    "cheapest_price: no price for these prices",
    "the rate of a country",
    "send an order to the customer",
    "Cart.total",
    "prices",
)


@pytest.mark.parametrize("alpha", [0.0, 0.2, 0.5, 1.0])
def test_qdrant_gives_the_same_ids_by_words(
    shop: Shop, search: Retrieval, qdrant: QdrantEngine, alpha: float
) -> None:
    there = Retrieval.at(*commit_at(shop.folder), MemoryStore(), engine=qdrant)

    for query in QUERIES:
        mine, its = (one.hybrid_search(query, alpha=alpha) for one in (search, there))
        assert [chunk.id for chunk in its.chunks] == [chunk.id for chunk in mine.chunks]
        assert [chunk.score for chunk in its.chunks] == pytest.approx(
            [chunk.score for chunk in mine.chunks], abs=2e-4
        )
        assert its.vectors == mine.vectors if alpha == 0 else "by Qdrant" in its.vectors


def test_qdrant_gives_the_same_ids_by_meaning(shop: Shop, qdrant: QdrantEngine) -> None:
    here = Retrieval.at(*commit_at(shop.folder), MemoryStore(), embedder=Meaning())
    there = Retrieval.at(*commit_at(shop.folder), MemoryStore(), embedder=Meaning(), engine=qdrant)

    for query in (*QUERIES, "levy on the country and the customer"):
        mine, its = (one.hybrid_search(query, alpha=0.7) for one in (here, there))
        assert [chunk.id for chunk in its.chunks] == [chunk.id for chunk in mine.chunks]
        assert "meaning/2" in its.vectors
        assert "by Qdrant" in its.vectors


def test_only_files_that_the_filter_admits_are_sent_to_the_engine(
    shop: Shop, qdrant: QdrantEngine, front: QdrantFront
) -> None:
    search = Retrieval.at(*commit_at(shop.folder), MemoryStore(), engine=qdrant)

    found = search.hybrid_search("rate price", within=Filter({"shop/tax.py"}), alpha=1.0)

    assert {chunk.path for chunk in found.chunks} == {"shop/tax.py"}
    assert sum(front.sent) == len(search.corpus.files["shop/tax.py"].chunks)


def test_a_later_commit_sends_what_it_has_changed(
    shop: Shop, qdrant: QdrantEngine, front: QdrantFront
) -> None:
    objects, _ = commit_at(shop.folder)
    query = "price rate order customer cheapest total"
    Retrieval.at(objects, shop.head, MemoryStore(), engine=qdrant).hybrid_search(query)
    front.sent.clear()
    later = shop.commit({"shop/tax.py": "def rate_of(country):\n    return 8\n"})

    Retrieval.at(objects, later, MemoryStore(), engine=qdrant).hybrid_search(query)

    assert sum(front.sent) == 1


@pytest.mark.parametrize("embedder", [None, "meaning"])
def test_an_engine_that_is_away_leaves_the_comparison_to_this_process_and_is_asked_once(
    shop: Shop, named: Callable[..., QdrantEngine], front: QdrantFront, embedder: str | None
) -> None:
    meaning = Meaning() if embedder else None
    here = Retrieval.at(*commit_at(shop.folder), MemoryStore(), embedder=meaning)
    refused = named(front.url, api_key="wrong")
    away = Retrieval.at(*commit_at(shop.folder), MemoryStore(), embedder=meaning, engine=refused)

    for query in QUERIES:
        found = away.hybrid_search(query)
        assert found.chunks == here.hybrid_search(query).chunks
        assert "Qdrant is away" in found.vectors
        assert "401" in found.vectors
    assert len(front.asked) == 1


def test_a_model_that_is_away_leaves_the_words_to_the_engine(
    shop: Shop, search: Retrieval, qdrant: QdrantEngine
) -> None:
    there = Retrieval.at(
        *commit_at(shop.folder), MemoryStore(), embedder=Meaning(away=True), engine=qdrant
    )

    found = there.hybrid_search("cheapest_price")

    assert [c.id for c in found.chunks] == [
        c.id for c in search.hybrid_search("cheapest_price").chunks
    ]
    assert "TF-IDF" in found.vectors
    assert "by Qdrant" in found.vectors
    assert "nobody answered" in found.vectors
