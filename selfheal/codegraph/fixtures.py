"""pytest fixtures: which parameter of a test or fixture gets which fixture's value."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from posixpath import dirname

from selfheal.codegraph.names import Defined, Namespaces


@dataclass(frozen=True, slots=True)
class FixtureLink:
    """`user` asks for `fixture` by the name of its `parameter`; both are fq names."""

    user: str
    parameter: str
    fixture: str


def fixture_links(names: Namespaces) -> tuple[FixtureLink, ...]:
    """Links found by pytest's rule: the same file first, then the nearest conftest.py upward."""
    fixtures: dict[str, dict[str, str]] = defaultdict(dict)
    for defined in names.definitions.values():
        if _is_fixture(defined):
            fixtures[defined.path][_short(defined)] = defined.fq_name
    return tuple(
        FixtureLink(defined.fq_name, parameter, found)
        for defined in names.definitions.values()
        if _is_fixture(defined) or _is_test(defined)
        for parameter in defined.fact.parameters
        if (found := _nearest(defined, parameter, fixtures))
    )


def _nearest(user: Defined, parameter: str, fixtures: dict[str, dict[str, str]]) -> str:
    folder = dirname(user.path)
    places = [user.path, *(f"{up}/conftest.py".lstrip("/") for up in _upward(folder))]
    for path in places:
        found = fixtures.get(path, {}).get(parameter, user.fq_name)
        # A fixture may ask for the one of the same name that it overrides.
        if found != user.fq_name:
            return found
    return ""


def _upward(folder: str) -> list[str]:
    folders = [folder]
    while folder:
        folder = dirname(folder)
        folders.append(folder)
    return folders


def _is_fixture(defined: Defined) -> bool:
    return any(
        step.removeprefix(".") in ("fixture", "yield_fixture")
        for chain in defined.fact.decorators
        for step in chain
    )


def _is_test(defined: Defined) -> bool:
    return defined.fact.kind != "class" and _short(defined).startswith("test")


def _short(defined: Defined) -> str:
    return defined.fact.qualname.rpartition(".")[2]
