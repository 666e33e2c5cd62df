"""`requirements.lock` pins what pyproject.toml asks for, and says nothing about any machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[2]
LOCK = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")


def pinned() -> list[Requirement]:
    lines = LOCK.replace(" \\\n    --hash", " --hash").splitlines()
    return [Requirement(line.split(" --hash")[0]) for line in lines if not line.startswith("#")]


def asked_for() -> list[Requirement]:
    """The requirements of the base install and of all extras, ours on ourselves left out."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    every = [Requirement(line) for group in groups for line in group]
    return [one for one in every if one.name != project["name"]]


def test_every_requirement_is_pinned_to_versions_that_it_allows() -> None:
    versions: dict[str, list[str]] = {}
    for pin in pinned():
        (specifier,) = pin.specifier
        versions.setdefault(canonicalize_name(pin.name), []).append(specifier.version)

    for requirement in asked_for():
        found = versions.get(canonicalize_name(requirement.name), [])
        assert found, f"{requirement.name} is not in the lock"
        assert all(requirement.specifier.contains(version) for version in found), requirement


def test_every_pin_has_hashes() -> None:
    entries = re.split(r"\n(?=\S)", LOCK)

    assert not [entry for entry in entries if "==" in entry and "--hash=sha256:" not in entry]


def test_the_lock_names_no_index_and_no_folder() -> None:
    body = [line for line in LOCK.splitlines() if not line.startswith("#")]

    assert not [line for line in body if re.search(r"https?:|file:|/|index|find-links", line)]
