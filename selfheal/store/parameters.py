"""What a statement is given, without the secrets in it: the last door before a row.

Whoever writes a text need not think of this. Ids of tests stay as they are, because the farm runs
tests by them.
"""

from __future__ import annotations

from typing import Any

from selfheal.redaction import Redactor
from selfheal.redaction.documents import TEST_IDS, redacted

Parameters = dict[str, Any]


class CleanParameters:
    """Listens to an engine's `before_cursor_execute`."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __call__(
        self,
        _connection: object,
        _cursor: object,
        statement: str,
        parameters: Parameters | list[Parameters],
        *_: object,
    ) -> tuple[str, Parameters | list[Parameters]]:
        if isinstance(parameters, list):
            return statement, list(map(self._clean, parameters))
        return statement, self._clean(parameters)

    def _clean(self, parameters: Parameters) -> Parameters:
        if not isinstance(parameters, dict):
            return parameters  # a driver's own statement, without names
        return {
            name: redacted(self._redactor, value)
            if isinstance(value, str | list) and name not in TEST_IDS
            else value
            for name, value in parameters.items()
        }
