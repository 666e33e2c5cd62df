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

PLAN_REQUEST: dict[str, Example] = {
    "goal": {
        "summary": "A goal that wants more than code",
        "value": {
            "goal": "Find out why the monthly report is slow, mend it, show that nothing leaks",
            "constraints": ["no new dependency"],
        },
    },
}

PLAN: dict[str, Any] = {
    "schema_version": 1,
    "plan": [
        {
            "step": 1,
            "action": "Find what the monthly report spends its time on.",
            "required_arm": "retriever",
            "acceptance_criteria": ["the files and symbols that matter are named"],
            "depends_on": [],
            "estimated_cost_tier": 1,
            "estimated_duration_seconds": 20,
        },
        {
            "step": 2,
            "action": "Make the report read each order once.",
            "required_arm": "coder",
            "acceptance_criteria": ["no test newly fails"],
            "depends_on": [1],
            "estimated_cost_tier": 4,
            "estimated_duration_seconds": 300,
        },
        {
            "step": 3,
            "action": "Run the suite and compare it with the baseline.",
            "required_arm": "judge",
            "acceptance_criteria": ["no test newly fails"],
            "depends_on": [2],
            "estimated_cost_tier": 2,
            "estimated_duration_seconds": 120,
        },
    ],
    "rationale": "One cause, one change, one check.",
    "confidence": 0.85,
    "total_estimated_duration": 440,
    "complexity_score": 0.5,
}

HEALTH: dict[str, Any] = {
    "schema_version": 1,
    "status": "ok",
    "version": "0.1.0",
    "model": "offline rules",
    "timestamp": "2026-11-28T09:00:00Z",
}

CAPABILITIES: dict[str, Any] = {
    "schema_version": 1,
    "arm_id": "planner",
    "capabilities": ["cut a goal that is too large into smaller goals"],
    "cost_tier": 2,
    "average_latency_ms": 2310.5,
    "success_rate": 0.98,
}

READY: dict[str, Any] = {
    "ready": True,
    "checks": {
        "database": {"ok": True, "found": "PostgreSQL 18.1"},
        "broker": {"ok": True, "found": "0 messages wait for planning"},
        "model": {"ok": True, "found": "offline rules"},
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
