"""The backend of a name, as the settings want it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from selfheal.errors import EnvironmentUnusable, InvalidInput
from selfheal.llm.model import Model
from selfheal.planning.backends.backend import Backend
from selfheal.planning.backends.codex import Codex
from selfheal.planning.backends.endpoint import Endpoint
from selfheal.settings import EvolutionSettings

BackendName = Literal["codex", "openai"]
BACKENDS: tuple[BackendName, ...] = get_args(BackendName)


def backend_of(
    name: str, chosen: EvolutionSettings, *, model: Model | None, redact: Callable[[str], str]
) -> Backend:
    """The backend called `name`.

    Raises InvalidInput for another name, EnvironmentUnusable for `openai` where no model is there.
    """
    if name == "codex":
        return Codex(
            binary=chosen.codex_bin,
            profile=chosen.codex_profile,
            schema_path=chosen.schema_path,
            extra_env=chosen.extra_env,
            seconds=chosen.timeout_seconds,
            redact=redact,
        )
    if name != "openai":
        raise InvalidInput(f"backend: expected {' or '.join(BACKENDS)}, found {name!r}")
    if model is None:
        raise EnvironmentUnusable(
            "no model endpoint is configured: set SELFHEAL_LLM__BASE_URL, or choose codex"
        )
    return Endpoint(model, seconds=chosen.timeout_seconds)
