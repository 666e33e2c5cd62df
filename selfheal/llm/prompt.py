"""Prompts: files with a version, and values put into them.

A prompt's first line says its version (`version: 3`); `$name` stands for a value and `$$` for a
dollar sign. Whoever changes a prompt raises its version, for calls are compared by it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template

_HEAD = re.compile(r"\Aversion: (?P<version>\d+)\n+")


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt file. `name` with the version is what stands on rows: plan@3."""

    name: str
    template: str

    def render(self, **values: object) -> str:
        """The text with its values; raises KeyError for one that is missing.

        Values are put in as they are: what is not the farm's own goes through `untrusted` first.
        """
        return Template(self.template).substitute(values)


@cache
def load_prompt(name: str) -> Prompt:
    """The prompt of this name from `selfheal/llm/prompts`; raises ValueError without a version."""
    text = files("selfheal.llm").joinpath("prompts", f"{name}.md").read_text(encoding="utf-8")
    return read_prompt(name, text)


def read_prompt(name: str, text: str) -> Prompt:
    """A prompt from the text of its file; raises ValueError where the first line has no version."""
    head = _HEAD.match(text)
    if head is None:
        raise ValueError(f'prompt {name}: the first line should read "version: 1"')
    return Prompt(f"{name}@{head['version']}", text[head.end() :])
