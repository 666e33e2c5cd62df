"""How much memory is left to this process, by the machine and by every cgroup above it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from resource import getpagesize
from typing import NamedTuple


class _Hierarchy(NamedTuple):
    """Where one version of cgroups keeps memory's limit, use, and cache that can be dropped."""

    place: str
    limit: str
    used: str
    cache: str


_VERSIONS = {
    "": _Hierarchy("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    "memory": _Hierarchy(
        "sys/fs/cgroup/memory",
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_inactive_file",
    ),
}
"""By the controllers that /proc/self/cgroup names (cgroups(7))."""


def headroom(root: Path = Path("/")) -> int:
    """Bytes that can still be taken without swapping or being killed; `root` is where / is."""
    available = _fields(root / "proc/meminfo")["MemAvailable:"] * 1024
    return max(0, min((available, *_rooms(root))))


def used_by(pids: Iterable[int], root: Path = Path("/")) -> int:
    """Bytes that these processes hold and share with no file; the dead hold none."""
    return sum(_anonymous(root / "proc" / str(pid) / "statm") for pid in pids)


def _rooms(root: Path) -> Iterator[int]:
    """What is left in each cgroup from our own to the topmost that is to be seen from here."""
    for line in (root / "proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if (hierarchy := _VERSIONS.get(controllers)) is None:
            continue
        top = root / hierarchy.place
        own = top / path.lstrip("/")
        for folder in (own, *own.parents):
            if folder.is_relative_to(top) and (room := _room(folder, hierarchy)) is not None:
                yield room


def _room(folder: Path, hierarchy: _Hierarchy) -> int | None:
    try:
        limit = (folder / hierarchy.limit).read_text().strip()
        used = int((folder / hierarchy.used).read_text())
        cache = _fields(folder / "memory.stat").get(hierarchy.cache, 0)
    except OSError:
        return None
    return None if limit == "max" else int(limit) - (used - cache)


def _fields(file: Path) -> dict[str, int]:
    """A file of lines `name number ...`."""
    lines = (line.split() for line in file.read_text().splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) > 1}


def _anonymous(statm: Path) -> int:
    try:
        _, resident, shared, *_ = statm.read_text().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * getpagesize()
