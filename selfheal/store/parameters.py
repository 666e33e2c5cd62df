"""What a statement is given, without the secrets in it: the last door before a row.

Whoever writes a text need not think of this. Ids of tests stay as they are, because the farm runs
tests by them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from selfheal.redaction import Redactor
from selfheal.redaction.documents import TEST_IDS, redacted

Parameters = dict[str, Any]

_SHORT = 40
"""Characters of a text that is rather a name."""


class CleanParameters:
    """Listens to an engine's `before_cursor_execute`."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        # Names of tasks, pools and states, again and again: looking costs a hundredth of a search.
        self._known = lru_cache(maxsize=4096)(redactor.redact)

    def __call__(
        self,
        _connection: object,
        _cursor: object,
        statement: str,
        parameters: Parameters | list[Parameters],
        *_: object,
    ) -> tuple[str, Parameters | list[Parameters]]:
        if isinstance(parameters, list):
            return statement, list(map(self.cleaned, parameters))
        return statement, self.cleaned(parameters)

    def cleaned(self, parameters: Parameters) -> Parameters:
        """The parameters of one statement, by name, without what is secret in them."""
        if not isinstance(parameters, dict):
            return parameters  # a driver's own statement, without names
        return {
            name: value if name in TEST_IDS else self._clean(value)
            for name, value in parameters.items()
        }

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str) and len(value) <= _SHORT and value[:1] not in ("{", "["):
            return self._known(value)
        return redacted(self._redactor, value) if isinstance(value, str | list) else value
