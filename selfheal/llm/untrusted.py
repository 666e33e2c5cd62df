"""Text of others in a prompt: fenced, so that none of it is taken for a word of ours (SEC-2)."""

from __future__ import annotations

import hashlib


def untrusted(text: str, label: str) -> str:
    """The text without control characters, in a fence that it cannot close."""
    clean = "".join(mark for mark in text if mark in "\n\t" or mark.isprintable())
    mark = hashlib.sha256(clean.encode("utf-8", "replace")).hexdigest()[:12]
    return f"<<{label} {mark}>>\n{clean}\n<</{label} {mark}>>"
