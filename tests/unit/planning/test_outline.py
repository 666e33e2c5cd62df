"""A source file in short."""

from __future__ import annotations

from selfheal.planning.outline import outline


def test_an_outline_has_the_lines_that_begin_definitions() -> None:
    source = "import os\n\nclass A:\n    x = 1\n\n    async def f(self):\n        pass\n"

    assert outline(source) == "class A:\n    async def f(self):"
