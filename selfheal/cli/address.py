"""Addresses that commands listen on."""

from __future__ import annotations

import ipaddress

from selfheal.errors import InvalidSettings


def is_loopback(address: str, *, option: str) -> bool:
    """Whether nobody but this machine can reach `address`; raises InvalidSettings for a name."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError as error:
        raise InvalidSettings(
            f"{option} {address!r} is no IP address: name one, or localhost"
        ) from error
