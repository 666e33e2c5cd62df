"""Who asks, and what they may do (SEC-3).

With a token, by its role. While no token is good anywhere, a process on this machine may do all:
it could read the farm's database as well. That alone would let in pages of other sites, which a
browser on this machine shows and which can send requests here, so what looks sent by a page is
refused. Nothing is kept in cookies, so a request with a token cannot be forged that way.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from selfheal.contracts.role import Role, covers
from selfheal.errors import RoleRefused, TokenRefused
from selfheal.flows import tokens
from selfheal.service.desk import DeskHere

_bearer = HTTPBearer(
    auto_error=False,
    bearerFormat="selfheal_<id>_<secret>",
    description="A token that `selfheal token add NAME --role ROLE` has printed.",
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `name` is None for a process on this machine that needs no token."""

    name: str | None
    role: Role

    @property
    def only_own(self) -> str | None:
        """Whose requests they may end: None for anybody's."""
        return None if covers(self.role, "operator") else self.name


def _caller(
    request: Request,
    desk: DeskHere,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """Raises TokenRefused, and RateLimited for who asks too often."""
    if credentials is not None:
        row = tokens.recognise(desk.farm, credentials.credentials)
        caller, bucket = Caller(row.name, row.role), row.id
    elif _is_local(request) and not tokens.any_good(desk.farm):
        caller, bucket = Caller(None, "operator"), "local"
    else:
        raise TokenRefused(
            "a token is needed, as `Authorization: Bearer TOKEN`; the farm's operator makes one "
            "with `selfheal token add`"
        )
    desk.rate.spend(bucket)
    return caller


def _is_local(request: Request) -> bool:
    """Whether a program on this machine asks for itself, not a page in a browser on it.

    A page of another site names its own host (DNS can be made to lead it here) or its origin.
    """
    host, origin = request.headers.get("host", ""), request.headers.get("origin")
    return (
        request.client is not None
        and _is_loopback(request.client.host)
        and _is_loopback(_name_in(host))
        and origin in (None, f"{request.url.scheme}://{host}")
    )


def _name_in(host: str) -> str:
    """The name without the port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:  # brackets that do not match
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _needs(role: Role) -> Any:
    async def check(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
        if not covers(caller.role, role):
            raise RoleRefused(f"the role {role} may do this, the token's role is {caller.role}")
        return caller

    return Depends(check)


SUBMITTER = _needs("submitter")
"""For endpoints that have no use for who asks: a dependency of theirs."""

Reader = Annotated[Caller, _needs("reader")]
Submitter = Annotated[Caller, SUBMITTER]
"""As parameters of an endpoint: who asks, with at least this role."""
