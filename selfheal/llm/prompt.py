"""Prompts: files with a version, values put into them, and texts of others fenced in.

A prompt's first line says its version (`version: 3`); `$name` stands for a value and `$$` for a
dollar sign. Whoever changes a prompt raises its version, for calls are compared by it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template
from typing import Final

_HEAD = re.compile(r"\Aversion: (?P<version>\d+)\n+")

_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)
"""Characters that no reader sees: they hide words from people, or turn them round."""

_FENCE: Final = "`"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt file. `name` with the version is what stands on rows: plan@3."""

    name: str
    template: str

    def render(self, **values: object) -> str:
        """The text with its values; raises KeyError for one that is missing.

        Values are put in as they are: what is not the farm's own goes through `fenced` first.
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


def fenced(text: str) -> str:
    """A text that is material and no instruction, in a fence that it cannot close (SEC-2).

    Control characters and marks that no reader sees are taken out.
    """
    seen = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    longest = max(map(len, re.findall(f"{_FENCE}+", seen)), default=0)
    fence = _FENCE * max(longest + 1, 3)
    return f"{fence}text\n{seen}\n{fence}"
