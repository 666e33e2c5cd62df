"""A slice of facts: small, and for the names it was made for as good as the whole."""

from pathlib import Path

import pytest

from selfheal.codegraph.facts import FileFacts
from selfheal.codegraph.graph import LIKELY, CallGraph
from selfheal.codegraph.linking import link
from selfheal.codegraph.parse import facts_in
from selfheal.codegraph.slicing import WHOLE, Slice, Wish
from selfheal.codegraph.source import LoadedTree, Modules

PROGRAMS = Path(__file__).parents[2] / "data" / "calls"
CASES = sorted(folder.name for folder in PROGRAMS.iterdir())


class Program:
    """The facts of some files, and graphs of them and of their slices."""

    def __init__(self, files: dict[str, bytes]) -> None:
        tree = LoadedTree(files)
        self.facts = [found for path in tree.paths() if (found := facts_in(tree, path))]
        self._modules = Modules(tree.paths())

    def graph(self) -> CallGraph:
        return link(self.facts, self._modules)

    def calling(self, name: str) -> set[tuple[str, int]]:
        """The places, by path and line, where something of that name is called."""
        return {
            (file.path, call.line)
            for file in self.facts
            for call in file.calls
            if call.target[-1].removeprefix(".") == name
        }

    def slice(self, *wanted: str, chosen: dict[str, set[str]] | None = None) -> list[FileFacts]:
        part = Slice(wanted, chosen or {})
        part.add(self.facts)
        return list(part.files())

    def sliced(self, *wanted: str, chosen: dict[str, set[str]] | None = None) -> CallGraph:
        return link(self.slice(*wanted, chosen=chosen), self._modules)


def program(name: str) -> Program:
    folder = PROGRAMS / name
    return Program({str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.py")})


def text(source: str) -> Program:
    return Program({"m.py": source.encode()})


def calls(graph: CallGraph, name: str) -> set[tuple[str, int]]:
    """The places where a symbol is surely or likely called."""
    edges = graph.callers_of(name)
    return {(edge.path, edge.line) for edge in edges if edge.confidence >= LIKELY}


@pytest.mark.parametrize("name", CASES)
def test_everything_that_is_chosen_makes_the_whole_graph(name: str) -> None:
    whole = program(name)

    chosen = whole.sliced(chosen={file.path: {WHOLE} for file in whole.facts})

    assert chosen.edges == whole.graph().edges
    assert chosen.nodes == whole.graph().nodes


@pytest.mark.parametrize("name", CASES)
def test_a_slice_by_a_name_knows_all_who_call_it_by_that_name(name: str) -> None:
    whole = program(name)
    graph = whole.graph()

    for node in graph.nodes.values():
        owner, own = (["", *node.fq_name.split(".")])[-2:]
        module = graph.in_file(node.path)[0].fq_name
        part = whole.sliced(
            owner, own, chosen={node.path: {node.fq_name.removeprefix(f"{module}.")}}
        )
        missed = calls(graph, node.fq_name) - calls(part, node.fq_name)
        assert missed.isdisjoint(whole.calling(owner if own == "__init__" else own)), node


def test_what_is_chosen_calls_what_it_calls_in_the_whole() -> None:
    whole = text(
        "class A:\n def go(self): self.x = B()\n\nclass B:\n def run(self): pass\n\n"
        "def f():\n a = A()\n a.go()\n a.x.run()\n"
    )

    part = whole.sliced(chosen={"m.py": {"f"}})

    assert {edge.target for edge in part.callees_of("m.f")} == {"m.A", "m.A.go", "m.B.run"}


def test_what_speaks_of_something_else_is_left_out() -> None:
    (part,) = text("def f(): pass\ndef g(): f()\ndef h(): print(1)\n").slice("f")

    assert [call.scope for call in part.calls] == ["g"]
    assert [one.qualname for one in part.definitions] == ["f", "g"]


def test_a_class_that_nobody_names_has_no_members() -> None:
    (part,) = text(
        "class Named:\n def make(self): return f\n\n"
        "class Unnamed:\n def make(self): return 1\n\n"
        "def f(): pass\ndef g(): Named().make()(f)\n"
    ).slice("f")

    assert "Named.make" in [one.qualname for one in part.definitions]
    assert not [one for one in part.definitions if one.qualname.startswith("Unnamed")]


def test_a_slice_wishes_for_the_modules_that_its_names_come_from() -> None:
    part = Slice(["run"], {"m.py": {"f"}})
    part.add(text("import a, b\nfrom c import D\ndef f(): a.x.run()\ndef g(): D.run()\n").facts)

    assert part.wishes() == (Wish("m.py", "a", ""), Wish("m.py", "c", "D"))


def test_what_is_added_later_is_asked_for_by_what_was_there() -> None:
    files = {
        "m.py": b"from c import D\ndef f(): D().run()\n",
        "c.py": b"class D:\n def run(self): pass\n",
    }
    part = Slice([], {"m.py": {"f"}})
    for file in Program(files).facts[::-1]:
        part.add([file])

    graph = link(part.files(), Modules(tuple(files)))

    assert {edge.target for edge in graph.callees_of("m.f")} == {"c.D", "c.D.run"}
