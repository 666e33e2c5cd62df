"""Where a Python interpreter keeps what it needs to run."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ..errors import EnvironmentUnusable

_ASK = """
import json, sys, sysconfig
paths = sysconfig.get_paths()
print(json.dumps([sys.base_prefix, sys.base_exec_prefix, paths["stdlib"], paths["platstdlib"]]))
"""
_ANSWER_SECONDS = 20.0


def interpreter_paths(python: Path) -> tuple[Path, ...]:
    """Host paths that a jail must show for `python` (absolute) to run with its packages.

    These are the virtual environment, the installation below it and every link on the way. The
    interpreter is asked without its site packages, so that no installed `.pth` code runs out here;
    it must nevertheless be one that you would run yourself. Targets of editable installs are not
    among them. Raises EnvironmentUnusable when it does not answer.
    """
    found = [*_links(python), *map(Path, _ask(python))]
    for root in (python.parent, python.parent.parent):
        if (root / "pyvenv.cfg").is_file():
            found.append(root)
    return _outermost(found)


def _ask(python: Path) -> list[str]:
    try:
        answer = subprocess.run(
            (str(python), "-I", "-S", "-c", _ASK),
            env={},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_ANSWER_SECONDS,
        )
        paths: list[str] = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise EnvironmentUnusable(
            f"expected a working Python at {python}, found: {error}; name another interpreter"
        ) from error
    return paths


def _links(python: Path) -> Iterator[Path]:
    """The executable and each link that leads to it."""
    yield python
    while python.is_symlink():
        python = python.parent / python.readlink()
        yield python


def _outermost(paths: list[Path]) -> tuple[Path, ...]:
    """The paths without those that lie below another one, in order."""
    unique = dict.fromkeys(paths)
    return tuple(
        path
        for path in unique
        if not any(path != other and path.is_relative_to(other) for other in unique)
    )
