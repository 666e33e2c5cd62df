"""Every provider that works on this machine, and a jail to run Python code in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from selfheal.errors import SandboxUnavailable
from selfheal.sandbox.bubblewrap import Bubblewrap
from selfheal.sandbox.interpreter import interpreter_paths
from selfheal.sandbox.jail import Jail, Limits
from selfheal.sandbox.namespaces import Namespaces
from selfheal.sandbox.none import Unprotected
from selfheal.sandbox.probe import prove
from selfheal.sandbox.provider import Provider

GENEROUS = Limits(wall_seconds=30)


@cache
def _failure(provider: type[Provider]) -> str | None:
    try:
        prove(provider())
    except SandboxUnavailable as error:
        return f"NOT TESTED HERE: {provider.name}: {error}; {provider.fix}"
    return None


def _working(provider: type[Provider]) -> Provider:
    if failure := _failure(provider):
        pytest.skip(failure)
    return provider()


@pytest.fixture(params=[Bubblewrap, Namespaces], ids=lambda provider: provider.name)
def jailer(request: pytest.FixtureRequest) -> Provider:
    """A provider that isolates."""
    return _working(request.param)


@pytest.fixture(params=[Bubblewrap, Namespaces, Unprotected], ids=lambda provider: provider.name)
def runner(request: pytest.FixtureRequest) -> Provider:
    """Any provider: what all of them promise about limits and pipes."""
    return request.param() if request.param is Unprotected else _working(request.param)


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    """A linked worktree, as far as a jail can see."""
    folder = tmp_path / "worktree"
    folder.mkdir()
    (folder / ".git").write_text("gitdir: /nowhere/.git/worktrees/one\n")
    return folder


@pytest.fixture(scope="session")
def readable() -> tuple[Path, ...]:
    return interpreter_paths(Path(sys.executable))


@pytest.fixture
def python(workdir: Path, readable: tuple[Path, ...]) -> Callable[..., Jail]:
    """Makes a jail that runs Python source with the interpreter of these tests."""

    def jail(source: str, *arguments: str, limits: Limits = GENEROUS) -> Jail:
        return Jail(
            argv=(sys.executable, "-c", source, *arguments),
            workdir=workdir,
            readable=readable,
            limits=limits,
        )

    return jail
