"""Runs a command that ends when the process that started it is gone, even by SIGKILL.

`python -m selfheal.cli.child PARENT_PID COMMAND...`: the kernel is asked to send SIGQUIT on the
parent's death (prctl(2), PR_SET_PDEATHSIG), which survives the exec.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Become the command; exits at once if the parent has died meanwhile."""
    parent, *command = arguments
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
    if os.getppid() != int(parent):
        sys.exit(0)
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
