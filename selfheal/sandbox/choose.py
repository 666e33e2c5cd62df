"""Picks the sandbox: the first provider that proves itself on this machine."""

from __future__ import annotations

from ..errors import SandboxUnavailable
from .bubblewrap import Bubblewrap
from .jail import Sandbox
from .namespaces import Namespaces
from .none import Unprotected
from .probe import prove
from .provider import Provider

_AUTOMATIC: tuple[type[Provider], ...] = (Bubblewrap, Namespaces)
_PROVIDERS: tuple[type[Provider], ...] = (*_AUTOMATIC, Unprotected)


def choose_sandbox(name: str = "auto") -> Sandbox:
    """The provider of that name, or the first that works, after a real run has proved it.

    `none` protects from nothing and has nothing to prove; it is never chosen by "auto". Raises
    SandboxUnavailable, naming what was tried, why it failed and what would help.
    """
    if name == Unprotected.name:
        return Unprotected()
    failures: list[str] = []
    for candidate in _candidates(name):
        sandbox = candidate()
        try:
            prove(sandbox)
        except SandboxUnavailable as error:
            failures.append(f"{candidate.name}: {error} (fix: {candidate.fix})")
        else:
            return sandbox
    raise SandboxUnavailable(
        "no code of a repository is run without a working sandbox; tried " + "; ".join(failures)
    )


def _candidates(name: str) -> tuple[type[Provider], ...]:
    if name == "auto":
        return _AUTOMATIC
    named = tuple(one for one in _PROVIDERS if one.name == name)
    if not named:
        known = ", ".join(one.name for one in _PROVIDERS)
        raise SandboxUnavailable(f"there is no sandbox {name!r}: choose auto, {known}")
    return named
