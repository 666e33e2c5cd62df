"""A program of its own: becomes an ordinary user, then the program that it was given.

    launcher.py map UID [PROGRAM ARGUMENT...]          in a user namespace; UID is a name for us
    launcher.py drop UID GID [PROGRAM ARGUMENT...]     for good, by setuid

It is run as a script because a thread cannot enter a user namespace when its process has others,
and it imports nothing of selfheal, so that it starts in about 20 ms. Without a program it ends with
0 when the way is open. Trick: user_namespaces(7).
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000


def enter_namespace(uid: int) -> None:
    """See ourselves as `uid` from now on; files stay ours. Raises OSError where it is forbidden."""
    maps = {
        # The kernel lets a group map be written only after this (user_namespaces(7)).
        "setgroups": "deny",
        "uid_map": f"{uid} {os.geteuid()} 1",
        "gid_map": f"{uid} {os.getegid()} 1",
    }
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    for name, content in maps.items():
        Path("/proc/self", name).write_text(content)


def drop_to(uid: int, gid: int) -> None:
    """Give up being root. Raises OSError where that is forbidden."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def main(arguments: list[str]) -> None:
    way, *rest = arguments
    if way == "map":
        enter_namespace(int(rest[0]))
        command = rest[1:]
    else:
        drop_to(int(rest[0]), int(rest[1]))
        command = rest[2:]
    if command:
        os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.exit(f"{' '.join(sys.argv[1:])}: {error}")
