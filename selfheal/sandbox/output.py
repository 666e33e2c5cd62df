"""The bounded memory of what a command printed."""

from __future__ import annotations


class Elided:
    """Keeps the first and the last half of `limit` bytes; what is between is only counted."""

    def __init__(self, limit: int) -> None:
        self._half = max(limit // 2, 1)
        self._head = bytearray()
        self._tail = bytearray()
        self.seen = 0

    def add(self, chunk: bytes) -> None:
        self.seen += len(chunk)
        room = self._half - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:]
        # Cutting only at twice the size makes the copying linear in what was printed.
        if len(self._tail) > 2 * self._half:
            del self._tail[: -self._half]

    def text(self) -> str:
        """What was printed, as UTF-8, with a line in the middle telling what is missing."""
        head, tail = bytes(self._head), bytes(self._tail[-self._half :])
        elided = self.seen - len(head) - len(tail)
        gap = f"\n[{elided} bytes elided]\n".encode() if elided else b""
        return (head + gap + tail).decode(errors="replace")
