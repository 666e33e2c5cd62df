"""Log lines of code that short commands run too: structlog is loaded once there is one to write.

Loading it takes up to a fifth of a second, which a plan or a search on the command line need not
wait.
"""

from __future__ import annotations


def info(message: str, *, action: str, **fields: str | int | float) -> None:
    """Write a line about what was done."""
    import structlog

    structlog.get_logger().info(message, action=action, **fields)


def warning(message: str, *, action: str, **fields: str | int | float) -> None:
    """Write a line about what did not go as it should."""
    import structlog

    structlog.get_logger().warning(message, action=action, **fields)
