"""The filter program, run by a small interpreter of classic BPF."""

from __future__ import annotations

import errno
import platform
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.sandbox.seccomp import filter_program

ALLOWED = 0x7FFF0000
X86_64, AARCH64 = 0xC000003E, 0xC00000B7


def verdict(machine: str, number: int, *arguments: int, architecture: int | None = None) -> int:
    """What the kernel would answer: 0 for "go on", else the error number."""
    native = {"x86_64": X86_64, "aarch64": AARCH64}[machine]
    filled = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("<IIQ6Q", number, architecture or native, 0, *filled)
    program = list(struct.iter_unpack("<HBBI", filter_program(machine)))
    at = accumulator = 0
    while True:
        code, if_true, if_false, operand = program[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, operand)
        elif code == 0x06:
            return 0 if operand == ALLOWED else operand & 0xFFFF
        else:
            holds = {
                0x15: accumulator == operand,
                0x35: accumulator >= operand,
                0x45: bool(accumulator & operand),
            }[code]
            at += if_true if holds else if_false


@pytest.mark.parametrize(
    ("machine", "number"),
    [("x86_64", 101), ("x86_64", 165), ("x86_64", 272), ("aarch64", 117), ("aarch64", 40)],
)
def test_tracing_mounting_and_unsharing_are_refused(machine: str, number: int) -> None:
    assert verdict(machine, number) == errno.EPERM


@pytest.mark.parametrize(("machine", "clone"), [("x86_64", 56), ("aarch64", 220)])
def test_a_clone_may_make_threads_but_no_namespaces(machine: str, clone: int) -> None:
    thread = 0x3D0F00

    assert verdict(machine, clone, thread) == 0
    assert verdict(machine, clone, thread | 0x10000000) == errno.EPERM
    assert verdict(machine, clone, 17 | 0x00000080) == errno.EPERM


@pytest.mark.parametrize("number", [425, 435, 437])
def test_calls_whose_arguments_cannot_be_read_look_absent(number: int) -> None:
    assert verdict("x86_64", number) == errno.ENOSYS


@pytest.mark.parametrize(("machine", "socket"), [("x86_64", 41), ("aarch64", 198)])
@given(family=st.integers(min_value=0, max_value=60))
def test_only_sockets_that_the_network_namespace_holds_are_made(
    machine: str, socket: int, family: int
) -> None:
    expected = 0 if family in {1, 2, 10, 16} else errno.EAFNOSUPPORT

    assert verdict(machine, socket, family) == expected


@given(mode=st.integers(min_value=0, max_value=0o7777))
def test_no_way_of_setting_a_mode_makes_a_program_set_user_id(mode: int) -> None:
    expected = errno.EPERM if mode & 0o4000 else 0
    created = 0o101

    assert verdict("x86_64", 90, 1, mode) == expected
    assert verdict("aarch64", 53, 1, 1, mode) == expected
    assert verdict("x86_64", 2, 1, created, mode) == expected
    assert verdict("aarch64", 56, 1, 1, created, mode) == expected


def test_the_mode_of_a_file_that_is_not_created_is_of_no_account() -> None:
    assert verdict("x86_64", 257, 1, 1, 0, 0o4777) == 0


def test_calls_of_another_architecture_look_absent() -> None:
    assert verdict("x86_64", 1, architecture=0x40000003) == errno.ENOSYS
    assert verdict("x86_64", 0x40000000 | 101) == errno.ENOSYS


@given(st.sampled_from(["x86_64", "aarch64"]), st.integers(min_value=0, max_value=500))
def test_every_program_ends_in_a_verdict(machine: str, number: int) -> None:
    assert verdict(machine, number) in {0, errno.EPERM, errno.ENOSYS, errno.EAFNOSUPPORT}


@pytest.mark.parametrize(("machine", "number"), [("x86_64", 0), ("aarch64", 63), ("x86_64", 59)])
def test_everyday_calls_pass(machine: str, number: int) -> None:
    assert verdict(machine, number) == 0


def test_a_machine_without_a_table_gets_a_filter_that_allows_all() -> None:
    assert struct.unpack("<HBBI", filter_program("riscv64")) == (6, 0, 0, ALLOWED)
    assert filter_program() == filter_program(platform.machine())
