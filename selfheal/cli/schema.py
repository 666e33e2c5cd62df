"""`selfheal schema`: JSON Schemas of the documents."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from selfheal.cli.main import app
from selfheal.contracts.schema import NAMES, schema_of
from selfheal.errors import UnknownId


@app.command()
def schema(
    name: Annotated[str | None, typer.Argument(help="A document; else their names.")] = None,
) -> None:
    """Print the JSON Schema of a document, or the names of all."""
    if name is None:
        print("\n".join(NAMES))
        return
    if name not in NAMES:
        raise UnknownId(f"no document is called {name}; there are {', '.join(NAMES)}")
    print(json.dumps(schema_of(name), indent=2))
