"""The HTTP service on a loopback port, in a thread of the test's process."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID

import httpx

from selfheal.celery import farm_of
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.role import Role
from selfheal.contracts.run_report import State
from selfheal.embedded.provider import Servers
from selfheal.flows import cancel, tokens
from selfheal.flows.farm import Farm
from selfheal.planning.arm import PlannerArm
from selfheal.service.app import create_app
from selfheal.service.server import Server, listen
from selfheal.settings import AdmissionSettings, ServiceSettings, Settings
from selfheal.store import requests

HOST = "127.0.0.1"

SHOP: dict[str, Any] = {
    "repo": "https://example.org/shop.git",
    "description": "the nightly tests are red",
}
"""The least that a request has to say."""


class Service:
    """A farm and the service in front of it, which may be stopped and started again."""

    def __init__(self, farm: Farm, *, arm: PlannerArm | None = None) -> None:
        self.farm = farm
        self._arm = arm
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Listen: on the port it had, if it has had one."""
        self._socket = listen(HOST, self.port)
        self.port = self._socket.getsockname()[1]
        self._server = Server(create_app(self.farm, arm=self._arm))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def end(self) -> None:
        self.stop()
        self.farm.database.close()

    def http(self, token: str | None = None, **headers: str) -> httpx.Client:
        """A plain client of it, so that a test sees what goes over the wire."""
        known = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers={**known, **headers}, timeout=30)

    def token(self, name: str, role: Role) -> str:
        return tokens.issue(self.farm, name=name, role=role, by="test").token

    def has(self, **fields: Any) -> UUID:
        """A request that was accepted by another door."""
        with self.farm.database.begin() as connection:
            return requests.accept(connection, ChangeRequest(**{**SHOP, **fields})).id

    def moves(self, request_id: UUID, state: State) -> None:
        with self.farm.database.begin() as connection:
            requests.advance(connection, request_id, state, who="worker", why=f"now {state}")

    def ends(self, request_id: UUID) -> None:
        cancel.cancel(self.farm, request_id, who="test")


def started(
    database_url: str,
    broker_url: str,
    *,
    arm: PlannerArm | None = None,
    max_open_requests: int = 10_000,
    **settings: Any,
) -> Service:
    """A service with these settings, and another Planner Arm than its farm's if one is given."""
    chosen = Settings(
        service=ServiceSettings(**settings),
        admission=AdmissionSettings(max_open_requests=max_open_requests),
    )
    servers = Servers(database_url=database_url, broker_url=broker_url)
    return Service(farm_of(chosen, servers), arm=arm)
