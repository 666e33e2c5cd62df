"""Languages by file name, and their grammars: the only place that knows where those come from.

A grammar is a wheel of its own, else part of the one library that tree-sitter-languages ships. That
package's own `get_parser` wants a binding older than 0.22, so the library is opened without it.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from posixpath import splitext
from typing import Final

from tree_sitter import Language, Query, QueryError

from selfheal.errors import UnsupportedLanguage

_LIBRARY_PACKAGE: Final = "tree_sitter_languages"
_CAPSULE: Final = b"tree_sitter.Language"  # kept alive here: a capsule holds the pointer only


@dataclass(frozen=True, slots=True)
class _Known:
    """A language that there are queries for: files in `queries/`, joined."""

    module: str
    queries: tuple[str, ...]
    function: str = "language"


_KNOWN: Final = {
    "python": _Known("tree_sitter_python", ("python",)),
    "javascript": _Known("tree_sitter_javascript", ("ecmascript", "javascript", "jsx")),
    "typescript": _Known(
        "tree_sitter_typescript", ("ecmascript", "typescript"), "language_typescript"
    ),
    "tsx": _Known("tree_sitter_typescript", ("ecmascript", "typescript", "jsx"), "language_tsx"),
    "go": _Known("tree_sitter_go", ("go",)),
    "java": _Known("tree_sitter_java", ("java",)),
    "rust": _Known("tree_sitter_rust", ("rust",)),
}
_ENDINGS: Final = {
    ".py": "python",
    ".js": "javascript",
    ".mjs": "javascript",
    ".cjs": "javascript",
    ".jsx": "javascript",
    ".ts": "typescript",
    ".mts": "typescript",
    ".cts": "typescript",
    ".tsx": "tsx",
    ".go": "go",
    ".java": "java",
    ".rs": "rust",
}
LANGUAGES: Final = tuple(_KNOWN)

# What older grammars, as those of the library, call what the queries ask for.
_OLDER_NAMES: Final = {"function_expression": "function", "method_elem": "method_spec"}


def language_of(path: str) -> str:
    """The language of a source file, by the end of its name; empty for any other file."""
    return _ENDINGS.get(splitext(path)[1], "")


@cache
def grammar(language: str) -> Language:
    """The grammar of a language; raises UnsupportedLanguage where none is installed."""
    known = _known(language)
    try:
        module = import_module(known.module)
    except ImportError:
        return bundled_grammar(language)
    return Language(getattr(module, known.function)())


def bundled_grammar(language: str) -> Language:
    """The grammar out of tree-sitter-languages' library; raises UnsupportedLanguage."""
    try:
        pointer = getattr(_library(), f"tree_sitter_{language}")
    except (OSError, AttributeError) as error:
        raise UnsupportedLanguage(language, f"no grammar is installed: {error}") from error
    pointer.restype = ctypes.c_void_p
    new_capsule = ctypes.pythonapi.PyCapsule_New
    new_capsule.restype = ctypes.py_object
    new_capsule.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    return Language(new_capsule(pointer(), _CAPSULE, None))


@cache
def query_text(language: str) -> str:
    """What is asked of a syntax tree of the language; raises UnsupportedLanguage."""
    folder = files("selfheal.codegraph").joinpath("queries")
    names = _known(language).queries
    return "\n".join(folder.joinpath(f"{name}.scm").read_text("utf-8") for name in names)


def query_for(found: Language, language: str) -> Query:
    """The query of a language in the names of this grammar; raises UnsupportedLanguage."""
    text = query_text(language)
    for name, older in _OLDER_NAMES.items():
        if found.id_for_node_kind(name, True) is None:  # noqa: FBT003 — takes no keyword
            text = text.replace(f"({name}", f"({older}")
    try:
        return Query(found, text)
    except QueryError as error:
        raise UnsupportedLanguage(language, f"its grammar is another one: {error}") from error


@cache
def grammar_version(language: str) -> str:
    """The versions of grammar and binding, for what is kept of their trees."""
    wheel = _known(language).module.replace("_", "-")
    return "\0".join(map(_version, (wheel, "tree-sitter-languages", "tree-sitter")))


def _known(language: str) -> _Known:
    if language not in _KNOWN:
        raise UnsupportedLanguage(language, f"known are {', '.join(_KNOWN)}")
    return _KNOWN[language]


@cache
def _library() -> ctypes.CDLL:
    """The library, found without importing its package; raises OSError where there is none."""
    found = find_spec(_LIBRARY_PACKAGE)
    folders = found.submodule_search_locations if found is not None else None
    if not folders:
        raise FileNotFoundError(f"there is no package {_LIBRARY_PACKAGE}")
    return ctypes.CDLL(str(Path(folders[0]) / "languages.so"))


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
