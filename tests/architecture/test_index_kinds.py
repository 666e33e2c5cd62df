"""Kept facts are of the code that reads them: whatever `parse` imports is part of their kind."""

from __future__ import annotations

import subprocess
import sys
from importlib.resources import files

from selfheal.index.facts import READS_WITH

IMPORTED = (
    "import sys; import selfheal.codegraph.parse;"
    "print(*[m for m in sys.modules if m.startswith('selfheal.codegraph.')])"
)


def test_the_kind_of_facts_depends_on_all_that_reads_them() -> None:
    listed = subprocess.run(
        [sys.executable, "-c", IMPORTED], check=True, capture_output=True, text=True, timeout=60
    ).stdout.split()

    needed = {f"{module.rpartition('.')[2]}.py" for module in listed}

    assert needed == set(READS_WITH["selfheal.codegraph"])


def test_what_it_names_is_there() -> None:
    for package, modules in READS_WITH.items():
        assert all(files(package).joinpath(module).is_file() for module in modules)
