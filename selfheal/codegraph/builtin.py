"""What the functions and types that Python brings do with what they are given."""

from __future__ import annotations

import builtins
from typing import Final

NAMES: Final = frozenset(vars(builtins))
"""Every builtin name of the running Python."""

TYPES: Final = frozenset(
    {"str", "bytes", "bytearray", "int", "float", "complex", "bool", "list", "dict", "set"}
    | {"frozenset", "tuple", "object"}
)
"""Types whose call gives one of theirs."""

_CONTENTS = ("list", "tuple", "set", "frozenset", "sorted", "reversed", "iter", "dict")
THROUGH: Final = {
    **dict.fromkeys(_CONTENTS, "contents"),
    **dict.fromkeys(("next", "min", "max"), "element"),
    "enumerate": "numbered",
    "type": "class",
    **dict.fromkeys(("getattr", "staticmethod", "classmethod"), "itself"),
    **dict.fromkeys(("partial", "partialmethod", "copy", "deepcopy"), "itself"),
}
"""What a call gives of its first argument, by the last part of the function's name."""
LIBRARY: Final = frozenset(
    {"functools.partial", "functools.partialmethod", "copy.copy", "copy.deepcopy"}
)
"""Those of `THROUGH` that are no builtins, by their full name."""

ASKS: Final = {
    "len": ("__len__",),
    "str": ("__str__",),
    "repr": ("__repr__",),
    "hash": ("__hash__",),
    "bool": ("__bool__",),
    "int": ("__int__",),
    "float": ("__float__",),
    "abs": ("__abs__",),
    "iter": ("__iter__",),
    "next": ("__next__",),
    "reversed": ("__reversed__",),
    "format": ("__format__",),
    **dict.fromkeys(
        ("list", "tuple", "set", "frozenset", "sorted", "sum", "min", "max", "any", "all"),
        ("__iter__", "__iter__.__next__"),
    ),
}
"""The special methods that a builtin calls on its first argument, or on what they give."""

CALLS: Final = {
    "map": frozenset({"0", "1"}),
    "filter": frozenset({"0", "1"}),
    "sorted": frozenset({"key"}),
    "min": frozenset({"key"}),
    "max": frozenset({"key"}),
    "list.sort": frozenset({"key"}),
    "functools.reduce": frozenset({"0"}),
}
"""The arguments that a builtin calls, by position or keyword, while its caller waits."""

ELEMENTS: Final = frozenset({"get", "pop", "popitem", "popleft", "setdefault", "__getitem__"})
"""Methods of containers that give an element."""
CONTENTS: Final = frozenset({"values", "copy", "keys", "union", "__add__", "__or__"})
"""Methods of containers that give their elements."""
PROTOCOLS: Final = frozenset({"typing.Protocol", "typing_extensions.Protocol"})
"""Bases of classes that nobody is an instance of alone."""
NO_INSTANCES: Final = frozenset({"typing", "typing_extensions", "collections.abc", "types"})
"""Modules whose names say in annotations what a value can do, not what it is."""
