"""Each request is a log line and a count, whatever became of it."""

from __future__ import annotations

import time
from urllib.parse import quote

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from selfheal.service.metrics import Metrics
from selfheal.service.problems import defect

NOBODY_HEARD = 499
"""For who was gone before there was an answer; servers of the web log it so."""

UNSERVED = "other"
"""Method and path of what no endpoint serves: a stranger's inventions are one series."""


class RequestLog:
    """Stands around all that may fail, and answers what fails without an answer: a defect.

    Its traceback is in the log; whoever asked learns nothing of the inside. Neither queries nor
    bodies are logged.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, log: FilteringBoundLogger) -> None:
        self._app = app
        self._metrics = metrics
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        status = NOBODY_HEARD

        async def send_and_see(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_see)
        except Exception as error:
            self._log.error("A request met a defect.", action="http.defect", exc_info=error)
            if status != NOBODY_HEARD:  # too late for another answer: the server breaks it off
                raise
            await defect()(scope, receive, send_and_see)
        finally:
            self._tell(scope, status, seconds=time.monotonic() - began)

    def _tell(self, scope: Scope, status: int, *, seconds: float) -> None:
        self._metrics.answered(*_served(scope), status=status)
        self._log.info(
            "A request was answered.",
            action="http.request",
            method=scope["method"],
            path=quote(scope["path"]),  # as it came: a stranger must not write on terminals
            status=status,
            seconds=round(seconds, 4),
        )


def _served(scope: Scope) -> tuple[str, str]:
    """Method and path template of the endpoint that was found."""
    route, method = scope.get("route"), scope["method"]
    if isinstance(route, Route) and method in (route.methods or ()):
        return method, route.path
    return UNSERVED, UNSERVED
