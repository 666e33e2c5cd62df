"""The command line: one module per command, thin over the flows.

`main` is the entry point. What two commands share lives in a module named for the thing: processes,
watching, showing. Nothing below imports this package.
"""

from selfheal.cli.main import main

__all__ = ["main"]
