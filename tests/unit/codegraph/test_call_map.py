"""The call map against programs that are run: what it finds, what it misses, its names."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from selfheal.codegraph.callmap import CallMap, call_map
from selfheal.codegraph.linking import Linker
from selfheal.codegraph.names import Namespaces
from selfheal.codegraph.parse import facts_in
from selfheal.codegraph.source import LoadedTree, Modules

PROGRAMS = Path(__file__).parents[2] / "data" / "calls"
CASES = sorted(folder.name for folder in PROGRAMS.iterdir())

MISSED = {
    "dataclasses_and_enums": {("main", "main.Color.show")},
    "dynamic": {
        ("main", "main.Lazy.__getattr__"),
        ("main", "main.Plugin.stop"),
        ("main", "main.late"),
    },
}
"""What happens but cannot be seen: members of enumerations, names that are made up at run time."""
INVENTED = {
    "functions": {("main.changing", "main.f")},
    "reassignment": {("main.later", "main.old"), ("main.local", "main.old")},
}
"""What is seen but does not happen: a variable is all that is ever assigned to it."""


def map_of(files: dict[str, bytes]) -> CallMap:
    tree = LoadedTree(files)
    facts = [found for path in tree.paths() if (found := facts_in(tree, path))]
    return call_map(Linker(Namespaces(facts, Modules(tree.paths()))))


def map_of_text(source: str) -> CallMap:
    return map_of({"m.py": source.encode()})


def program(name: str) -> dict[str, bytes]:
    folder = PROGRAMS / name
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.py")}


def edges(calls: CallMap) -> set[tuple[str, str]]:
    """Those between functions of the program."""
    return {(caller, callee) for caller in calls for callee in calls[caller] if callee in calls}


@pytest.fixture(scope="module")
def happened() -> dict[str, set[tuple[str, str]]]:
    """The calls that happen when each program runs."""
    traced = Path(__file__).with_name("traced.py")
    done = subprocess.run(
        [sys.executable, traced, "cases", PROGRAMS],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    return {name: {(caller, callee) for caller, callee in pairs} for name, pairs in found.items()}


@pytest.mark.parametrize("name", CASES)
def test_the_calls_that_are_found_are_those_that_happen(name, happened):
    found = edges(map_of(program(name)))

    assert happened[name]
    assert happened[name] - found == MISSED.get(name, set())
    assert found - happened[name] == INVENTED.get(name, set())


def test_every_module_function_method_and_lambda_is_a_key():
    calls = map_of_text("class A:\n    def f(self): pass\ndef g():\n    return lambda: 0\n")

    assert calls == {"m": (), "m.A.f": (), "m.g": (), "m.g.<lambda1>": ()}


def test_lambdas_are_counted_in_each_scope():
    calls = map_of_text(
        "a = lambda: b()\nb = lambda: (lambda: a())()\ndef f(): return lambda: a()\n"
    )

    assert calls["m.<lambda1>"] == ("m.<lambda2>",)
    assert calls["m.<lambda2>"] == ("m.<lambda2>.<lambda1>",)
    assert calls["m.<lambda2>.<lambda1>"] == calls["m.f.<lambda1>"] == ("m.<lambda1>",)


def test_names_from_outside_stay_as_they_are_imported_and_builtins_say_so():
    source = (
        "import os.path as p\nfrom json import loads as read\nfrom lib import Session\n"
        "def f(x):\n    print(p.join(x), read(x))\n    Session().get(x)\n    return ', '.join(x)\n"
    )

    assert map_of_text(source)["m.f"] == (
        "<builtin>.print",
        "<builtin>.str.join",
        "json.loads",
        "lib.Session",
        "lib.Session.get",
        "os.path.join",
    )


def test_a_class_is_called_by_its_constructor_if_there_is_one():
    source = (
        "class A:\n    def __init__(self): pass\nclass B(A): pass\nclass C: pass\nA(), B(), C()\n"
    )

    assert map_of_text(source)["m"] == ("m.A.__init__",)


def test_what_stands_in_a_class_body_is_called_by_what_is_around_it():
    calls = map_of_text(
        "def f(): pass\nclass A:\n    x = f()\ndef g():\n    class B:\n        y = f()\n"
    )

    assert calls["m"] == calls["m.g"] == ("m.f",)


def test_a_function_hidden_by_a_name_of_the_program_is_no_builtin():
    assert map_of_text("def print(x): pass\ndef f(list): list()\nprint(1)\n")["m.f"] == ()


def test_dictionaries_that_are_merged_into_each_other_do_not_hang_the_resolver():
    names = [f"d{number}" for number in range(12)]
    merges = "".join(f"{one}.update({other})\n" for one in names for other in names)
    source = "def f(): pass\n" + "".join(f"{name} = {{}}\n" for name in names) + merges
    calls = map_of_text(source + "d3['k'] = f\nd5['k']()\n")

    assert "m.f" in calls["m"]


def test_a_function_that_is_given_to_itself_does_not_trip_the_resolver():
    calls = map_of_text("def f(x): x(g)\ndef g(x): pass\nf(f)\n")

    assert calls["m.f"] == ("m.f", "m.g")
