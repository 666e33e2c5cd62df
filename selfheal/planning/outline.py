"""A source file in short, for a prompt that has no room for all of it."""

from __future__ import annotations

import re


def outline(source: str) -> str:
    """The lines of a Python source that begin a class or function."""
    kept = re.findall(r"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+\w+.*$", source, re.MULTILINE)
    return "\n".join(kept)
