"""What the holder of an API token may do (SEC-3)."""

from __future__ import annotations

from typing import Literal, get_args

Role = Literal["reader", "submitter", "operator"]

ROLES: tuple[Role, ...] = get_args(Role)
"""From the least to the most: each may do what those before it may."""


def covers(held: Role, needed: Role) -> bool:
    """Whether who has the role `held` may do what asks for `needed`."""
    return ROLES.index(held) >= ROLES.index(needed)
