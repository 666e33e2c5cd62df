"""What commands that only read keep of the files they have read, for the next one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from selfheal.embedded.run_folder import RunFolder
from selfheal.errors import EnvironmentUnusable
from selfheal.index.disk import DiskStore
from selfheal.index.store import BlobStore, MemoryStore
from selfheal.settings import load_settings


@contextmanager
def kept_here() -> Iterator[BlobStore]:
    """The store in the run folder, which a farm here fills too.

    Where that folder cannot be used, nothing is kept: whoever only reads need not fail for it.
    """
    settings = load_settings()
    try:
        RunFolder.open(settings.run_folder)
    except EnvironmentUnusable:
        yield MemoryStore()
        return
    with DiskStore.of_this_host(settings) as kept:
        yield kept
