"""Asks the Planner Arm's service for plans (PA-6)."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from selfheal.client.circuit import Circuit
from selfheal.errors import (
    InvalidAnswer,
    InvalidRequest,
    ModelUnavailable,
    Refused,
    RoleRefused,
    SelfhealError,
    ServiceUnavailable,
    TokenRefused,
    UnknownId,
)

if TYPE_CHECKING:
    import httpx

    from selfheal.contracts.decomposition import PlanResponse
    from selfheal.contracts.problem import Problem

MAX_TRIES = 3
LONGEST_PAUSE = 5.0
"""Seconds between two tries, whatever the service asks for: the caller waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a client has seen since it was made. Seconds are those of the calls, pauses included."""

    calls: int = 0
    plans: int = 0
    tries: int = 0
    seconds: float = 0.0


class PlannerClient:
    """The service at `url`. Threads may share one; it opens its connections at first use."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout_seconds: float = 15.0,
        circuit: Circuit | None = None,
        first_pause: float = 0.2,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._timeout = timeout_seconds
        self._first_pause, self._sleep = first_pause, sleep
        self._lock = threading.Lock()
        self._figures = Figures()
        self._opened: httpx.Client | None = None
        self.circuit = circuit or Circuit("the Planner Arm")

    @property
    def figures(self) -> Figures:
        """What this client has seen so far."""
        return self._figures

    def plan(
        self,
        goal: str,
        constraints: Sequence[str] = (),
        context: Mapping[str, Any] | None = None,
        *,
        request_id: UUID | None = None,
    ) -> PlanResponse:
        """The plan of a goal, after at most MAX_TRIES tries.

        Raises InvalidRequest naming the field, TokenRefused and RoleRefused, UnknownId for a
        ChangeRequest that is none, Refused when its budget is spent; InvalidAnswer when the model's
        answers could not be used, ModelUnavailable when there were none, ServiceUnavailable when
        nobody answered, CircuitOpen when nobody has for a while.
        """
        body = {
            "goal": goal,
            "constraints": list(constraints),
            "context": dict(context or {}),
            "request_id": str(request_id) if request_id else None,
        }
        began = time.monotonic()
        try:
            answer = self._until_answered(body)
        finally:
            self._count(calls=1, seconds=time.monotonic() - began)
        self._count(plans=1)
        return answer

    def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _until_answered(self, body: dict[str, Any]) -> PlanResponse:
        for number in range(1, MAX_TRIES):
            try:
                return self._try(body)
            except (ServiceUnavailable, ModelUnavailable) as error:
                self._sleep(self._pause_after(number, error))
        return self._try(body)

    def _try(self, body: dict[str, Any]) -> PlanResponse:
        with self.circuit.guard(ServiceUnavailable):
            self._count(tries=1)
            return _read(self._send(body))

    def _send(self, body: dict[str, Any]) -> httpx.Response:
        import httpx

        try:
            return self._connected().post("/plan", json=body)
        except httpx.HTTPError as error:
            what = str(error) or type(error).__name__
            raise ServiceUnavailable(f"{self._url} does not answer: {what}") from error

    def _connected(self) -> httpx.Client:
        import httpx

        with self._lock:
            if self._opened is None:
                headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
                self._opened = httpx.Client(
                    base_url=self._url,
                    headers=headers,
                    timeout=httpx.Timeout(self._timeout, connect=min(2.0, self._timeout)),
                )
            return self._opened

    def _pause_after(self, number: int, error: SelfhealError) -> float:
        """Twice as long after each try, drawn from its upper half; as long as the service asks."""
        jitter = random.uniform(0.5, 1)  # noqa: S311 (jitter is no secret)
        own: float = self._first_pause * 2 ** (number - 1) * jitter
        asked_for = error.after if isinstance(error, _Later) else 0.0
        return min(max(own, asked_for), LONGEST_PAUSE)

    def _count(self, **more: float) -> None:
        with self._lock:
            sums = {name: getattr(self._figures, name) + value for name, value in more.items()}
            self._figures = replace(self._figures, **sums)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Later(ServiceUnavailable):
    """The service says when it wants to be asked again; arguments: what it said, seconds."""

    def __init__(self, said: str, after: float) -> None:
        super().__init__(said, after)
        self.said, self.after = said, after

    def __str__(self) -> str:
        return self.said


_NAMED: Mapping[str, Callable[[str], SelfhealError]] = {
    "BudgetSpent": Refused,
    "InvalidAnswer": lambda said: InvalidAnswer("unusable", said),
    "ModelUnavailable": ModelUnavailable,
    "RoleRefused": RoleRefused,
    "TokenRefused": TokenRefused,
    "UnknownId": UnknownId,
}
"""Errors that the service passes on, by their names."""


def _read(response: httpx.Response) -> PlanResponse:
    """The plan in an answer, or the error that it tells of."""
    from pydantic import ValidationError

    from selfheal.contracts.decomposition import PlanResponse

    if response.status_code != 200:
        raise _told(response)
    try:
        return PlanResponse.from_json(response.content)
    except ValidationError as error:
        raise ServiceUnavailable(f"{response.url} answers, but not with a plan: {error}") from error


def _told(response: httpx.Response) -> SelfhealError:
    problem = _problem(response)
    if problem.field is not None:
        return InvalidRequest(problem.field, problem.expected or problem.message)
    if problem.error in _NAMED:
        return _NAMED[problem.error](problem.message)
    said = f"{response.url} answered {response.status_code}: {problem.message}"
    if response.is_client_error and response.status_code != 429:
        return Refused(said)
    after = response.headers.get("Retry-After", "")
    return _Later(said, float(after) if after.isdigit() else 0.0)


def _problem(response: httpx.Response) -> Problem:
    """What the service says, or a proxy before it in words of its own."""
    from pydantic import ValidationError

    from selfheal.contracts.problem import Problem

    try:
        return Problem.model_validate_json(response.content)
    except ValidationError:
        return Problem(error="", message=response.text[:200])
