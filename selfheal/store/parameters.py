"""What a statement is given, without the secrets in it: the last door before a row.

Whoever writes a text need not think of this. Ids of tests stay as they are, because the farm runs
tests by them.
"""

from __future__ import annotations

import json
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
            name: value if name in TEST_IDS else self._cleaned(value)
            for name, value in parameters.items()
        }

    def _cleaned(self, value: Any) -> Any:
        if isinstance(value, list):
            return list(map(self._cleaned, value))
        if not isinstance(value, str):
            return value
        if value[:1] in ("{", "["):
            return self._document(value)
        return self._known(value) if len(value) <= _SHORT else self._redactor.redact(value)

    def _document(self, text: str) -> str:
        """JSON is redacted inside: taken as a text it might be none any more."""
        try:
            document = json.loads(text)
        except ValueError:
            return self._redactor.redact(text)
        clean = redacted(self._redactor, document)
        return text if clean == document else json.dumps(clean)
