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
from selfheal.planning.arm_settings import PlannerSettings
from selfheal.planning.roster import load_roster
from selfheal.service.app import create_app
from selfheal.service.server import Server, listen
from selfheal.settings import AdmissionSettings, LlmSettings, ServiceSettings, Settings
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
        self.farm.close()

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
    planner: PlannerSettings | None = None,
    admission: AdmissionSettings | None = None,
    llm: LlmSettings | None = None,
    **settings: Any,
) -> Service:
    """A service with these settings, and with another Planner Arm than its farm's if one is given.

    `planner` are other settings of an arm that asks the farm's models, without long pauses.
    """
    chosen = Settings(
        service=ServiceSettings(**settings),
        admission=admission or AdmissionSettings(),
        llm=llm or LlmSettings(),
    )
    servers = Servers(database_url=database_url, broker_url=broker_url)
    farm = farm_of(chosen, servers)
    if planner and farm.arm_models:
        ask = farm.arm_models.on_behalf_of
        arm = PlannerArm(planner, load_roster(), model_for=ask, first_pause=0.01)
    return Service(farm, arm=arm)
