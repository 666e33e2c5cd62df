"""Proves by one real run that a sandbox holds on this machine."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ..errors import SandboxUnavailable
from .jail import Jail, Limits, Sandbox

# Asks without harming: where the sandbox does not hold, the answers are printed and nothing more.
_SCRIPT = """
test "$(id -u)" != 0 || echo "the command is root"
test ! -e "$1" || echo "files of the host are visible"
test ! -w /usr || echo "the system is writable"
test ! -w .git || echo ".git is writable"
test ! -w /proc/sys/kernel/core_pattern || echo "kernel settings are writable"
while read -r key value; do
    case "$key$value" in
        CapEff:*[1-9a-f]*|CapBnd:*[1-9a-f]*) echo "the command has capabilities" ;;
        NoNewPrivs:0) echo "the command can gain privileges" ;;
    esac
done < /proc/self/status
while read -r interface rest; do
    case "$interface" in
        lo:*|Inter*|face*) ;;
        *) echo "the network $interface is reachable" ;;
    esac
done < /proc/net/dev
set -- /proc/[0-9]*
test $# -lt 12 || echo "processes of the host are visible"
echo written > proof
"""
_LIMITS = Limits(wall_seconds=10, cpu_seconds=5, memory_bytes=256 << 20, processes=16)


def prove(sandbox: Sandbox) -> None:
    """Raises SandboxUnavailable, saying what was found open or why nothing could be run."""
    own = os.getpid()
    if not Path(f"/proc/{own}/task/{own}/children").exists():
        raise SandboxUnavailable(
            "limits cannot be kept: procfs names no children (kernel option CONFIG_PROC_CHILDREN)"
        )
    with tempfile.TemporaryDirectory(prefix="selfheal-probe-") as folder:
        workdir, outside = Path(folder, "work"), Path(folder, "outside")
        workdir.mkdir()
        (workdir / ".git").write_text("gitdir: nowhere\n")
        outside.touch()
        argv = ("/bin/sh", "-c", _SCRIPT, "probe", str(outside))
        done = sandbox.run(Jail(argv=argv, workdir=workdir, limits=_LIMITS))
        found = (done.stdout + done.stderr).strip()
        if found or done.exit_code or not (workdir / "proof").is_file():
            raise SandboxUnavailable(
                f"its probe ended with {done.exit_code}: {found or 'the work folder stayed empty'}"
            )
