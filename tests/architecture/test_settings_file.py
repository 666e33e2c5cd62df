"""`config/selfheal.toml` documents every setting and its default, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined, to_jsonable_python

from selfheal.settings import Settings

FILE = Path(__file__).parents[2] / "config" / "selfheal.toml"


def documented() -> Iterator[str]:
    """The lines that the settings classes ask for; an unset value stands behind `#`."""
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, dict):
            yield from table_of_sections(name, default)
        else:
            yield from section(name, default, title=type(default).__doc__)


def section(name: str, values: BaseModel, *, title: str | None) -> Iterator[str]:
    """A heading, then one comment and one value for each setting; no comments without a title."""
    yield ""
    if title:
        yield f"# {title}"
    yield f"[{name}]"
    for key, field in type(values).model_fields.items():
        value = getattr(values, key)
        if title:
            yield f"# {field.description}"
        yield f"#{key} =" if value is None else f"{key} = {literal(value)}"


def table_of_sections(name: str, table: dict[str, BaseModel]) -> Iterator[str]:
    """One section for each entry; the settings are described with the first one."""
    for position, (entry, values) in enumerate(table.items()):
        title = type(values).__doc__ if position == 0 else None
        yield from section(f"{name}.{entry}", values, title=title)


def literal(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 10_000:
        return f"{value:_}"
    return json.dumps(to_jsonable_python(value))


def test_the_file_names_every_setting_its_meaning_and_its_default() -> None:
    head, _, body = FILE.read_text(encoding="utf-8").partition("\n\n")

    assert all(line.startswith("# ") for line in head.splitlines())
    assert ("\n" + body).splitlines() == list(documented())


def test_the_file_changes_nothing(tmp_path: Path) -> None:
    script = "from selfheal.settings import load_settings; print(repr(load_settings()))"
    command = [sys.executable, "-P", "-c", script]

    def settings(environment: dict[str, str]) -> str:
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert settings({"SELFHEAL_CONFIG": str(FILE)}) == settings({})


def test_every_setting_is_described() -> None:
    sections = [
        value
        for field in Settings.model_fields.values()
        for default in [field.get_default(call_default_factory=True)]
        for value in (default.values() if isinstance(default, dict) else [default])
    ]

    for value in sections:
        for key, field in type(value).model_fields.items():
            assert field.description, f"{type(value).__name__}.{key} says nothing"
            assert field.default is not PydanticUndefined, f"{key} has no default"
