"""How a target repository's code is run, and what is committed to it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from selfheal.settings.section import Section


class SandboxSettings(Section):
    """Where code of the target repository runs."""

    provider: Literal["auto", "bubblewrap", "namespaces", "none"] = Field(
        default="auto", description="auto takes the first that proves itself; none is unsafe"
    )
    wall_seconds: float = Field(default=600.0, gt=0, description="longest single command")
    memory_bytes: int = Field(default=4 << 30, ge=64 << 20, description="memory of one command")
    processes: int = Field(default=256, ge=8, description="processes of one command")


class TargetSettings(Section):
    """How a target repository is run."""

    python: Path | None = Field(
        default=None,
        description="interpreter for its tests; unset: its .venv, else the farm's own",
    )
    suite_seconds: float = Field(
        default=300.0, gt=0, description="longest run of its whole test suite"
    )


class GitSettings(Section):
    """Commits that the farm makes."""

    author_name: str = Field(default="selfheal", min_length=1, description="name on commits")
    author_email: str = Field(
        default="selfheal@localhost", min_length=1, description="address on commits"
    )
