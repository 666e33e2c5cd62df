"""What the OpenAPI document shows of requests and answers."""

from __future__ import annotations

from typing import Any

from fastapi.openapi.models import Example

_ID = "6f1c3a52-0c86-4d5d-a2d3-0d4e8a1b7c11"

CHANGE_REQUEST: dict[str, Example] = {
    "failing tests": {
        "summary": "Make failing tests pass",
        "value": {
            "id": _ID,
            "repo": "https://example.org/shop.git",
            "branch": "main",
            "description": "the nightly tests are red",
            "failing_tests": ["tests/test_cart.py::test_total"],
            "acceptance_criteria": ["the test suite passes"],
            "priority": 7,
        },
    },
    "rename": {
        "summary": "A mechanical change, without a model",
        "value": {
            "repo": "https://example.org/shop.git",
            "description": "clear names",
            "context": {
                "recipe": {"kind": "rename_symbol", "symbol": "shop.cart.sum_up", "to": "total"}
            },
        },
    },
}

SUMMARY: dict[str, Any] = {
    "id": _ID,
    "state": "CODING",
    "repo": "https://example.org/shop.git",
    "branch": "main",
    "folded_into": None,
    "repeats": 0,
    "submitted_by": "nightly-ci",
    "reason": None,
    "received_at": "2026-01-31T03:30:00Z",
    "cancel_requested_at": None,
    "ended_at": None,
}

RUNNING: dict[str, Any] = {**SUMMARY, "report": None}

EVENTS = """\
event: state
data: {"at":"2026-01-31T03:30:00Z","who":"api","kind":"state","new_state":"RECEIVED",...}
id: 41

event: end
data: {"id":"6f1c3a52-0c86-4d5d-a2d3-0d4e8a1b7c11","state":"DONE"}

"""
