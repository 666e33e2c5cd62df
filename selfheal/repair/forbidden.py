"""Edits that may never count as a fix, however green the tests are with them.

Tan et al., "Anti-patterns in search-based program repair" (FSE 2016), and what was seen here.
"""

from __future__ import annotations

import ast
import re

from selfheal.repair.source import SourceFile
from selfheal.repair.templates.place import Change

_TEST_FILE = re.compile(r"(^|/)(tests?|testing)/|(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$")
_RISKY = frozenset(
    [
        "remove",
        "unlink",
        "rmtree",
        "rmdir",
        "removedirs",
        "rename",
        "replace",
        "kill",
        "killpg",
        "system",
        "popen",
        "Popen",
    ]
)


def is_test_file(path: str) -> bool:
    """True for tests, fixtures and their configuration: never a place to fix code."""
    return _TEST_FILE.search(path) is not None


def is_forbidden(source: SourceFile, node: ast.AST, change: Change) -> bool:
    """True when the change is of a kind that satisfies tests without repairing code.

    Constants of the failing test cannot come in: templates take ingredients from the file itself.
    """
    return _swallows(source, node, change) or _harms(source, node)


def _swallows(source: SourceFile, node: ast.AST, change: Change) -> bool:
    """An `except` made to catch everything."""
    parent = source.parent.get(node)
    if isinstance(parent, ast.ExceptHandler) and parent.type is node:
        return change.text in ("Exception", "BaseException")
    return False


def _harms(source: SourceFile, node: ast.AST) -> bool:
    """Arguments of calls that delete files or start processes are left alone."""
    for step in [node, *source.ancestors(node)]:
        if isinstance(step, ast.Call):
            name = step.func.attr if isinstance(step.func, ast.Attribute) else ""
            base = getattr(step.func, "value", None)
            if (
                name in _RISKY
                and isinstance(base, ast.Name)
                and base.id in ("os", "shutil", "subprocess")
            ):
                return True
        if isinstance(step, ast.stmt):
            return False
    return False
