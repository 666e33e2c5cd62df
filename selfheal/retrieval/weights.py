"""What each signal counts for a file and for a function.

Round numbers, set by hand on the tuning half of the repositories with a logistic fit of its cases
beside them (softmax over the files, or functions, of a case; pulled towards the weights before it).
Those of functions are near the fit. For files it did no better on sets of cases that it had not
seen, so they are what they were, but for the signals that are new. `benchmarks/localisation.py`
measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FILE_WEIGHTS: Final[Mapping[str, float]] = {
    "chunk": 1.6,
    "frame": 1.5,
    "text": 1.0,
    "path": 1.0,
    "module": 0.8,
    "title": 0.5,
    "about": 0.4,
    "spoken": 0.4,
    "symbol": 0.4,
    "message": 0.3,
    "tested": 0.3,
    "cosine": 0.2,
    "near": 0.2,
    "changed": 0.2,
    "name": 0.1,
    "recent": 0.1,
}
FUNCTION_WEIGHTS: Final[Mapping[str, float]] = {
    "chunk": 1.6,
    "file": 1.2,
    "frame": 1.0,
    "name": 0.5,
    "module": 0.4,
    "message": 0.4,
    "class": 0.3,
    "length": 0.3,
    "called": 0.25,
    "symbol": 0.2,
    "calling": 0.2,
    "cosine": 0.1,
    "title": 0.1,
}

ABSOLUTE: Final = frozenset({"frame", "path"})
"""What is named so is meant, whatever else is named: not scaled to the best of the query."""
