"""Every promise names the tests that hold it, and they exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
TEXT = (REPOSITORY / "docs" / "promises.md").read_text(encoding="utf-8")


def named_tests() -> set[tuple[str, str]]:
    """(file, function); a function alone is in the file named before it, `""` is a whole file."""
    found, file = set(), ""
    for name in re.findall(r"`((?:tests/[\w/]+\.py)?(?:::\w+)?)`", TEXT):
        path, _, function = name.partition("::")
        file = path or file
        found.add((file, function))
    return found


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_bytes())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_test_that_is_named_exists() -> None:
    named = named_tests()

    assert len(named) > 20
    missing = [
        f"{file}::{function}"
        for file, function in sorted(named)
        if not (REPOSITORY / file).is_file()
        or (function and function not in functions_of(REPOSITORY / file))
    ]
    assert not missing


def test_every_promise_names_a_test() -> None:
    promises = TEXT.partition("## The promises")[2].partition("## What happens when")[0]
    sections = promises.split("\n### ")[1:]

    assert len(sections) > 5
    assert not [one.splitlines()[0] for one in sections if "`tests/" not in one]
