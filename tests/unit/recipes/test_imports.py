"""Where an import goes, and which imports are somebody else's."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfheal.codegraph.source import LoadedTree
from selfheal.contracts.recipe import AddImport
from selfheal.recipes.imports import add_import
from selfheal.recipes.reexports import Reexport, reexports_lost
from selfheal.recipes.rewrite import CannotDo, Rewrite

PACKAGE = {
    "p/__init__.py": b"",
    "p/core.py": b"def make(): pass\nfrom .deep import *\n",
    "p/data.py": b"size = 1\n",
}


def _add(source: str, statement: str) -> Rewrite | CannotDo:
    parts = statement.split()
    name = parts[3] if parts[0] == "from" else None
    recipe = AddImport(path="p/a.py", module=parts[1], name=name)
    return add_import(LoadedTree({**PACKAGE, "p/a.py": source.encode()}), recipe)


def _with(source: str, statement: str) -> str:
    done = _add(source, statement)
    assert isinstance(done, Rewrite), done
    return dict(done.texts)["p/a.py"].decode()


PLACES = {
    "an empty file": ("", "import os", "import os\n"),
    "above the code": ("x = 1\n", "import os", "import os\n\nx = 1\n"),
    "below the docstring": ('"""D."""\n\nx = 1\n', "import os", '"""D."""\n\nimport os\n\nx = 1\n'),
    "below the licence": ("#!/bin/python\n# L\n", "import os", "#!/bin/python\n# L\n\nimport os\n"),
    "in its order": ("import a\nimport z\n", "import m", "import a\nimport m\nimport z\n"),
    "names behind modules": (
        "import sys\nfrom abc import ABC\n",
        "import os",
        "import os\nimport sys\nfrom abc import ABC\n",
    ),
    "a section of its own": (
        "import sys\n\nfrom p import data\n\nx = 1\n",
        "import attr",
        "import sys\n\nimport attr\n\nfrom p import data\n\nx = 1\n",
    ),
    "behind the future": (
        "from __future__ import annotations\n\nx = 1\n",
        "import os",
        "from __future__ import annotations\n\nimport os\n\nx = 1\n",
    ),
    "the last one": (
        "import os\nx = 1",
        "from p.core import make",
        "import os\n\nfrom p.core import make\nx = 1",
    ),
    "with the file's line ends": ("import os\r\n", "import sys", "import os\r\nimport sys\r\n"),
    "behind a line that does not end": ("import os", "import sys", "import os\nimport sys\n"),
}


@pytest.mark.parametrize("case", PLACES)
def test_an_import_goes_where_a_reader_looks_for_it(case: str) -> None:
    source, statement, expected = PLACES[case]

    assert _with(source, statement) == expected


@pytest.mark.parametrize(
    ("source", "statement"),
    [
        ("import os\n", "import os"),
        ("from .core import make\n", "from p.core import make"),
        ("from p.core import make, other\n", "from p.core import make"),
    ],
)
def test_an_import_that_is_there_is_nothing_to_do(source: str, statement: str) -> None:
    done = _add(source, statement)

    assert isinstance(done, Rewrite)
    assert not done.texts
    assert "already" in done.found[0]


@pytest.mark.parametrize(
    ("source", "statement", "reason"),
    [
        ("x = 1\nos = 1\n", "import os", "p/a.py:2 gives the name os another meaning"),
        ("from os import path as os\n", "import os", "another meaning"),
        ("x = 1\n", "import p.none", "the repository has no module p.none"),
        ("x = 1\n", "from p.data import none", "p/data.py has no none"),
        ("x = (\n", "import os", "cannot be read"),
    ],
)
def test_an_import_that_cannot_be_is_refused(source: str, statement: str, reason: str) -> None:
    refused = _add(source, statement)

    assert isinstance(refused, CannotDo)
    assert reason in refused.reason


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["import a", "import os", "from b import c", "from . import d"])))
def test_the_rest_of_the_file_stays_as_it_is(head: list[str]) -> None:
    source = "\n".join(["# top", *head, "", "x = 1", ""])

    made = _with(source, "import json")

    added = [line for line in made.splitlines() if line]
    added.remove("import json")
    assert added == [line for line in source.splitlines() if line]
    assert "import json" in map(ast.unparse, ast.parse(made).body)


def test_what_other_files_take_from_a_file_is_no_unused_import_of_it() -> None:
    files = {
        "p/__init__.py": b"",
        "p/compat.py": b"import os, sys, json, abc\nfrom x import zip_longest\n",
        "p/a.py": b"from .compat import (\n    zip_longest,\n)\n",
        "p/b.py": b"from p import compat\ncompat.os\n",
        "tests/test_a.py": b"patch('p.compat.json')\n",
        "c.py": b"abc = sys = 1\n",
    }

    lost = set(reexports_lost(LoadedTree(files), [("p/compat.py", b"")]))

    assert lost == {
        Reexport("p/compat.py", "zip_longest", "p/a.py"),
        Reexport("p/compat.py", "os", "p/b.py"),
        Reexport("p/compat.py", "json", "tests/test_a.py"),
    }
