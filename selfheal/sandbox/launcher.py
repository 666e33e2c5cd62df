"""Builds a jail from Linux namespaces and runs one command in it: a script, not a module.

It is started as `python -I -S launcher.py PLAN`, where PLAN is a descriptor that holds the
marshalled plan. It prints an empty line when the command is all that is missing, and the reason of
a failure to stderr. Three processes
come of it: this one stays outside and passes on the exit code, the second is process 1 of the
jail and reaps, the third becomes the command. The script imports no other part of selfheal and
little of the standard library, because its start is the price of every run.

Sources: user_namespaces(7), pivot_root(2), mount_setattr(2), capabilities(7), prctl(2).
"""

# ruff: noqa: PTH102, PTH103, PTH110, PTH112, PTH118, PTH120, PTH211, S108, S302, S606
# pathlib would double the start; the plan comes from our own parent; the folders are the jail's.

from __future__ import annotations

import ctypes
import marshal
import os
import resource
import select
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
NAMESPACES = (
    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS
    | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP
)  # fmt: skip

MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV = 1, 2, 4
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
SYS_MOUNT_SETATTR = 442  # the same number on every architecture, as for all calls since Linux 5.1

PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 1, 24, 38, 22
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
CAPABILITY_VERSION_3 = 0x20080522
SIGKILL, SIGPIPE, SIGXFSZ = 9, 13, 25
AF_INET, SOCK_DGRAM, SIOCSIFFLAGS, IFF_UP = 2, 2, 0x8914, 1

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
OLD, NEW = "/old", "/new"

libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> int:
    """Raises OSError naming the step when a C call answered -1."""
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def main() -> NoReturn:
    with os.fdopen(int(sys.argv[1]), "rb") as file:
        plan = marshal.load(file)
    try:
        die_with_parent()
        if os.getppid() != plan["parent"]:
            os._exit(125)
        if plan["cgroup"]:
            write(plan["cgroup"], "0")
        enter_namespaces(plan)
    except OSError as error:
        fail(error)
    alive, held = os.pipe()
    # Opened now: process 1 will soon change the root of this process as well.
    null = os.open("/dev/null", os.O_RDWR)
    first = os.fork()
    if first == 0:
        os.close(held)
        be_process_one(plan, alive, null)
    release_standard_streams(null)
    os._exit(exit_code_of(first))


def be_process_one(plan: dict[str, Any], alive: int, null: int) -> NoReturn:
    """Builds the jail from inside, starts the command and reaps until it ends; never returns."""
    try:
        die_with_parent()
        # The launcher may have died before the line above; then nobody would end this jail.
        if select.select([alive], [], [], 0)[0]:
            os._exit(125)
        raise_loopback()
        build_root(plan)
        drop_privileges()
        payload = os.fork()
    except OSError as error:
        fail(error)
    if payload == 0:
        become_command(plan)
    release_standard_streams(null)
    # When process 1 ends, the kernel kills whatever is left in its PID namespace.
    os._exit(exit_code_of(payload))


def become_command(plan: dict[str, Any]) -> NoReturn:
    try:
        os.setsid()
        for name, bound in plan["rlimits"]:
            _, hard = resource.getrlimit(name)
            bound = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
            resource.setrlimit(name, (bound, bound))
        os.nice(plan["nice"])
        os.chdir(plan["workdir"])
        # Python ignores these two, and what is ignored stays so in the command.
        libc.signal(SIGPIPE, None)
        libc.signal(SIGXFSZ, None)
        filter_calls(plan["seccomp"])
        os.write(1, b"\n")
    except OSError as error:
        fail(error)
    execute(plan["argv"], plan["environment"])


def execute(argv: tuple[str, ...], environment: dict[str, str]) -> NoReturn:
    """Becomes the program, looked up on the jail's PATH; 127 and 126 are the shell's codes.

    The standard library's lookup imports modules, and those are outside by now.
    """
    name = argv[0]
    folders = [""] if "/" in name else environment["PATH"].split(":")
    failure: OSError = FileNotFoundError(2, os.strerror(2))
    for folder in folders:
        try:
            os.execve(os.path.join(folder, name), argv, environment)
        except OSError as error:
            if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
                failure = error
    os.write(2, f"{name}: {failure.strerror}\n".encode())
    os._exit(127 if isinstance(failure, FileNotFoundError) else 126)


def die_with_parent() -> None:
    check(prctl(PR_SET_PDEATHSIG, SIGKILL), "PR_SET_PDEATHSIG")


def enter_namespaces(plan: dict[str, Any]) -> None:
    uid, gid = os.geteuid(), os.getegid()
    check(libc.unshare(NAMESPACES), "unshare")
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{plan['uid']} {uid} 1")
    write("/proc/self/gid_map", f"{plan['gid']} {gid} 1")
    name = plan["hostname"].encode()
    check(libc.sethostname(name, len(name)), "sethostname")


def raise_loopback() -> None:
    sock = check(libc.socket(AF_INET, SOCK_DGRAM, 0), "socket")
    request = struct.pack("16sh22x", b"lo", IFF_UP)
    check(libc.ioctl(sock, SIOCSIFFLAGS, request), "loopback up")
    os.close(sock)


def build_root(plan: dict[str, Any]) -> None:
    """Replaces the root by a small tmpfs that shows the planned mounts and nothing else."""
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    # Any folder serves to hang the scaffold on; what it hides is reached through OLD.
    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    os.mkdir("/tmp" + OLD)
    pivot_root("/tmp", "/tmp" + OLD)
    os.chdir("/")
    os.mkdir(NEW)
    mount("tmpfs", NEW, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m")
    build_proc()
    build_devices()
    for kind, target, source, size in plan["mounts"]:
        add(kind, NEW + target, source, size)
    # Only now, when nothing more is created in them.
    for folder in ("/proc", "/dev", "/"):
        restrict(NEW + folder, MOUNT_ATTR_RDONLY, 0)
    os.chdir(NEW)
    pivot_root(".", ".")
    check(libc.umount2(b".", MNT_DETACH), "leave the old root")
    os.chdir("/")


def build_proc() -> None:
    """The jail's own procfs, read-only in the end.

    A command that is root outside owns the files below /proc/sys, capabilities or not.
    """
    os.mkdir(NEW + "/proc")
    mount("proc", NEW + "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    write(NEW + "/proc/sys/user/max_user_namespaces", "0")


def build_devices() -> None:
    dev = NEW + "/dev"
    os.mkdir(dev)
    mount("tmpfs", dev, "tmpfs", MS_NOSUID, "mode=755,size=1m")
    for name in DEVICES:
        write(f"{dev}/{name}", "")
        mount(f"{OLD}/dev/{name}", f"{dev}/{name}", None, MS_BIND)
    os.mkdir(dev + "/pts")
    mount("devpts", dev + "/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666")
    os.symlink("pts/ptmx", dev + "/ptmx")
    os.symlink("/proc/self/fd", dev + "/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"{dev}/{name}")


def add(kind: str, target: str, source: str, size: int) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if kind == "link":
        os.symlink(source, target)
    elif kind == "text":
        write(target, source)
    elif kind == "folder":
        os.makedirs(target, exist_ok=True)
    elif kind == "tmpfs":
        os.makedirs(target, exist_ok=True)
        mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, f"mode=1777,size={size}")
    else:
        bind(kind, target, source)


def bind(kind: str, target: str, source: str) -> None:
    if os.path.isdir(OLD + source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        write(target, "")
    mount(OLD + source, target, None, MS_BIND | MS_REC)
    attributes = MOUNT_ATTR_RDONLY if kind == "read-only" else 0
    restrict(target, attributes | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, AT_RECURSIVE)


def restrict(target: str, attributes: int, flags: int) -> None:
    wanted = struct.pack("4Q", attributes, 0, 0, 0)
    syscall(SYS_MOUNT_SETATTR, AT_FDCWD, os.fsencode(target), flags, wanted, len(wanted))


def mount(
    source: str | None, target: str, kind: str | None, flags: int, options: str | None = None
) -> None:
    names = [name and os.fsencode(name) for name in (source, target, kind, options)]
    done = libc.mount(names[0], names[1], names[2], ctypes.c_ulong(flags), names[3])
    check(done, f"mount {target.removeprefix(NEW)}")


def pivot_root(new: str, put_old: str) -> None:
    number = 155 if os.uname().machine == "x86_64" else 41
    syscall(number, new.encode(), put_old.encode())


def syscall(number: int, *arguments: int | bytes) -> None:
    """A call that the C library may not know; integers go as long, as the kernel reads them."""
    wide = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    check(libc.syscall(ctypes.c_long(number), *wide), f"system call {number}")


def prctl(option: int, *arguments: int) -> int:
    padded = [*arguments, 0, 0, 0, 0][:4]
    return int(libc.prctl(option, *map(ctypes.c_ulong, padded)))


def drop_privileges() -> None:
    """Gives up every capability for good; nothing executed later can bring one back."""
    check(prctl(PR_SET_NO_NEW_PRIVS, 1), "PR_SET_NO_NEW_PRIVS")
    check(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL), "ambient set")
    capability = 0
    while prctl(PR_CAPBSET_DROP, capability) == 0:
        capability += 1
    header = struct.pack("Ii", CAPABILITY_VERSION_3, 0)
    check(libc.capset(header, struct.pack("6I", *[0] * 6)), "capset")


def filter_calls(program: bytes) -> None:
    """Loads a seccomp program given as an array of struct sock_filter."""
    held = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HP", len(program) // 8, ctypes.addressof(held))
    check(libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(2), header), "seccomp")


def release_standard_streams(null: int) -> None:
    """Lets the command be the only one that holds the pipes, so that their end is its end."""
    for stream in (0, 1, 2):
        os.dup2(null, stream)


def exit_code_of(wanted: int) -> int:
    """Reaps children until one of them ends; 128 + n for a death by signal n."""
    while True:
        pid, status = os.wait()
        if pid == wanted:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def write(path: str, text: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def fail(error: OSError) -> NoReturn:
    os.write(2, str(error.strerror or error).encode())
    os._exit(125)


if __name__ == "__main__":
    main()
