"""Variables without SELFHEAL_ in their names, and the settings that they stand for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

REPLAY_KEY: Final = "replay"
"""No secret: an ordinary word, which must not be blotted out of texts."""

REPLAY_URL: Final = "http://127.0.0.1:8199/v1"
"""Where the replay server of `selfheal.testing` listens unless told otherwise."""

EVOLUTION_VARIABLES: Final[Mapping[str, str]] = {
    "WORKER_EVOLUTION_GLOBAL_GOAL": "global_goal",
    "WORKER_PLANNING_BACKEND": "backend",
    "WORKER_PLANNING_MAX_ATTEMPTS": "max_attempts",
    "WORKER_PLANNING_TIMEOUT_SECONDS": "timeout_seconds",
    "WORKER_PLANNING_SCHEMA_PATH": "schema_path",
    "WORKER_PLANNING_CODEX_BIN": "codex_bin",
    "WORKER_PLANNING_CODEX_PROFILE": "codex_profile",
    "WORKER_PLANNING_EXTRA_ENV": "extra_env",
    "WORKER_PLANNING_CODEX_EXTRA_ENV": "extra_env",
}
"""Names by which these settings of `evolution` are known elsewhere. EXTRA_ENV is a JSON object."""


def replay_server() -> dict[str, Any]:
    """Of `llm`: no key and no money leave a machine that says MOCK_LLM=1, whatever else is set."""
    if os.environ.get("MOCK_LLM", "0").lower() in ("", "0", "false", "no", "off"):
        return {}
    return {
        "name": "replay",
        "base_url": REPLAY_URL,
        "api_key": REPLAY_KEY,
        "model": "replay",
        "fallbacks": (),
    }


def named_models() -> dict[str, Any]:
    """Of `llm`, what PLANNER_MODEL and CODING_MODEL say."""
    variables = {"planner_model": "PLANNER_MODEL", "coding_model": "CODING_MODEL"}
    found = {key: os.environ.get(variable) for key, variable in variables.items()}
    return {key: name for key, name in found.items() if name}


def named_evolution() -> dict[str, Any]:
    """Of `evolution`, what EVOLUTION_VARIABLES say."""
    return {
        field: os.environ[name] for name, field in EVOLUTION_VARIABLES.items() if name in os.environ
    }
