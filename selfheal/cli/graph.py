"""`selfheal graph`: a request's tasks and what waits for what, as a picture."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Literal
from uuid import UUID

import typer

from selfheal.cli.farm import reach_farm
from selfheal.cli.main import app
from selfheal.diagrams.diagram import Diagram
from selfheal.diagrams.svg import svg_of
from selfheal.diagrams.text import dot_of, mermaid_of
from selfheal.flows.picture import picture_of
from selfheal.settings import load_settings

Format = Literal["mermaid", "dot", "svg", "json"]


@app.command()
def graph(
    request_id: Annotated[UUID, typer.Argument(help="The request.")],
    *,
    form: Annotated[Format, typer.Option("--format", help="How to draw it.")] = "mermaid",
) -> None:
    """Draw the tasks of a request, as they stand now; before there are any, the plan's steps.

    SVG needs nothing but a browser; GitHub and many editors show mermaid.
    """
    farm = reach_farm(load_settings())
    with farm.database.begin() as connection:
        diagram = picture_of(connection, request_id)
    print(drawn(diagram, form), end="")


def drawn(diagram: Diagram, form: Format) -> str:
    """The diagram in one of the formats, with a line break at its end."""
    match form:
        case "mermaid":
            return mermaid_of(diagram)
        case "dot":
            return dot_of(diagram)
        case "svg":
            return svg_of(diagram)
        case _:
            return json.dumps(asdict(diagram), indent=2, ensure_ascii=False) + "\n"
