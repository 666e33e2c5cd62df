"""A body that is announced as too large is not read at all."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from selfheal.service.problems import too_large


class AnnouncedBodies:
    """Refuses them with a Problem; Starlette counts what comes unannounced."""

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        announced = Headers(scope=scope).get("content-length") if scope["type"] == "http" else None
        if announced is not None and int(announced) > self._most:
            await too_large(self._most)(scope, receive, send)
        else:
            await self._app(scope, receive, send)
