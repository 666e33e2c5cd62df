"""`celery selfheal`: which selfheal the workers of this environment run.

The command is small; that it exists matters more. The `celery` program imports its plugins before
it puts the working directory on the import path, and so binds the name `selfheal` to this package.
Otherwise `celery -A selfheal` would run the `selfheal/` of a repository it is started in, with our
keys in its environment.
"""

from __future__ import annotations

from pathlib import Path

import click

import selfheal


@click.command(name="selfheal")
def show() -> None:
    """Show which selfheal the workers of this environment run."""
    click.echo(f"selfheal {selfheal.__version__} from {Path(selfheal.__file__).parent}")
