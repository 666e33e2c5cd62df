"""A diagram in languages that other programs draw: mermaid (on GitHub, in many editors) and DOT."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from selfheal.diagrams.diagram import Diagram, Tone

_TONES: dict[Tone, tuple[str, str]] = {
    "waiting": ("#f6f8fa", "#8c959f"),
    "active": ("#ddf4ff", "#0969da"),
    "good": ("#dafbe1", "#1a7f37"),
    "doubtful": ("#fff8c5", "#9a6700"),
    "bad": ("#ffebe9", "#cf222e"),
}
_MARKUP: Final = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;"}


def mermaid_of(diagram: Diagram) -> str:
    """A flowchart; boxes are numbered in their order, so that any key can be drawn."""
    ids = {box.key: f"n{number}" for number, box in enumerate(diagram.boxes)}
    lines = ["flowchart LR"]
    for box in diagram.boxes:
        label = "<br/>".join(_mermaid_text(part) for part in (box.title, box.text) if part)
        tone = f":::{box.tone}" if box.tone in _TONES else ""
        lines.append(f'  {ids[box.key]}["{label}"]{tone}')
    for arrow in diagram.arrows:
        if arrow.source in ids and arrow.target in ids:
            line = "-.->" if arrow.faint else "-->"
            lines.append(f"  {ids[arrow.source]} {line} {ids[arrow.target]}")
    used = {box.tone for box in diagram.boxes}
    lines += (
        f"  classDef {tone} fill:{fill},stroke:{stroke},color:#1f2328"
        for tone, (fill, stroke) in _TONES.items()
        if tone in used
    )
    return "\n".join(lines) + "\n"


def dot_of(diagram: Diagram) -> str:
    """A digraph in the DOT language, its nodes named by their keys."""
    head = f"digraph {_dot_text(diagram.title)} {{"
    style = '  node [shape=box, style="rounded,filled", fillcolor="#f6f8fa"];'
    return "\n".join((head, "  rankdir=LR;", style, *_dot_lines(diagram), "}")) + "\n"


def _dot_lines(diagram: Diagram) -> Iterator[str]:
    for box in diagram.boxes:
        label = _dot_text("\n".join(part for part in (box.title, box.text) if part))
        fill = f', fillcolor="{_TONES[box.tone][0]}"' if box.tone in _TONES else ""
        yield f"  {_dot_text(box.key)} [label={label}{fill}];"
    keys = {box.key for box in diagram.boxes}
    for arrow in diagram.arrows:
        if arrow.source in keys and arrow.target in keys:
            style = " [style=dashed]" if arrow.faint else ""
            yield f"  {_dot_text(arrow.source)} -> {_dot_text(arrow.target)}{style};"


def _mermaid_text(text: str) -> str:
    plain = "".join(char if char.isprintable() else " " for char in text)
    return "".join(_MARKUP.get(char, char) for char in plain)


def _dot_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
