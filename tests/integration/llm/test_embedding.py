"""Vectors of texts, asked for as everything is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from asked_questions import SECRET
from scripted_endpoint import Endpoint, Exchange

from selfheal.errors import BudgetSpent, ModelUnavailable
from selfheal.llm.embedding import MOST_TEXTS, Embeddings
from selfheal.llm.gateway import Gateway
from selfheal.testing.embeddings import hashed_vector


def embeds(exchange: Exchange) -> None:
    """The answer comes in another order than it was asked for, as it may."""
    texts = exchange.server.endpoint.asked[-1]["input"]
    data = [
        {"object": "embedding", "index": place, "embedding": hashed_vector(text, 16)}
        for place, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": 7 * len(texts), "total_tokens": 7 * len(texts)}
    exchange.json(200, {"object": "list", "model": "e", "data": data[::-1], "usage": usage})


def refuses(exchange: Exchange) -> None:
    exchange.json(401, {"error": {"message": "no key"}})


def embeddings(gateway: Gateway, request_id: object = None) -> Embeddings:
    return Embeddings(gateway.on_behalf_of(request_id), gateway.settings)  # type: ignore[arg-type]


def test_texts_become_vectors_in_their_order_with_one_row_and_its_cost(
    endpoint: Endpoint, gateway_to: Callable, request_with: Callable, calls: Callable
) -> None:
    endpoint.will(embeds)
    gateway = gateway_to(
        endpoint, embedding_model="e", embedding_dimensions=16, prices={"e": (1.0, 0.0)}
    )

    found = embeddings(gateway, request_with()).embed(["cart", f"key = {SECRET}"])

    assert found[0] == pytest.approx(hashed_vector("cart", 16))
    (asked,) = endpoint.asked
    assert (asked["model"], asked["dimensions"]) == ("e", 16)
    assert SECRET not in str(asked)
    (row,) = calls()
    assert (row.purpose, row.outcome, row.prompt_tokens) == ("embed", "answered", 14)
    assert row.usd == pytest.approx(14e-6)
    assert (row.messages, row.answer) == (None, None)


def test_many_texts_are_asked_for_in_parts(endpoint: Endpoint, gateway_to: Callable) -> None:
    endpoint.always = embeds
    texts = [f"text {number}" for number in range(MOST_TEXTS + 1)]

    found = embeddings(gateway_to(endpoint, embedding_model="e")).embed(texts)

    assert [len(asked["input"]) for asked in endpoint.asked] == [MOST_TEXTS, 1]
    assert found[-1] == pytest.approx(hashed_vector(texts[-1], 16))


def test_nobody_falls_back_to_vectors_of_another_space(
    endpoint: Endpoint, fallback: Endpoint, gateway_to: Callable
) -> None:
    endpoint.always = refuses

    with pytest.raises(ModelUnavailable, match="denied"):
        embeddings(gateway_to(endpoint, fallback, embedding_model="e")).embed(["cart"])

    assert fallback.asked == []


def test_a_request_that_can_pay_no_more_gets_no_vectors(
    endpoint: Endpoint, gateway_to: Callable, request_with: Callable
) -> None:
    gateway = gateway_to(endpoint, embedding_model="e")

    with pytest.raises(BudgetSpent):
        embeddings(gateway, request_with(tokens=1)).embed(["a long text about carts"])

    assert endpoint.asked == []
