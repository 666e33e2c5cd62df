"""Named tuples as columns of JSON: compact, quick to read, and nothing in it can run.

Many values of one class become one list per field. What repeats, texts and tuples of texts, is
written once in a table, so that equal ones are one object when they are read. The layout follows
the types of the fields, so a class may change without a change here; who keeps such data must then
keep it under another name.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Hashable, Iterable, Sequence
from functools import cache
from itertools import chain, islice, repeat
from types import NoneType, UnionType
from typing import (
    Any,
    Final,
    Generic,
    Literal,
    Protocol,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from selfheal.errors import InvalidInput

MAX_BYTES: Final = 64 << 20
"""What one value may take when it is unpacked; the facts of a file of 1 MiB take a tenth."""

# Level 1 is three times as fast as 6 for a seventh more bytes (benchmarks/code_planner.py).
_LEVEL: Final = 1

Value = TypeVar("Value")
Texts = tuple[str, ...]


class Columns(Generic[Value]):
    """Packs values of one named tuple, of the plain types that facts are made of."""

    def __init__(self, kind: type[Value]) -> None:
        self._column: _Column = _column_of(cast(Hashable, kind))

    def pack(self, value: Value) -> bytes:
        """The value as bytes."""
        tables = _Tables()
        column = self._column.written([value], tables)
        document = json.dumps([*tables.written(), column], separators=(",", ":"))
        return zlib.compress(document.encode("ascii"), _LEVEL)

    def unpack(self, packed: bytes) -> Value:
        """The value again; raises InvalidInput for what `pack` has not made."""
        try:
            texts, lengths, places, column = json.loads(_inflated(packed))
            (value,) = self._column.read(column, _Tables.read(texts, lengths, places))
        except (ValueError, TypeError, LookupError, zlib.error, RecursionError) as error:
            raise InvalidInput(f"expected packed facts, found something else: {error}") from error
        return value  # type: ignore[no-any-return]


def _inflated(packed: bytes) -> bytes:
    inflating = zlib.decompressobj()
    document = inflating.decompress(packed, MAX_BYTES)
    if not inflating.eof:
        raise ValueError("it is cut off, or larger than any file's facts")
    return document


class _Tables:
    """The texts, and the tuples of texts, of one document."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {}
        self.tuples: dict[Texts, int] = {}

    def written(self) -> tuple[list[str], list[int], list[int]]:
        places = [self.text(text) for texts in self.tuples for text in texts]
        return list(self.texts), list(map(len, self.tuples)), places

    def text(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts))

    def tuple(self, texts: Texts) -> int:
        return self.tuples.setdefault(texts, len(self.tuples))

    @staticmethod
    def read(texts: list[str], lengths: list[int], places: list[int]) -> _Known:
        return _Known(texts, list(_cut(map(texts.__getitem__, places), lengths)))


class _Known:
    """The same tables when a document is read."""

    def __init__(self, texts: Sequence[str], tuples: Sequence[Texts]) -> None:
        self.texts = texts
        self.tuples = tuples


class _Column(Protocol):
    """Writes many values of one type as one JSON value, and reads them again."""

    def written(self, values: Sequence[Any], tables: _Tables, /) -> Any: ...
    def read(self, column: Any, known: _Known, /) -> Sequence[Any]: ...


class _Plain:
    def written(self, values: Sequence[Any], _: _Tables) -> Any:
        return list(values)

    def read(self, column: Any, _: _Known) -> Sequence[Any]:
        return column  # type: ignore[no-any-return]


class _Text:
    def written(self, values: Sequence[Any], tables: _Tables) -> Any:
        return list(map(tables.text, values))

    def read(self, column: Any, known: _Known) -> Sequence[Any]:
        return list(map(known.texts.__getitem__, column))


class _TextTuple:
    def written(self, values: Sequence[Any], tables: _Tables) -> Any:
        return list(map(tables.tuple, values))

    def read(self, column: Any, known: _Known) -> Sequence[Any]:
        return list(map(known.tuples.__getitem__, column))


class _Many:
    """Tuples of any other type: how many each holds, and all that they hold."""

    def __init__(self, item: _Column) -> None:
        self._item = item

    def written(self, values: Sequence[Any], tables: _Tables) -> Any:
        held = list(chain.from_iterable(values))
        return [list(map(len, values)), self._item.written(held, tables)]

    def read(self, column: Any, known: _Known) -> Sequence[Any]:
        lengths, held = column
        return list(_cut(iter(self._item.read(held, known)), lengths))


class _Maybe:
    """`T | None`: where there is one, and those."""

    def __init__(self, item: _Column) -> None:
        self._item = item

    def written(self, values: Sequence[Any], tables: _Tables) -> Any:
        there = [value is not None for value in values]
        held = [value for value in values if value is not None]
        return [list(map(int, there)), self._item.written(held, tables)]

    def read(self, column: Any, known: _Known) -> Sequence[Any]:
        there, held = column
        values = iter(self._item.read(held, known))
        return [next(values) if is_there else None for is_there in there]


class _Record:
    """A named tuple: one column per field."""

    def __init__(self, kind: type, columns: Iterable[tuple[str, _Column]]) -> None:
        self._kind = kind
        self._columns = tuple(columns)

    def written(self, values: Sequence[Any], tables: _Tables) -> Any:
        return [
            column.written([getattr(value, name) for value in values], tables)
            for name, column in self._columns
        ]

    def read(self, column: Any, known: _Known) -> Sequence[Any]:
        read = [own.read(part, known) for (_, own), part in zip(self._columns, column, strict=True)]
        # As the class would make them of their fields, without calling it for each.
        return list(map(tuple.__new__, repeat(self._kind), zip(*read, strict=True)))


@cache
def _column_of(kind: Any) -> _Column:
    """The column for a type; raises TypeError for one that facts are not made of."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is str or (origin is Literal and all(isinstance(one, str) for one in arguments)):
        return _Text()
    if kind in (int, float, bool):
        return _Plain()
    if origin is tuple and arguments[1:] == (Ellipsis,):
        return _TextTuple() if arguments[0] is str else _Many(_column_of(arguments[0]))
    if origin in (Union, UnionType) and len(arguments) == 2 and NoneType in arguments:
        return _Maybe(_column_of(next(one for one in arguments if one is not NoneType)))
    if isinstance(kind, type) and hasattr(kind, "_fields"):
        hints = get_type_hints(kind)
        return _Record(kind, [(name, _column_of(hints[name])) for name in kind._fields])
    raise TypeError(f"no column is known for {kind}: add one, or use a type that has one")


def _cut(values: Iterable[Any], lengths: Iterable[int]) -> Iterable[tuple[Any, ...]]:
    """Consecutive tuples of these lengths."""
    there = iter(values)
    return (tuple(islice(there, length)) for length in lengths)
