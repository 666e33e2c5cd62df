"""Where source text comes from, and which dotted module each path is."""

from __future__ import annotations

import codecs
import hashlib
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from posixpath import commonpath, dirname
from typing import Final, Protocol

from selfheal.errors import InvalidInput

MAX_SOURCE_BYTES: Final = 1 << 20
"""Larger files are generated data: parsing one would cost a second and teach nothing."""

# Text codecs that no editor writes source in; some take quadratic time on hostile input.
_NOT_FOR_SOURCE: Final = frozenset(
    {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"}
)
_LONE_CARRIAGE_RETURN: Final = re.compile(r"\r(?!\n)")


class SourceTree(Protocol):
    """The files of one commit.

    `read` gives None for a path that is not in it, and may raise InvalidInput for a file that is
    too large to be held; it is asked once for every Python file, so one call must be cheap.
    """

    def paths(self) -> tuple[str, ...]: ...
    def read(self, path: str) -> bytes | None: ...


class LoadedTree:
    """A tree whose files are in memory already, by path."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def paths(self) -> tuple[str, ...]:
        """Every path, sorted."""
        return tuple(sorted(self._files))

    def read(self, path: str) -> bytes | None:
        """The content of a file; None when it is not in the tree."""
        return self._files.get(path)

    def blob(self, path: str) -> str:
        """The id that git gives such a file; raises KeyError for a path that is not in the tree."""
        content = self._files[path]
        header = f"blob {len(content)}\0".encode()
        return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()

    def size(self, path: str) -> int:
        """Bytes of a file; raises KeyError as `blob`."""
        return len(self._files[path])

    def portions(self, paths: Iterable[str]) -> Iterator[Mapping[str, bytes]]:
        """The contents of those paths that are in the tree."""
        yield {path: self._files[path] for path in paths if path in self._files}


def is_python(path: str) -> bool:
    """Whether `path` holds Python source that can be imported or run."""
    return path.endswith(".py")


def source_text(blob: bytes) -> str:
    """The text of a Python file: byte order mark gone, coding cookie (PEP 263) honoured.

    A lone carriage return becomes the newline that Python takes it for. Raises InvalidInput when
    the bytes are no source text: too large, holding null bytes, or not in their declared coding.
    """
    if len(blob) > MAX_SOURCE_BYTES:
        raise InvalidInput(f"expected at most {MAX_SOURCE_BYTES} bytes, found {len(blob)}")
    if b"\0" in blob:
        raise InvalidInput("expected source text, found null bytes")
    try:
        text = blob.decode(_encoding(blob))
    except (LookupError, SyntaxError, UnicodeError) as error:
        raise InvalidInput(f"expected text in its declared coding: {error}") from error
    return _LONE_CARRIAGE_RETURN.sub("\n", text)


def decoded_text(blob: bytes) -> str:
    """The text of a source file that is no Python: in UTF-8, or UTF-16 with its byte order mark.

    Bytes of any other coding become replacement characters: names are ASCII nearly everywhere.
    Raises InvalidInput as `source_text`.
    """
    if len(blob) > MAX_SOURCE_BYTES:
        raise InvalidInput(f"expected at most {MAX_SOURCE_BYTES} bytes, found {len(blob)}")
    wide = blob.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = blob.decode("utf-16" if wide else "utf-8-sig", errors="replace")
    if "\0" in text:
        raise InvalidInput("expected source text, found null bytes")
    return _LONE_CARRIAGE_RETURN.sub("\n", text)


def _encoding(blob: bytes) -> str:
    name, _ = tokenize.detect_encoding(io.BytesIO(blob).readline)
    if codecs.lookup(name).name.replace("_", "-") in _NOT_FOR_SOURCE:
        raise LookupError(f"{name} is no coding for source files")
    return name


def module_name(path: str) -> str:
    """The dotted module of a path, known from the path alone: `src/a/b.py` is `a.b`.

    Everything through the first `src` folder is the import root. A path that is no Python file is
    its own name, so that a lease can be held on it.
    """
    if not is_python(path):
        return path
    parts = path.removesuffix(".py").split("/")
    if "src" in parts[:-1]:
        parts = parts[parts.index("src") + 1 :]
    if len(parts) > 1 and parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts)


class Modules:
    """Finds the file that an import means, among the paths of one tree."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = frozenset(path for path in paths if is_python(path))
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._names: dict[str, str] = {}
        taken: set[str] = set()
        for path in sorted(self._paths):
            for root in self._roots(path):
                self._by_name[_dotted(path, root)].append(path)
            name = module_name(path)
            # `a.py` beside `src/a.py`: the second keeps its whole path as its name.
            self._names[path] = _dotted(path, "") if name in taken else name
            taken.add(self._names[path])

    def name_of(self, path: str) -> str:
        """The module's name, different for every path of the tree."""
        return self._names.get(path) or module_name(path)

    def find(self, module: str, *, importer: str) -> str | None:
        """The path of `module` as `importer` would import it; leading dots are relative."""
        level = len(module) - len(module.lstrip("."))
        if level:
            return self._relative(module[level:], folder=_up(dirname(importer), level - 1))
        found = self._by_name.get(module)
        if found:
            return min(found, key=lambda path: (-_closeness(path, importer), path))
        # A script, and a test in a folder without __init__.py, imports its neighbours by bare name.
        folder = dirname(importer)
        in_package = f"{folder}/__init__.py".lstrip("/") in self._paths
        return None if in_package else self._relative(module, folder=folder)

    def _relative(self, module: str, *, folder: str | None) -> str | None:
        if folder is None:
            return None
        stem = "/".join(part for part in (folder, module.replace(".", "/")) if part)
        for path in (f"{stem}.py", f"{stem}/__init__.py", "__init__.py" if not stem else ""):
            if path in self._paths:
                return path
        return None

    def _roots(self, path: str) -> set[str]:
        """The folders that `path` may be imported from: tree, `src`, above its top package."""
        folder = dirname(path)
        roots = {""}
        parts = folder.split("/")
        if "src" in parts:
            roots.add("/".join(parts[: parts.index("src") + 1]))
        while folder and f"{folder}/__init__.py" in self._paths:
            folder = dirname(folder)
        return roots | {folder}


def _dotted(path: str, root: str) -> str:
    relative = path[len(root) + 1 :] if root else path
    return relative.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _up(folder: str, levels: int) -> str | None:
    parts = folder.split("/") if folder else []
    if levels > len(parts):
        return None
    return "/".join(parts[: len(parts) - levels])


def _closeness(path: str, importer: str) -> int:
    return len(commonpath(("/" + path, "/" + importer)))
