"""What the providers share: only how a jail is launched differs between them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from .git_guard import GitGuard
from .jail import Completed, Jail
from .process import Process
from .supervise import Supervision

PROTECTS_FROM = (
    "reading files, secrets and processes of the host",
    "writing anywhere but the working directory",
    "every network but the jail's own loopback",
    "changing .git, the interpreter or the installed packages",
    "fork, memory, time and output bombs",
    "processes that outlive their run",
)
LEAVES_OPEN = (
    "holes in the kernel itself, and timing side channels",
    "many files in the working directory that fill its disk, each below the file limit",
    "reading what the host keeps below /usr",
    "a fork bomb that outruns the watch, where the farm is root and no pids cgroup is writable",
    "code under test that lies about its own results",
)


# Milliseconds on an idle machine (benchmarks/sandbox.py); a busy one must not look broken.
_BUILD_SECONDS = 60.0

# A launcher that cannot set limits itself waits for ours in this shell. It gets end of file instead
# when the farm dies meanwhile, and never starts the command.
GATE = ("/bin/sh", "-c", 'echo && read -r go && exec "$@"', "sh")


class Provider(ABC):
    """A sandbox, once it is said how to launch a jail."""

    name: str
    protects_from: tuple[str, ...] = PROTECTS_FROM
    leaves_open: tuple[str, ...] = LEAVES_OPEN
    fix: ClassVar[str] = ""

    @abstractmethod
    def spawn(self, jail: Jail, git: GitGuard) -> Process:
        """Starts a launcher that prints an empty line when the command is all that is missing."""

    def release(self, process: Process, jail: Jail) -> None:  # noqa: B027  not all of them wait
        """Lets a launcher go on that waits for it after its empty line."""

    def launch(self, jail: Jail) -> Process:
        """The running command; raises SandboxUnavailable when its jail cannot be built."""
        process = self.spawn(jail, GitGuard(jail.workdir))
        try:
            process.await_start(_BUILD_SECONDS)
            self.release(process, jail)
            process.watch.begin()
        except BaseException:
            process.close()
            raise
        return process

    def run(
        self, jail: Jail, *, stdin: bytes = b"", stop: Callable[[], bool] = lambda: False
    ) -> Completed:
        with self.launch(jail) as process:
            return Supervision(process, limits=jail.limits, stdin=stdin).run(stop)

    def start(self, jail: Jail) -> Process:
        process = self.launch(jail)
        process.guard()
        return process
