"""What a worker shows of a task to whoever watches Celery: Flower, `inspect`, its own log.

A message may come from anybody, with arguments that say more than ids, and an error's text may
quote what a task was working at.
"""

from __future__ import annotations

from typing import Any, cast

from celery.worker.request import Request

from selfheal.redaction.documents import redacted_shown

_Request: Any = Request  # its type hints leave out most of it


class FarmRequest(_Request):  # type: ignore[misc]
    """Celery's, without secrets in its events and descriptions."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._argsrepr: Any = self._clean(self.argsrepr)
        self._kwargsrepr: Any = self._clean(self.kwargsrepr)

    def send_event(self, type: str, **fields: Any) -> None:
        super().send_event(type, **self._clean(fields))

    def info(self, safe: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002
        """Its arguments as they were described: the real ones may be a whole ChangeRequest."""
        del safe
        return cast("dict[str, Any]", super().info(safe=True))

    def _clean(self, shown: Any) -> Any:
        return redacted_shown(self._app.redactor, shown)
