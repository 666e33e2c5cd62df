"""Hashed vectors: the words of a text, each on a place and with a sign that its hash chooses.

Texts that share words are near each other; nothing is known about meaning. Feature hashing as in
Weinberger et al., 2009.
"""

from __future__ import annotations

import hashlib
import math
import re
import struct
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from selfheal.errors import InvalidRequest
from selfheal.testing.wire import Delivery, json_reply

_WORD = re.compile(r"\w+")


def hashed_vector(text: str, dimension: int) -> tuple[float, ...]:
    """A vector of length 1, the same in every process; zeros for a text without a word."""
    places = [0.0] * dimension
    for word in _WORD.findall(text.lower()):
        number = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
        places[(number >> 1) % dimension] += 1.0 if number & 1 else -1.0
    length = math.hypot(*places) or 1.0
    return tuple(place / length for place in places)


def embeddings_reply(body: Mapping[str, Any], dimension: int) -> Delivery:
    """The answer to `/v1/embeddings`; its model says that the vectors are hashed.

    Raises InvalidRequest for an input that is no text, or for another dimension.
    """
    texts = _texts(body.get("input"))
    if body.get("dimensions", dimension) != dimension:
        raise InvalidRequest("dimensions", f"this server gives {dimension}")
    encode = _base64 if body.get("encoding_format") == "base64" else list
    data = [
        {"object": "embedding", "index": index, "embedding": encode(hashed_vector(text, dimension))}
        for index, text in enumerate(texts)
    ]
    tokens = sum(len(_WORD.findall(text)) for text in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return json_reply(
        {"object": "list", "model": f"hashed-{dimension}", "data": data, "usage": usage}
    )


def _texts(given: Any) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(one, str) for one in texts):
        raise InvalidRequest("input", "a text or a list of texts is expected")
    return texts


def _base64(vector: Sequence[float]) -> str:
    """Little-endian floats of four bytes, as the official client asks for by default."""
    return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
