"""The service as a process that listens."""

from __future__ import annotations

import socket

import uvicorn

from selfheal.errors import InvalidSettings
from selfheal.flows.farm import Farm
from selfheal.service.app import create_app

GRACE_SECONDS = 10
"""For answers that are under way when the process is told to end."""


class Server(uvicorn.Server):
    """uvicorn, which tells streams that it ends instead of waiting for them."""

    def __init__(self, farm: Farm) -> None:
        self._app = create_app(farm)
        super().__init__(
            uvicorn.Config(
                self._app,
                log_config=None,
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
        listening = socket.create_server((host, port), family=family, backlog=2048)
        # What it accepts inherits this. asyncio sees to it only for sockets that name TCP as their
        # protocol, which these do not: each answer would wait 40 ms for the other side's word.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except OSError as error:
        raise InvalidSettings(
            f"cannot listen on {host} port {port}: {error}; choose with --host and --port"
        ) from error
