"""The service as a process that listens."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI

from selfheal.errors import InvalidSettings

GRACE_SECONDS = 10
"""For answers that are under way when the process is told to end."""


class Server(uvicorn.Server):
    """uvicorn, which tells streams that it ends instead of waiting for them."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,  # the application logs each request itself
                server_header=False,
                # Who is believed about where a request comes from, whatever the environment says.
                forwarded_allow_ips="127.0.0.1,::1",
                ws="none",
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let answers end."""
        self._app.state.desk.closing.set()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; raises InvalidSettings."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        opened = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise InvalidSettings(
            f"cannot listen on {host} port {port}: {error}; choose with --host and --port"
        ) from error
    # Named as TCP, or asyncio leaves Nagle's algorithm on: 40 ms for each answer on a connection
    # that was kept (`benchmarks/planner_arm.py`).
    return socket.socket(family, proto=socket.IPPROTO_TCP, fileno=opened.detach())
