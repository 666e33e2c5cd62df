"""What the OpenAPI document shows of requests and answers."""

from __future__ import annotations

from typing import Any

from fastapi.openapi.models import Example

_ID = "6f1c3a52-0c86-4d5d-a2d3-0d4e8a1b7c11"


def _step(step: int, arm: str, action: str, done: str, *, after: int | None = None) -> Any:
    return {
        "step": step,
        "action": action,
        "required_arm": arm,
        "acceptance_criteria": [done],
        "depends_on": [after] if after else [],
        "estimated_cost_tier": 1,
        "estimated_duration_seconds": 60,
    }


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

PLAN_REQUEST: dict[str, Example] = {
    "goal": {
        "summary": "A goal in words",
        "value": {
            "goal": "Add a retry with exponential back-off to the HTTP client",
            "constraints": ["no new dependency"],
            "context": {"module": "shop/http.py"},
        },
    },
    "for a ChangeRequest": {
        "summary": "On its behalf, and on its budget",
        "value": {"goal": "Find why the report is slow, and mend it", "request_id": _ID},
    },
}

PLAN: dict[str, Any] = {
    "schema_version": 1,
    "plan": [
        _step(1, "retriever", "Find what is concerned", "every place to change is named"),
        _step(2, "coder", "Add the retry", "a call that fails once is made again", after=1),
        _step(3, "judge", "Run the test suite", "no test newly fails", after=2),
    ],
    "rationale": "Found, then changed, then checked.",
    "confidence": 0.9,
    "total_estimated_duration": 180,
    "complexity_score": 0.36,
}

CAPABILITIES: dict[str, Any] = {
    "schema_version": 1,
    "arm_id": "planner",
    "capabilities": ["cuts a goal into SubTasks with dependencies"],
    "cost_tier": 2,
    "average_latency_ms": 1840.5,
    "success_rate": 0.98,
}

HEALTH: dict[str, Any] = {
    "schema_version": 1,
    "status": "ok",
    "version": "0.1.0",
    "model": "offline rules",
    "timestamp": "2026-01-31T03:30:00Z",
}

READY: dict[str, Any] = {
    "ready": True,
    "checks": {"database": True, "broker": True, "model": True},
}

AWAY: dict[str, Any] = {
    "ready": False,
    "checks": {"database": True, "broker": False, "model": True},
}

METRICS = """\
# HELP selfheal_http_requests_total answered requests, by the path as the OpenAPI document has it
# TYPE selfheal_http_requests_total counter
selfheal_http_requests_total{method="POST",path="/plan",status="200"} 3.0
# HELP rp_plans_total plans by what came of them
# TYPE rp_plans_total counter
rp_plans_total{result="planned"} 12.0
rp_plans_total{result="nothing"} 1.0
"""
