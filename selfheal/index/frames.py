"""Bytes with their length before them, on a pipe."""

from __future__ import annotations

import struct
from typing import IO, Final

_LENGTH: Final = struct.Struct("!Q")


def write_frame(stream: IO[bytes], content: bytes) -> None:
    """Send the content whole."""
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def read_frame(stream: IO[bytes]) -> bytes | None:
    """The next content; None where the stream ends before it is whole."""
    header = stream.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(header)
    content = stream.read(length)
    return content if len(content) == length else None
