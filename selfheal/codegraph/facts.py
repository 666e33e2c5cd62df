"""What is known of one file from its text alone: plain values, ready to be stored by blob id.

A *chain* is an expression as a tuple of steps: a base and what is done to it. `self.jobs[0].run()`
is `("self", ".jobs", "[0]", ".run", "()")`. The empty chain is an expression that says nothing.
Bases other than identifiers: `def:` a definition of this file by qualname, `at:` a container
literal by its type and place, `import:` a module, `value:` a literal of a builtin type. Further
steps: `with` is what a context manager binds, `[1:]` what a slice from there leaves, `via:name`
what the function `name` makes of its first argument, if it is the one that Python brings.

Facts are read by the hundred thousand: as tuples they are there in a third of the time that
dataclasses take.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Chain = tuple[str, ...]
DefinitionKind = Literal["class", "function", "method", "lambda"]
Left = Literal["", "empty", "raises"]
CallKind = Literal["written", "decorator", "protocol", "read"]

RETURN = "<return>"
"""The variable that a function's results are bound to."""
YIELD = "<yield>"
"""The variable that a generator's elements are bound to."""
MERGED = "<merged>"
"""The variable of a container that holds those whose elements it has too, by the same keys."""


class Span(NamedTuple):
    """Lines count from 1, both ends included; `start` and `end` are offsets in UTF-8 bytes."""

    line: int
    end_line: int
    start: int
    end: int


class Definition(NamedTuple):
    """A class or function with its decorators, or a lambda.

    `parameters` keep their stars; a bare `*` stands before those that are keyword-only.
    `branches` counts the decisions in its own body. A fallback stands where an exception is
    handled: as a rule for an import that may fail. What is left to others is `empty` (a docstring,
    `pass`, `...`), or besides that only `raises` NotImplementedError.
    """

    qualname: str
    kind: DefinitionKind
    span: Span
    bases: tuple[Chain, ...] = ()
    decorators: tuple[Chain, ...] = ()
    parameters: tuple[str, ...] = ()
    branches: int = 0
    is_fallback: bool = False
    left: Left = ""


class Import(NamedTuple):
    """`from module import name`; `name` is empty for `import module`, `*` for everything."""

    scope: str
    module: str
    name: str
    line: int


class Binding(NamedTuple):
    """`target = value`; the names of each side are looked up in their own scope (a qualname).

    One that `is_type` is what an annotation says.
    """

    scope: str
    target: Chain
    value: Chain
    value_scope: str
    confidence: float
    is_type: bool = False


class Argument(NamedTuple):
    """`key` is the position as digits, or the keyword.

    `*0` is a sequence that is spread from position 0 on, `**` a mapping that is spread.
    """

    key: str
    value: Chain


class Call(NamedTuple):
    """A call in `scope` (a qualname; empty for the module); `target` is what is called.

    Besides the calls that are written: a decorator that is applied, and what a protocol asks for
    (`__iter__` of a loop, `__enter__` of a `with`, the class of a bare `raise`), and attributes
    that are read, which calls those that are properties.
    """

    scope: str
    target: Chain
    line: int
    arguments: tuple[Argument, ...] = ()
    kind: CallKind = "written"


class FileFacts(NamedTuple):
    """Everything read from one file. `problem` says why it is not the whole truth, or is empty."""

    path: str
    lines: int = 1
    problem: str = ""
    definitions: tuple[Definition, ...] = ()
    imports: tuple[Import, ...] = ()
    bindings: tuple[Binding, ...] = ()
    calls: tuple[Call, ...] = ()
