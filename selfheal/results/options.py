"""What a project may set under `result_backend_transport_options`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from celery.exceptions import ImproperlyConfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`max_bytes`: largest result, as JSON. `pool_size`: connections of one process.

    `claim_seconds`: how long a worker has to send a chord's body before `sweep` sends it.
    """

    max_bytes: int = 1_048_576
    pool_size: int = 4
    claim_seconds: float = 15.0

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Options:
        """Raises ImproperlyConfigured for an unknown name or a value that is no positive number."""
        known = [field.name for field in fields(cls)]
        for name, value in given.items():
            if name not in known:
                raise ImproperlyConfigured(
                    f"result_backend_transport_options: unknown {name!r}; known: {', '.join(known)}"
                )
            if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
                raise ImproperlyConfigured(
                    f"result_backend_transport_options: {name} is {value!r}, not a number above 0"
                )
        return cls(**given)
