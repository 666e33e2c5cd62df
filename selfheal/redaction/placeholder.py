"""What stands for a secret: `<secret:NAME:hash6>`.

The same value gives the same placeholder in every process, so a redacted diff still applies to the
redacted file it was made from.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

PLACEHOLDER: Final = re.compile(r"(<secret:[A-Za-z0-9_.-]+:[0-9a-f]{6}>)")


def placeholder(name: str, value: str) -> str:
    """What stands for `value`, which is known or recognised as `name`."""
    digest = hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
    return f"<secret:{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}:{digest[:6]}>"
