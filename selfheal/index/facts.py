"""The facts of files as they are kept: by language, and by what reads them."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

from selfheal.codegraph.facts import FileFacts
from selfheal.codegraph.grammar import grammar_version, query_text
from selfheal.index.columns import Columns

_COLUMNS: Final = Columns(FileFacts)

# What decides on the facts of a text; a test compares this with what `parse` imports.
READS_WITH: Final = {
    "selfheal.codegraph": (
        "builtin.py",
        "expression.py",
        "facts.py",
        "grammar.py",
        "matches.py",
        "outline.py",
        "parse.py",
        "patterns.py",
        "reader.py",
        "source.py",
    ),
    "selfheal.index": ("columns.py",),
}


@cache
def facts_kind(language: str) -> str:
    """Under which kind facts of a language are kept: `facts/python/<digest>`.

    The digest is of the query, the grammar's version and the code that reads, so nobody can change
    one of them and forget that facts of the old one are kept somewhere. Raises
    UnsupportedLanguage.
    """
    digest = hashlib.sha256(f"{grammar_version(language)}\0{query_text(language)}".encode())
    for package, modules in READS_WITH.items():
        for module in modules:
            digest.update(files(package).joinpath(module).read_bytes())
    return f"facts/{language}/{digest.hexdigest()[:12]}"


@cache
def linked_kind(name: str, *chosen_by: str) -> str:
    """Under which kind something is kept that is worked out from the facts of a tree.

    The digest is of all the code that has a part in it, so that none is forgotten: the package
    `codegraph`, and those packages that choose what is looked at.
    """
    digest = hashlib.sha256(facts_kind("python").encode())
    for package in ("selfheal.codegraph", *chosen_by):
        for module in sorted(files(package).iterdir(), key=lambda module: module.name):
            if module.name.endswith(".py"):
                digest.update(module.read_bytes())
    return f"{name}/{digest.hexdigest()[:12]}"


def packed(facts: FileFacts) -> bytes:
    """The facts without their path: a blob may be at several."""
    return _COLUMNS.pack(facts._replace(path=""))


def unpacked(kept: bytes, path: str) -> FileFacts:
    """The facts of a blob as those of `path`; raises InvalidInput for anything else."""
    return _COLUMNS.unpack(kept)._replace(path=path)
