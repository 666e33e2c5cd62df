"""Reading bytes as source, and which module a path is."""

import pytest

from selfheal.codegraph.source import LoadedTree, Modules, module_name, source_text
from selfheal.errors import InvalidInput


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("pkg/mod.py", "pkg.mod"),
        ("pkg/__init__.py", "pkg"),
        ("src/pkg/mod.py", "pkg.mod"),
        ("libs/core/src/pkg/__init__.py", "pkg"),
        ("setup.py", "setup"),
        ("__init__.py", "__init__"),
        ("src.py", "src"),
        ("docs/guide.md", "docs/guide.md"),
    ],
)
def test_a_path_alone_tells_its_module(path, module):
    assert module_name(path) == module


def test_two_files_never_share_a_module_name():
    modules = Modules(["a.py", "src/a.py", "src/b.py"])

    assert [modules.name_of(p) for p in ("a.py", "src/a.py", "src/b.py")] == ["a", "src.a", "b"]


@pytest.mark.parametrize(
    ("module", "importer", "found"),
    [
        ("pkg.mod", "tests/test_mod.py", "src/pkg/mod.py"),
        (".mod", "src/pkg/other.py", "src/pkg/mod.py"),
        (".", "src/pkg/mod.py", "src/pkg/__init__.py"),
        ("..mod", "src/pkg/sub/deep.py", "src/pkg/mod.py"),
        ("......mod", "src/pkg/mod.py", None),
        ("shared", "tests/test_mod.py", "tests/shared.py"),
        ("inner.thing", "anywhere.py", "vendor/inner/thing.py"),
        ("typing", "src/pkg/mod.py", None),
        ("json", "tests/test_mod.py", None),
    ],
)
def test_an_import_is_found_where_python_would_find_it(module, importer, found):
    modules = Modules(
        [
            "src/pkg/__init__.py",
            "src/pkg/mod.py",
            "src/pkg/other.py",
            "src/pkg/typing.py",
            "src/pkg/sub/deep.py",
            "tests/shared.py",
            "tests/test_mod.py",
            "vendor/inner/__init__.py",
            "vendor/inner/thing.py",
        ]
    )

    assert modules.find(module, importer=importer) == found


def test_the_nearest_of_two_packages_of_one_name_is_meant():
    modules = Modules(["one/src/pkg/a.py", "two/src/pkg/a.py", "two/src/app.py"])

    assert modules.find("pkg.a", importer="two/src/app.py") == "two/src/pkg/a.py"


@pytest.mark.parametrize(
    ("blob", "text"),
    [
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        (b"x = 1\r\ny = 2\r\n", "x = 1\r\ny = 2\r\n"),
        (b"x = 1\ry = 2\r", "x = 1\ny = 2\n"),
        (b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", "# -*- coding: latin-1 -*-\nx = 'é'\n"),
        (b"", ""),
    ],
)
def test_source_is_decoded_as_python_would(blob, text):
    assert source_text(blob) == text


@pytest.mark.parametrize(
    "blob",
    [
        b"x = 1\0",
        b"x = '\xe9'",
        b"# coding: rot13\nx",
        b"# coding: punycode\nx",
        b"# coding: no-such-coding\nx",
        b"x" * 10_000_000,
    ],
    ids=["null", "not utf-8", "rot13", "punycode", "unknown", "10 MB"],
)
def test_what_is_no_source_text_is_refused_with_a_reason(blob):
    with pytest.raises(InvalidInput, match="expected"):
        source_text(blob)


def test_a_loaded_tree_has_what_it_was_given():
    tree = LoadedTree({"b.py": b"2", "a.py": b"1"})

    assert tree.paths() == ("a.py", "b.py")
    assert tree.read("a.py") == b"1"
    assert tree.read("c.py") is None
