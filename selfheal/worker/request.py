"""What a worker shows of a task to whoever watches Celery: Flower, `inspect`, its own log.

A message may come from anybody, with arguments that are more than an id: they are not shown, for
the description that Celery cuts from them may hold half a secret, which nothing recognises. An
error's text may quote what a task was working at, and is redacted.
"""

from __future__ import annotations

import re
from typing import Any, cast

from celery.worker.request import Request

from selfheal.redaction.documents import redacted_shown

_ONE_ID = re.compile(r"\('[0-9a-f-]{36}',\)\Z")

_Request: Any = Request  # its type hints leave out most of it


class FarmRequest(_Request):  # type: ignore[misc]
    """Celery's, without secrets in its events and descriptions."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not _ONE_ID.match(self.argsrepr):
            self._argsrepr = "(...)"
        if self.kwargsrepr != "{}":
            self._kwargsrepr = "{...}"

    def send_event(self, type: str, **fields: Any) -> None:
        super().send_event(type, **redacted_shown(self._app.redactor, fields))

    def info(self, safe: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002
        """Its arguments as in events: the real ones may be a whole ChangeRequest."""
        del safe
        return cast("dict[str, Any]", super().info(safe=True))
