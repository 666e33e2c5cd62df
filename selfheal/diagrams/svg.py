"""A diagram as SVG: on white, so that it can be read on light and dark pages."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from html import escape
from typing import Final

from selfheal.diagrams.diagram import Arrow, Box, Diagram, Tone
from selfheal.diagrams.layout import HEIGHT, WIDTH, Point, layout_of

_COLUMNS: Final = 37
"""Letters of the text in a box: 12 px of a sans serif are at most 6.4 px wide on average."""
_TEXT_LINES: Final = 2
_TITLE_HEIGHT: Final = 34

_TONES: dict[Tone, tuple[str, str]] = {
    "plain": ("#f6f8fa", "#57606a"),
    "waiting": ("#f6f8fa", "#8c959f"),
    "active": ("#ddf4ff", "#0969da"),
    "good": ("#dafbe1", "#1a7f37"),
    "doubtful": ("#fff8c5", "#9a6700"),
    "bad": ("#ffebe9", "#cf222e"),
}
_STYLE: Final = """
  text { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: #1f2328; }
  .heading { font-size: 15px; font-weight: 600; }
  .title { font-weight: 600; }
  .arrow { fill: none; stroke: #8c959f; stroke-width: 1.5; }
  .faint { stroke-dasharray: 5 4; }
"""


def svg_of(diagram: Diagram) -> str:
    """A whole SVG document."""
    layout = layout_of(diagram)
    width, height = max(layout.width, 420), layout.height + _TITLE_HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" aria-label="{_shown(diagram.title)}">',
        f"<style>{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" fill="#8c959f"/></marker></defs>',
        f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>',
        f'<text class="heading" x="24" y="28">{_shown(diagram.title)}</text>',
        f'<g transform="translate(0 {_TITLE_HEIGHT})">',
        *(_arrow(arrow, way) for arrow, way in layout.ways),
        *(part for box in diagram.boxes for part in _box(box, layout.middles[box.key])),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _box(box: Box, middle: Point) -> Iterator[str]:
    fill, stroke = _TONES[box.tone]
    left, top = middle[0] - WIDTH / 2, middle[1] - HEIGHT / 2
    yield f"<g><title>{_shown(f'{box.title}: {box.text}' if box.text else box.title)}</title>"
    yield (
        f'<rect x="{left:g}" y="{top:g}" width="{WIDTH}" height="{HEIGHT}" rx="8" '
        f'fill="{fill}" stroke="{stroke}" stroke-width="1.5"/>'
    )
    title = textwrap.shorten(_clean(box.title), _COLUMNS, placeholder="…")
    yield _text(title, left + 12, top + 22, "title")
    lines = textwrap.wrap(_clean(box.text), _COLUMNS, max_lines=_TEXT_LINES, placeholder="…")
    for number, line in enumerate(lines):
        yield _text(line, left + 12, top + 42 + 16 * number, "text")
    yield "</g>"


def _text(text: str, x: float, y: float, kind: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(text)}</text>'


def _arrow(arrow: Arrow, way: tuple[Point, ...]) -> str:
    """A curve from the right side of a box, through its waypoints, to the left side of another."""
    first, *between, last = way
    points = [(first[0] + WIDTH / 2, first[1])]
    for x, y in between:  # straight past the boxes of a column
        points += [(x - WIDTH / 2, y), (x + WIDTH / 2, y)]
    points.append((last[0] - WIDTH / 2 - 2, last[1]))
    path = f"M{points[0][0]:g} {points[0][1]:g}"
    for (x0, y0), (x1, y1) in zip(points[::2], points[1::2], strict=True):
        if path[-len(f"{x0:g} {y0:g}") :] != f"{x0:g} {y0:g}":
            path += f" L{x0:g} {y0:g}"
        middle = (x0 + x1) / 2
        path += f" C{middle:g} {y0:g} {middle:g} {y1:g} {x1:g} {y1:g}"
    kind = "arrow faint" if arrow.faint else "arrow"
    return f'<path class="{kind}" d="{path}" marker-end="url(#tip)"/>'


def _shown(text: str) -> str:
    return escape(_clean(text))


def _clean(text: str) -> str:
    """Text on one line, without what XML cannot hold."""
    return "".join(char if char.isprintable() else " " for char in text)
