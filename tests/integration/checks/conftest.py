"""Small real projects, and the sandbox in which they are run."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from textwrap import dedent

import pytest

from selfheal.checks.target import Target, detect_target
from selfheal.sandbox.choose import choose_sandbox
from selfheal.sandbox.jail import Sandbox

Project = Callable[..., Path]


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    return choose_sandbox()


@pytest.fixture(scope="session")
def farm_target(tmp_path_factory: pytest.TempPathFactory) -> Target:
    """A repository that says nothing but to leave the plugins of this environment out: these
    projects use none, and each run would import them all."""
    plugins = {point.name for point in entry_points(group="pytest11")}
    command = "pytest " + " ".join(f"-p no:{name}" for name in sorted(plugins))
    return detect_target(tmp_path_factory.mktemp("bare"), test_command=command)


@pytest.fixture(scope="session")
def make_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Writes files, given by path, into a new folder."""

    def make(files: dict[str, str]) -> Path:
        root = tmp_path_factory.mktemp("project")
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(dedent(text), encoding="utf-8")
        return root

    return make
