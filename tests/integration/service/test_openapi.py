"""The OpenAPI document says all that the service does, and the service nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.decomposition import CapabilitiesResponse, HealthResponse, PlanResponse
from selfheal.contracts.problem import Problem
from selfheal.contracts.request_status import RequestStatus
from selfheal.service.examples import CAPABILITIES, HEALTH, PLAN
from selfheal.service.planner import ReadyResponse
from tests.integration.serving import Service

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
FEW, MANY = 50, 1_000
"""Cases over all operations: of what the document allows, and as many of what it does not."""


@pytest.fixture
def document(service: Service) -> dict[str, Any]:
    with service.http() as http:
        return dict(http.get("/openapi.json").json())


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_every_operation_is_described_and_says_how_it_refuses(document) -> None:
    for name, operation in operations(document):
        assert operation["description"], name
        if name in ("GET /health", "GET /ready"):
            continue
        assert operation["security"], name
        assert {"401", "403", "422", "429", "503"} <= set(operation["responses"]), name
        for status, answer in operation["responses"].items():
            assert answer["description"], (name, status)
            (content,) = answer["content"].values()
            assert content["example"], (name, status)


def test_the_examples_are_documents_that_can_be_read(document) -> None:
    paths = document["paths"]

    asked = paths["/change-requests"]["post"]["requestBody"]["content"]["application/json"]
    for example in asked["examples"].values():
        ChangeRequest.model_validate(example["value"])
    for name, operation in operations(document):
        for status, answer in operation["responses"].items():
            example = answer["content"].get("application/json", {}).get("example")
            if name == "GET /ready":
                ReadyResponse.model_validate(example)
            elif int(status) >= 400:
                Problem.model_validate(example)
    shown = paths["/change-requests/{request_id}"]["get"]["responses"]["200"]
    RequestStatus.model_validate(shown["content"]["application/json"]["example"])
    PlanResponse.model_validate(PLAN)
    CapabilitiesResponse.model_validate(CAPABILITIES)
    HealthResponse.model_validate(HEALTH)


@pytest.fixture
def busy(service_with: Callable[..., Service]) -> Service:
    """A service that many cases may ask, and whose streams are short."""
    return service_with(requests_per_minute=1_000_000, stream_seconds=0.1)


def ask_many_times(service: Service, *, number: int, mode: GenerationMode) -> None:
    """Whatever the document allows (or does not), `number` times over all operations.

    Half of the cases are about requests that there are: one that has ended, one that may be open.
    """
    ended, open_one = service.has(description="ended"), service.has(description="open")
    service.ends(ended)
    ids = st.sampled_from([None, None, str(ended), str(open_one)])
    login = {"Authorization": f"Bearer {service.token('fuzz', 'operator')}"}
    api = schemathesis.openapi.from_url(f"{service.url}/openapi.json")

    @given(case=api.as_strategy(generation_mode=mode), known=ids)
    @settings(
        max_examples=number,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Case, known: str | None) -> None:
        if known and case.path_parameters:
            case.path_parameters["request_id"] = known
        # Else nearly all of them would be refused for the repository alone.
        if case.path == "/change-requests" and isinstance(case.body, dict) and known:
            case.body["repo"] = f"https://example.org/{known}"
        case.call_and_validate(checks=CHECKS, headers=login)

    ask()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_nothing_that_is_asked_is_a_defect_or_answered_in_another_way(busy, mode) -> None:
    ask_many_times(busy, number=FEW, mode=mode)


@pytest.mark.slow
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_nothing_of_much_that_is_asked_is_a_defect(busy, mode) -> None:
    ask_many_times(busy, number=MANY, mode=mode)
