"""What is drawn: boxes with a few lines of text, and arrows between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Tone = Literal["plain", "waiting", "active", "good", "doubtful", "bad"]


@dataclass(frozen=True, slots=True)
class Box:
    """A node: `key` tells it from others, `title` and `text` are shown, `tone` colours it."""

    key: str
    title: str
    text: str = ""
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one key to another; a `faint` one is drawn dashed."""

    source: str
    target: str
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Diagram:
    """Boxes in the order in which they are to be read, and arrows between boxes that are there."""

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...] = ()

    def layers(self) -> Mapping[str, int]:
        """The column of each box: one more than that of the furthest box before it.

        An arrow that would close a cycle counts for nothing.
        """
        following: dict[str, list[str]] = defaultdict(list)
        waiting = dict.fromkeys((box.key for box in self.boxes), 0)
        for arrow in self.arrows:
            if arrow.source in waiting and arrow.target in waiting:
                following[arrow.source].append(arrow.target)
                waiting[arrow.target] += 1
        layers: dict[str, int] = {}
        found = dict.fromkeys(waiting, 0)
        open_keys = list(waiting)
        while open_keys:
            free = [key for key in open_keys if waiting[key] <= 0] or open_keys[:1]
            for key in free:
                layers[key] = found[key]
                for after in following[key]:
                    waiting[after] -= 1
                    found[after] = max(found[after], found[key] + 1)
            open_keys = [key for key in open_keys if key not in layers]
        return layers
