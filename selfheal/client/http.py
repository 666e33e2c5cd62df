"""Through the farm's HTTP service, which also answers."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING
from uuid import UUID

from selfheal import errors
from selfheal.errors import (
    InvalidInput,
    InvalidRequest,
    InvalidSettings,
    Refused,
    SelfhealError,
    ServiceUnavailable,
)

if TYPE_CHECKING:
    import httpx

    from selfheal.contracts.change_request import ChangeRequest
    from selfheal.contracts.request_status import RequestStatus

_LARGEST_ANSWER = 64 << 20
"""Bytes; a report with every diff of a large bundle has some of them."""

_AS_THEY_ARE = frozenset(
    ("RateLimited", "RoleRefused", "StateRefused", "StoreUnavailable", "TokenRefused", "TooBusy")
)
"""Errors that the service's caller is to know by their own class."""


class HttpTransport:
    """Asks the service; raises ServiceUnavailable when it has not answered within the timeout.

    Looking up its name comes on top of that: no system call for it can be timed.
    """

    def __init__(self, url: str, *, token: str | None, timeout: float) -> None:
        if not url.startswith(("http://", "https://")):
            raise InvalidSettings(f"http: expected a URL as http://127.0.0.1:8000, found {url!r}")
        if token is not None and not (token.isascii() and token.isprintable()):
            raise InvalidSettings("token: expected what `selfheal token add` has printed")
        self._url = url.rstrip("/")
        self._token = token
        self._timeout = timeout
        self._lock = threading.Lock()
        self._opened: tuple[int, httpx.Client] | None = None

    def submit(self, request: ChangeRequest) -> None:
        """Have it accepted: its row is committed when this returns."""
        self._ask("POST", "/change-requests", document=request.to_json())

    def cancel(self, request_id: UUID) -> None:
        """End it; raises UnknownId, and RoleRefused for what others have submitted."""
        self._ask("POST", f"/change-requests/{request_id}/cancel")

    def status(self, request_id: UUID, *, within: float) -> RequestStatus:
        """How it stands; raises UnknownId."""
        from pydantic import ValidationError

        from selfheal.contracts.request_status import RequestStatus

        answer = self._ask("GET", f"/change-requests/{request_id}", within=within)
        try:
            return RequestStatus.model_validate_json(answer)
        except ValidationError as error:
            raise self._no_service("what it says of a ChangeRequest cannot be read") from error

    def close(self) -> None:
        """Let go of connections."""
        with self._lock:
            if self._opened is not None and self._opened[0] == os.getpid():
                self._opened[1].close()
            self._opened = None

    def _ask(
        self, method: str, path: str, *, document: str | None = None, within: float | None = None
    ) -> bytes:
        """The body of a good answer; raises what the service says, and ServiceUnavailable."""
        import httpx

        seconds = min(self._timeout, self._timeout if within is None else within)
        try:
            with self._connected().stream(
                method,
                self._url + path,
                content=document,
                headers={"Content-Type": "application/json"} if document else None,
                timeout=seconds,
            ) as answer:
                body = _read(answer, until=time.monotonic() + seconds)
        except httpx.InvalidURL as error:
            raise InvalidSettings(f"http: {self._url!r} is no URL: {error}") from error
        # Besides its own errors those of what it stands on: sockets, TLS, names, encodings.
        except (httpx.HTTPError, OSError, ValueError) as error:
            what = str(error) or type(error).__name__
            raise ServiceUnavailable(f"{self._url} does not answer: {what}") from error
        if answer.is_success:
            return body
        raise self._refusal(answer.status_code, body)

    def _refusal(self, status: int, body: bytes) -> SelfhealError:
        """The error that the service has answered with."""
        from pydantic import ValidationError

        from selfheal.contracts.problem import Problem

        try:
            problem = Problem.model_validate_json(body)
        except ValidationError:
            return self._no_service(f"it answers {status}")
        if problem.field is not None:
            return InvalidRequest(problem.field, problem.expected or problem.message)
        if problem.error == "UnknownId":
            return errors.UnknownId(problem.message)
        if problem.error in _AS_THEY_ARE:
            kind: type[SelfhealError] = getattr(errors, problem.error)
            return kind(problem.message)
        if status >= 500:
            return ServiceUnavailable(f"{self._url}: {problem.message}")
        return (InvalidInput if status in (400, 404, 422) else Refused)(problem.message)

    def _no_service(self, found: str) -> ServiceUnavailable:
        return ServiceUnavailable(f"{self._url} does not answer as selfheal's service: {found}")

    def _connected(self) -> httpx.Client:
        """This process's connections: a forked child must not share its parent's."""
        import httpx

        with self._lock:
            if self._opened is None or self._opened[0] != os.getpid():
                token = {"Authorization": f"Bearer {self._token}"} if self._token else {}
                self._opened = (os.getpid(), httpx.Client(headers=token))
            return self._opened[1]


def _read(answer: httpx.Response, *, until: float) -> bytes:
    """The whole body; raises what httpx would for one that comes too slowly, or does not end."""
    import httpx

    body = bytearray()
    for part in answer.iter_bytes():
        body += part
        if time.monotonic() > until:
            raise httpx.ReadTimeout("its answer took too long")
        if len(body) > _LARGEST_ANSWER:
            raise httpx.ReadError(f"its answer has more than {_LARGEST_ANSWER:,} bytes")
    return bytes(body)
