"""Whether this process answers."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter

router = APIRouter(tags=["service"])


@router.get("/health")
def health() -> dict[Literal["status"], Literal["ok"]]:
    """Answer; no token is needed."""
    return {"status": "ok"}
