"""Every fix template, in the order that breaks ties."""

from __future__ import annotations

from selfheal.repair.templates import (
    arguments,
    conditions,
    constants,
    names,
    operators,
    returns,
    reuse,
    slices,
    wrappers,
)
from selfheal.repair.templates.place import Template

CATALOGUE: tuple[Template, ...] = (
    *operators.TEMPLATES,
    *constants.TEMPLATES,
    *names.TEMPLATES,
    *arguments.TEMPLATES,
    *conditions.TEMPLATES,
    *slices.TEMPLATES,
    *returns.TEMPLATES,
    *wrappers.TEMPLATES,
    *reuse.TEMPLATES,
)
