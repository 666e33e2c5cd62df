"""RP-5: mechanical changes that need no search and no model, said exactly.

A request carries one in `context.recipe`. People type it as text: `KIND`, or `KIND:WHAT`.
"""

from __future__ import annotations

import keyword
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, TypeAdapter

from selfheal.contracts.document import Value


def _plain(name: str) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"expected a name that Python accepts, found {name!r}")
    return name


def _dotted(name: str) -> str:
    for part in name.split("."):
        _plain(part)
    return name


def _qualified(name: str) -> str:
    if "." not in name:
        raise ValueError(f"expected a dotted name, package.module.name, found {name!r}")
    return _dotted(name)


def _inside(path: str) -> str:
    if path.startswith(("/", "-")) or ".." in path.split("/") or not path.endswith((".py", ".pyi")):
        raise ValueError(
            f"expected the path of a Python file, relative to the repository, found {path!r}"
        )
    return path.removeprefix("./")


Path = Annotated[str, AfterValidator(_inside)]


class RenameSymbol(Value):
    """Renames one definition, and every reference that resolves to it."""

    kind: Literal["rename_symbol"] = "rename_symbol"
    symbol: Annotated[str, AfterValidator(_qualified)] = Field(
        description="dotted: package.module.function, package.module.Class.method"
    )
    to: Annotated[str, AfterValidator(_plain)] = Field(description="the new name, without dots")

    @property
    def goal(self) -> str:
        return f"rename {self.symbol} to {self.to}"


class RemoveUnusedImports(Value):
    """Removes imports that their file does not use."""

    kind: Literal["remove_unused_imports"] = "remove_unused_imports"
    paths: tuple[Path, ...] = Field(default=(), description="files; empty: the whole repository")

    @property
    def goal(self) -> str:
        return f"remove unused imports{_in(self.paths)}"


class AddImport(Value):
    """Adds `import module`, or `from module import name`, to a file that lacks it."""

    kind: Literal["add_import"] = "add_import"
    path: Path
    module: Annotated[str, AfterValidator(_dotted)] = Field(description="absolute, dotted")
    name: Annotated[str, AfterValidator(_plain)] | None = None

    @property
    def statement(self) -> str:
        """The line to add."""
        if self.name is None:
            return f"import {self.module}"
        return f"from {self.module} import {self.name}"

    @property
    def goal(self) -> str:
        return f"add `{self.statement}` to {self.path}"


class Format(Value):
    """Formats files with the formatter that the repository configures."""

    kind: Literal["format"] = "format"
    paths: tuple[Path, ...] = Field(default=(), description="files; empty: the whole repository")

    @property
    def goal(self) -> str:
        return f"format{_in(self.paths) or ' the repository'}"


Recipe = Annotated[
    RenameSymbol | RemoveUnusedImports | AddImport | Format, Field(discriminator="kind")
]

RECIPE: TypeAdapter[Recipe] = TypeAdapter(Recipe)

SYNTAX = (
    "rename_symbol:pkg.mod.old=new, remove_unused_imports[:PATH,PATH], "
    "add_import:PATH=module, add_import:PATH=module:name or format[:PATH,PATH]"
)
"""What `read_recipe` takes, for people."""


def read_recipe(text: str) -> dict[str, object]:
    """The fields of the recipe in `text`, for a request's context, which judges them.

    Raises ValueError where `text` has none of the forms of SYNTAX.
    """
    kind, _, what = text.partition(":")
    left, equals, right = what.partition("=")
    match kind:
        case "rename_symbol" if equals:
            return {"kind": kind, "symbol": left, "to": right}
        case "add_import" if equals:
            module, colon, name = right.partition(":")
            named: dict[str, object] = {"name": name} if colon else {}
            return {"kind": kind, "path": left, "module": module, **named}
        case "remove_unused_imports" | "format":
            return {"kind": kind, "paths": [path for path in what.split(",") if path]}
        case _:
            raise ValueError(f"expected {SYNTAX}; found {text!r}")


def _in(paths: tuple[str, ...]) -> str:
    return f" in {', '.join(paths)}" if paths else ""
