"""A deny list of system calls as a classic BPF program: one layer more below the namespaces.

It refuses what no test suite needs and kernel exploits like, the sockets that no network namespace
holds back (vsock reaches the machine's host), and set-user-id files: written to the worktree by a
jail of root's, they would be root's for everybody outside.

Sources: seccomp(2), linux/bpf_common.h, linux/seccomp.h, and asm/unistd.h of both architectures.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterable
from dataclasses import dataclass

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16

# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET and NEWTIME.
_NEW_NAMESPACE = 0x7E020080
_SOCKET_FAMILIES = {"unix": 1, "inet": 2, "inet6": 10, "netlink": 16}
_SET_USER_ID = 0o4000
_CREATES = 0o100 | 0o20000000  # O_CREAT, __O_TMPFILE

Instruction = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Call:
    """A system call's numbers on x86_64 and aarch64; None where it does not exist."""

    x86_64: int | None
    aarch64: int | None


_REFUSED = {
    "acct": Call(163, 89),
    "add_key": Call(248, 217),
    "bpf": Call(321, 280),
    "chroot": Call(161, 51),
    "clock_adjtime": Call(305, 266),
    "clock_settime": Call(227, 112),
    "delete_module": Call(176, 106),
    "finit_module": Call(313, 273),
    "fsconfig": Call(431, 431),
    "fsmount": Call(432, 432),
    "fsopen": Call(430, 430),
    "fspick": Call(433, 433),
    "init_module": Call(175, 105),
    "ioperm": Call(173, None),
    "iopl": Call(172, None),
    "kcmp": Call(312, 272),
    "kexec_file_load": Call(320, 294),
    "kexec_load": Call(246, 104),
    "keyctl": Call(250, 219),
    "modify_ldt": Call(154, None),
    "mount": Call(165, 40),
    "mount_setattr": Call(442, 442),
    "move_mount": Call(429, 429),
    "open_by_handle_at": Call(304, 265),
    "open_tree": Call(428, 428),
    "perf_event_open": Call(298, 241),
    "pidfd_getfd": Call(438, 438),
    "pivot_root": Call(155, 41),
    "process_vm_readv": Call(310, 270),
    "process_vm_writev": Call(311, 271),
    "ptrace": Call(101, 117),
    "quotactl": Call(179, 60),
    "quotactl_fd": Call(443, 443),
    "reboot": Call(169, 142),
    "request_key": Call(249, 218),
    "setns": Call(308, 268),
    "settimeofday": Call(164, 170),
    "swapoff": Call(168, 225),
    "swapon": Call(167, 224),
    "syslog": Call(103, 116),
    "umount2": Call(166, 39),
    "unshare": Call(272, 97),
    "userfaultfd": Call(323, 282),
    "vhangup": Call(153, 58),
}
# These look absent, so that libraries take the older call, whose arguments a filter can read.
_ABSENT = {
    "clone3": Call(435, 435),
    "io_uring_enter": Call(426, 426),
    "io_uring_register": Call(427, 427),
    "io_uring_setup": Call(425, 425),
    "openat2": Call(437, 437),
}
_CLONE = Call(56, 220)
_SOCKETS = {"socket": Call(41, 198), "socketpair": Call(53, 199)}
# Which argument holds the mode.
_MODES = {
    "chmod": (Call(90, None), 1),
    "creat": (Call(85, None), 1),
    "fchmod": (Call(91, 52), 1),
    "fchmodat": (Call(268, 53), 2),
    "fchmodat2": (Call(452, 452), 2),
    "mknod": (Call(133, None), 1),
    "mknodat": (Call(259, 33), 2),
}
# Which argument holds the flags; the mode comes next and counts only when a file is created.
_OPENS = {"open": (Call(2, None), 1), "openat": (Call(257, 56), 2)}

_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def filter_program(machine: str | None = None) -> bytes:
    """The program as an array of struct sock_filter.

    On a machine whose numbers we do not know it allows everything.
    """
    machine = machine or platform.machine()
    if machine not in _MACHINES:
        return struct.pack("<HBBI", *_allow())
    return b"".join(struct.pack("<HBBI", *one) for one in _instructions(machine))


def _instructions(machine: str) -> list[Instruction]:
    program = [
        _load(_ARCHITECTURE),
        (_EQUAL, 1, 0, _MACHINES[machine]),
        _refuse(errno.ENOSYS),
        _load(_NUMBER),
    ]
    if machine == "x86_64":
        # The x32 calls are the same ones under other numbers.
        program += [(_AT_LEAST, 0, 1, 0x40000000), _refuse(errno.ENOSYS)]
    for call, body in _rules():
        number = call.x86_64 if machine == "x86_64" else call.aarch64
        if number is not None:
            program += [(_EQUAL, 0, len(body), number), *body]
    return [*program, _allow()]


def _rules() -> Iterable[tuple[Call, list[Instruction]]]:
    """Each call with what happens to it; every body ends in a return."""
    for call in _REFUSED.values():
        yield call, [_refuse(errno.EPERM)]
    for call in _ABSENT.values():
        yield call, [_refuse(errno.ENOSYS)]
    yield _CLONE, _unless_bits(0, _NEW_NAMESPACE)
    for call in _SOCKETS.values():
        yield call, _only_values(0, _SOCKET_FAMILIES.values())
    for call, mode in _MODES.values():
        yield call, _unless_bits(mode, _SET_USER_ID)
    for call, flags in _OPENS.values():
        made = _unless_bits(flags + 1, _SET_USER_ID)
        yield call, [_load_argument(flags), (_ANY_BIT, 1, 0, _CREATES), _allow(), *made]


def _unless_bits(argument: int, bits: int) -> list[Instruction]:
    return [_load_argument(argument), (_ANY_BIT, 0, 1, bits), _refuse(errno.EPERM), _allow()]


def _only_values(argument: int, values: Iterable[int]) -> list[Instruction]:
    body = [_load_argument(argument)]
    for value in values:
        body += [(_EQUAL, 0, 1, value), _allow()]
    return [*body, _refuse(errno.EAFNOSUPPORT)]


def _load(offset: int) -> Instruction:
    return (_LOAD, 0, 0, offset)


def _load_argument(index: int) -> Instruction:
    """The low half of an argument: both machines are little-endian, and flags fit in it."""
    return _load(_ARGUMENTS + 8 * index)


def _allow() -> Instruction:
    return (_RETURN, 0, 0, _ALLOW)


def _refuse(number: int) -> Instruction:
    return (_RETURN, 0, 0, _REFUSE | number)
