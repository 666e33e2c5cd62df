"""How Celery imports the farm: never from the working directory.

A worker may be started inside a target repository, and Celery looks there first for every module
it loads (`celery.utils.imports.import_from_cwd`). A target's `tasks/`, `config/` or its copy of a
library would then run with our keys in its environment.

This module is imported while the working directory is still on the path, so it may use nothing but
what a running Celery has loaded already.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

from celery.loaders.app import AppLoader


@contextmanager
def without_working_directory() -> Iterator[None]:
    """The import path without the entry that Celery puts first while it loads an app."""
    first = sys.path[0] if sys.path else None
    if first is None or os.path.abspath(first) != os.getcwd():  # noqa: PTH100, PTH109
        yield
        return
    del sys.path[0]
    try:
        yield
    finally:
        sys.path.insert(0, first)


class FarmLoader(AppLoader):
    """Imports task modules by their full names from where selfheal is installed."""

    def import_from_cwd(
        self, module: str, imp: Any = None, package: str | None = None
    ) -> ModuleType:
        del imp  # Celery's way of passing the importer that this class replaces
        with without_working_directory():
            return import_module(module, package)
