"""What hostile code tries, against each provider with the arguments that ship.

Each probe prints "escaped" when it got what it wanted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from selfheal.sandbox.jail import Jail
from selfheal.sandbox.provider import Provider

CANARY = "canary-7f3a-of-the-farm"

_C = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def attempt(result, what):
    print("escaped: " + what if result != -1 else os.strerror(ctypes.get_errno()))
"""

PROBES = {
    "find the farm's secrets in any environment": """
import glob, os, sys
for path in glob.glob("/proc/*/environ"):
    if sys.argv[1].encode() in open(path, "rb").read():
        print("escaped", path)
if sys.argv[1] in str(os.environ):
    print("escaped by inheritance")
""",
    "read the launcher's environment as process 1": """
print("escaped" if open("/proc/1/environ", "rb").read() else "empty")
""",
    "reach the internet": """
import socket
for address in ("1.1.1.1", "8.8.8.8", "169.254.169.254"):
    try:
        socket.create_connection((address, 53), timeout=2)
        print("escaped", address)
    except OSError as error:
        print(error)
""",
    "see a network card": """
import socket
print("escaped" if [name for _, name in socket.if_nameindex() if name != "lo"] else "only lo")
""",
    "open a socket that no namespace holds": """
import socket
for family in (16, 17, 38, 40):  # netlink is harmless here; packet, alg, vsock
    try:
        socket.socket(family, socket.SOCK_STREAM if family == 40 else socket.SOCK_RAW)
        print("opened" if family == 16 else "escaped", family)
    except OSError as error:
        print(error)
""",
    "look into the homes and the state of the host": """
import os
for folder in ("/root", "/home", "/var", "/run", "/srv", "/opt", "/mnt", "/boot", "/sys"):
    if os.path.isdir(folder) and set(os.listdir(folder)) - {".pyenv", *sys_argv_names}:
        print("escaped", folder, os.listdir(folder))
""",
    "read the host's accounts": """
import os
print("escaped" if os.path.exists("/etc/shadow") else "none")
print("escaped" if len(open("/etc/passwd").readlines()) > 1 else "one")
""",
    "write outside": """
import os
for folder in ("/", "/usr", "/usr/bin", "/etc", "/dev", "/proc/sys/kernel", "/lib"):
    path = os.path.join(folder, "selfheal-was-here")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        print("escaped", path)
    except OSError as error:
        print(error)
""",
    "patch the interpreter": """
import os, sys, sysconfig
for folder in (os.path.dirname(os.__file__), sysconfig.get_paths()["purelib"], sys.prefix):
    path = os.path.join(folder, "selfheal_was_here.py")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        print("escaped", path)
    except OSError as error:
        print(error)
""",
    "change what the kernel runs on a crash": """
for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger"):
    try:
        open(path, "w").close()
        print("escaped", path)
    except OSError as error:
        print(error)
""",
    "replace .git": """
import os
tries = {
    "write": lambda: open(".git", "w"),
    "append": lambda: open(".git", "a"),
    "remove": lambda: os.remove(".git"),
    "rename": lambda: os.rename(".git", "git"),
    "replace": lambda: (open("git", "w").close(), os.replace("git", ".git")),
    "move the folder": lambda: os.rename(os.getcwd(), os.getcwd() + "2"),
}
for name, action in tries.items():
    try:
        action()
        print("escaped:", name)
    except OSError as error:
        print(error)
""",
    "make namespaces": _C
    + """
for flag in (0x10000000, 0x20000, 0x20000000, 0x40000000, 0x10020000):
    attempt(libc.unshare(flag), f"unshare {flag:x}")
attempt(libc.setns(os.open("/proc/self/ns/net", os.O_RDONLY), 0), "setns")
pid = libc.syscall(56 if os.uname().machine == "x86_64" else 220, 0x10000000 | 17, 0, 0, 0, 0)
if pid == 0:
    os._exit(0)
attempt(pid, "clone")
""",
    "mount": _C
    + """
os.mkdir("there")
attempt(libc.mount(b"tmpfs", b"there", b"tmpfs", 0, None), "tmpfs")
attempt(libc.mount(b"/usr", b"there", None, 4096, None), "bind")
attempt(libc.mount(b"proc", b"there", b"proc", 0, None), "proc")
attempt(libc.umount2(b".git", 2), "uncover .git")
attempt(libc.chroot(b"there"), "chroot")
""",
    "remount the system writable": _C
    + """
for path in (b"/usr", b"/", b"/proc", b".git"):
    attempt(libc.mount(None, path, None, 32 | 4096, None), f"remount {path}")
    attempt(libc.mount(None, path, None, 32, None), f"remount {path} whole")
""",
    "trace another process": _C
    + """
attempt(libc.ptrace(16, 1, 0, 0), "attach to process 1")
attempt(libc.ptrace(0x4206, os.getppid(), 0, 0), "seize the parent")
""",
    "hold capabilities or gain them": """
for line in open("/proc/self/status"):
    name, value = line.split(":\\t")
    if name.startswith("Cap") and int(value, 16):
        print("escaped", line)
    if name == "NoNewPrivs" and value.strip() != "1":
        print("escaped", line)
    if name == "Seccomp" and value.strip() != "2":
        print("escaped", line)
""",
    "become another user": """
import os
print("escaped" if os.getuid() == 0 or os.getgid() == 0 else "ordinary")
for action in (os.setuid, os.setgid, lambda n: os.setgroups([n])):
    try:
        action(0)
        print("escaped")
    except OSError as error:
        print(error)
""",
    "leave a set-user-id program behind": """
import os
for action in (
    lambda: os.chmod("tool", 0o4755),
    lambda: os.fchmod(os.open("tool", os.O_RDONLY), 0o4755),
    lambda: os.open("made", os.O_CREAT | os.O_WRONLY, 0o4755),
    lambda: os.mknod("node", 0o104755),
):
    open("tool", "w").close()
    try:
        action()
    except OSError as error:
        print(error)
for name in os.listdir():
    if os.lstat(name).st_mode & 0o4000:
        print("escaped", name)
""",
    "see processes of the host": """
import os
seen = [name for name in os.listdir("/proc") if name.isdigit()]
print("escaped" if len(seen) >= 12 else "few", seen)
""",
    "keep descriptors of the farm": """
import os
for number in range(3, 256):
    try:
        print("escaped", number, os.fstat(number))
    except OSError:
        pass
""",
    "use the terminal of the farm": """
import os
try:
    os.open("/dev/tty", os.O_RDWR)
    print("escaped")
except OSError as error:
    print(error)
""",
    "find a device": """
import os, stat
for folder, _, names in os.walk("/dev"):
    for name in names:
        path = os.path.join(folder, name)
        if stat.S_ISBLK(os.lstat(path).st_mode) or name in ("mem", "kmem", "kmsg", "fuse", "kvm"):
            print("escaped", path)
""",
}


@pytest.mark.parametrize("probe", PROBES)
def test_a_hostile_command_does_not(
    probe: str,
    jailer: Provider,
    python: Callable[..., Jail],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SELFHEAL_CANARY", CANARY)
    shown = {part for one in (sys.prefix, sys.base_prefix) for part in Path(one).parts}
    source = f"sys_argv_names = {shown!r}\n{PROBES[probe]}"

    done = jailer.run(python(source, CANARY))

    assert (done.exit_code, done.stderr) == (0, "")
    assert "escaped" not in done.stdout
