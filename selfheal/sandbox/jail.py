"""What a jailed command may see and use, and what is known when it has ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Protocol, Self

Limit = Literal["wall", "cpu", "memory", "processes", "output", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on one jailed command; seconds, bytes and counts.

    All but `file_bytes` hold for the process tree as a whole. A file that would grow beyond
    `file_bytes` fails with EFBIG in the command itself. Of each output stream `output_bytes` are
    kept, and the command goes on; only 64 times as much is a flood and strikes.
    """

    wall_seconds: float = 120.0
    cpu_seconds: float = 300.0
    memory_bytes: int = 2 << 30
    processes: int = 128
    file_bytes: int = 256 << 20
    output_bytes: int = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Jail:
    """One command and everything it may touch.

    `workdir` is the working directory and the only writable folder of the host; `.git` inside it is
    read-only. `readable` are further host paths that stay visible (the target's interpreter, a
    virtual environment). `environment` is the whole environment: nothing else is inherited, and
    only HOME, PATH, LANG and TMPDIR are filled in where they are missing. Raises ValueError for
    text that cannot be an argument or a variable.
    """

    argv: tuple[str, ...]
    workdir: Path
    readable: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if not self.argv or "\0" in "".join(self.argv):
            raise ValueError(f"a jail needs a command without null characters, found {self.argv!r}")
        for name, value in self.environment.items():
            # A null character would end the variable and begin an option of the launcher.
            if not name or "=" in name or "\0" in name + value:
                raise ValueError(f"expected a name and a value of the environment, found {name!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """How a jailed command ended. Output is bounded: its middle is elided, its end is kept.

    `exit_code` is 128 + n for a death by signal n, and 127 for a program that was not found.
    `struck` names the limit that killed the tree. The peak memory is a sum over the tree, sampled:
    0 when the command ended before the first look.
    """

    exit_code: int
    stdout: str
    stderr: str
    wall_seconds: float
    cpu_seconds: float
    peak_memory_bytes: int
    struck: Limit | None = None


class JailedProcess(Protocol):
    """A command that runs in a jail; leaving the context kills its whole process tree.

    It dies with the thread that started it. Its limits hold, except the one on output, which the
    caller reads. `wait` raises TimedOut when the command still runs after `timeout` seconds.
    """

    stdin: IO[bytes]
    stdout: IO[bytes]
    stderr: IO[bytes]
    struck: Limit | None

    def kill(self) -> None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Sandbox(Protocol):
    """Runs commands of a target repository so that they can harm neither host nor farm.

    `name` is the provider's name in settings. `protects_from` and `leaves_open` are plain phrases
    for `doctor` and reports. `run` returns when the command has ended, a limit has struck or
    `stop()` turned true (looked at every 50 ms). `start` is for a command that is talked to.
    Both raise SandboxUnavailable where the jail cannot be built, and PatchRefused when the command
    has changed `.git`.
    """

    name: str
    protects_from: tuple[str, ...]
    leaves_open: tuple[str, ...]

    def run(
        self, jail: Jail, *, stdin: bytes = b"", stop: Callable[[], bool] = lambda: False
    ) -> Completed: ...

    def start(self, jail: Jail) -> JailedProcess: ...
