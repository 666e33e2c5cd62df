"""What memory is left, read from files as Linux writes them."""

from __future__ import annotations

from pathlib import Path
from resource import getpagesize

import pytest

from selfheal.worker.memory import headroom, used_by

MB = 1 << 20


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """8,000 MB to be had, and no cgroup that says less."""
    write(tmp_path / "proc/meminfo", f"MemTotal: 16000 kB\nMemAvailable: {8_000 * 1024} kB\n")
    write(tmp_path / "proc/self/cgroup", "0::/\n")
    return tmp_path


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_without_cgroups_the_machine_decides(machine: Path) -> None:
    assert headroom(machine) == 8_000 * MB


def test_the_tightest_cgroup_above_us_decides(machine: Path) -> None:
    write(machine / "proc/self/cgroup", "0::/pods/farm\n")
    top = machine / "sys/fs/cgroup"
    for folder, limit, used in (
        (top / "pods/farm", "max", 900 * MB),
        (top / "pods", str(3_000 * MB), 1_500 * MB),
    ):
        write(folder / "memory.max", f"{limit}\n")
        write(folder / "memory.current", f"{used}\n")
        write(folder / "memory.stat", f"anon 1\ninactive_file {500 * MB}\n")

    assert headroom(machine) == 2_000 * MB


def test_the_first_version_of_cgroups_is_read_too(machine: Path) -> None:
    write(machine / "proc/self/cgroup", "4:memory:/box\n0::/\n")
    folder = machine / "sys/fs/cgroup/memory/box"
    write(folder / "memory.limit_in_bytes", f"{700 * MB}\n")
    write(folder / "memory.usage_in_bytes", f"{800 * MB}\n")
    write(folder / "memory.stat", f"total_inactive_file {50 * MB}\n")

    assert headroom(machine) == 0


def test_inside_a_container_the_topmost_folder_is_our_own(machine: Path) -> None:
    write(machine / "proc/self/cgroup", "0::/hidden/from/here\n")
    write(machine / "sys/fs/cgroup/memory.max", f"{1_000 * MB}\n")
    write(machine / "sys/fs/cgroup/memory.current", f"{400 * MB}\n")
    write(machine / "sys/fs/cgroup/memory.stat", "anon 1\n")

    assert headroom(machine) == 600 * MB


def test_processes_are_counted_without_the_files_they_share(machine: Path) -> None:
    write(machine / "proc/7/statm", "9000 500 200 1 0 400 0\n")
    write(machine / "proc/8/statm", "")  # a zombie's

    assert used_by([7, 8, 9], machine) == 300 * getpagesize()


def test_this_machine_can_be_asked() -> None:
    assert headroom() >= 0
