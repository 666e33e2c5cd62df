"""A script as a file, TOML or JSON."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from selfheal.errors import InvalidInput
from selfheal.testing.script import Script


def read_script(path: Path) -> Script:
    """The script in this file; raises InvalidInput naming each field that is wrong.

    A step's `answer_file` is read as its answer, from beside the script.
    """
    try:
        text = path.read_text("utf-8")
        document = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        return Script.model_validate(_with_answers(document, path.parent))
    except OSError as error:
        raise InvalidInput(f"the script cannot be read: {error}") from error
    except ValidationError as error:
        told = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise InvalidInput(f"{path}: {'; '.join(told)}") from error
    except ValueError as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise InvalidInput(f"{path} is no {kind}: {error}") from error


def _with_answers(document: Any, folder: Path) -> Any:
    if not isinstance(document, dict) or not isinstance(document.get("steps"), list):
        return document
    return {**document, "steps": [_with_answer(step, folder) for step in document["steps"]]}


def _with_answer(step: Any, folder: Path) -> Any:
    if not isinstance(step, dict) or "answer_file" not in step:
        return step
    rest = {key: value for key, value in step.items() if key != "answer_file"}
    return {**rest, "answer": (folder / step["answer_file"]).read_text("utf-8")}
