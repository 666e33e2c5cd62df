"""The account PostgreSQL runs as: it refuses to run as root."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from selfheal.embedded import launcher
from selfheal.embedded.processes import ENVIRONMENT
from selfheal.errors import ServerUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who runs a server program. `prefix` stands before its command line.

    `owner` (uid and gid) must own the folders that the program writes; None: they stay as made.
    """

    name: str
    prefix: tuple[str, ...] = ()
    owner: tuple[int, int] | None = None

    @classmethod
    def caller(cls) -> Self:
        """The caller itself: an ordinary user needs no change."""
        return cls(name="the caller")

    @classmethod
    def mapped(cls) -> Self:
        """Root under another name: a user namespace shows it as `nobody`, files stay root's.

        The name is one with an account because initdb looks its uid up.
        """
        return cls(name="root, mapped to nobody", prefix=_launch("map", _nobody().pw_uid))

    @classmethod
    def dropped(cls, uid: int, gid: int) -> Self:
        """An ordinary user for good, who owns what it writes."""
        return cls(name=f"user {uid}", prefix=_launch("drop", uid, gid), owner=(uid, gid))

    def refusal(self) -> str | None:
        """Why this machine does not let us become this account, or None."""
        if not self.prefix:
            return None
        probe = subprocess.run(
            self.prefix, capture_output=True, text=True, env=ENVIRONMENT, check=False
        )
        return None if probe.returncode == 0 else probe.stderr.strip()

    @contextmanager
    def folder(self, path: Path) -> Iterator[int]:
        """A descriptor of a private folder of this account, for its program to inherit.

        One that is missing is made, and given to the account. Raises OSError.
        """
        if not path.exists():
            path.mkdir(mode=0o700)
            if self.owner is not None:
                os.chown(path, *self.owner)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def path_of(descriptor: int) -> str:
    """The inherited folder as a path of the server's own (proc(5)).

    It works for an account that may not walk the private folders above it, so that no permission of
    any of them has to change.
    """
    return f"/proc/self/fd/{descriptor}"


def account_for(data: Path) -> Account:
    """The first account that works here for a server whose data folder is, or will be, `data`.

    Ordinary users: themselves. Root: a mapped root, else `nobody`, unless the data folder belongs
    to an ordinary user already. Raises ServerUnavailable naming the fix.
    """
    if os.geteuid() != 0:
        return Account.caller()
    refusals = []
    for account in _accounts_of_root(data):
        refusal = account.refusal()
        if refusal is None:
            return account
        refusals.append(refusal)
    raise ServerUnavailable(
        f"PostgreSQL does not run as root, and root may not become the owner of {data} here "
        f"({'; '.join(refusals)}): run as an ordinary user, allow user namespaces or setuid, "
        "or set a database URL"
    )


def _accounts_of_root(data: Path) -> tuple[Account, ...]:
    nobody = _nobody()
    if not data.exists():
        return (Account.mapped(), Account.dropped(nobody.pw_uid, nobody.pw_gid))
    found = data.stat()
    if found.st_uid == 0:
        return (Account.mapped(),)
    return (Account.dropped(found.st_uid, found.st_gid),)


def _nobody() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise ServerUnavailable(
            "PostgreSQL does not run as root, and this machine has no account `nobody` to run it "
            "as: run as an ordinary user, or set a database URL"
        ) from None


def _launch(*arguments: object) -> tuple[str, ...]:
    # -I -S: nothing of the environment or the working directory is imported, and it starts faster.
    return (sys.executable, "-I", "-S", launcher.__file__, *map(str, arguments))
