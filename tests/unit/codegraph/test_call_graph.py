"""Questions to the graph: callers, callees, enclosing, reaching, other edges."""

from selfheal.codegraph.graph import Edge
from selfheal.codegraph.linking import graph_of, link
from selfheal.codegraph.parse import facts_of
from selfheal.codegraph.source import LoadedTree, Modules

TREE = LoadedTree(
    {
        "app/__init__.py": b"",
        "app/base.py": b"class Base:\n    def run(self):\n        pass\n",
        "app/jobs.py": (
            b"from app.base import Base\n"
            b"\n"
            b"class Job(Base):\n"
            b"    def __init__(self):\n"
            b"        pass\n"
            b"\n"
            b"    def go(self):\n"
            b"        self.run()\n"
            b"\n"
            b"def start():\n"
            b"    return Job().go()\n"
        ),
        "app/cli.py": b"from app import jobs\n\ndef main():\n    jobs.start()\n",
        "README.md": b"# app",
    }
)


def test_edges_carry_file_line_and_confidence():
    graph = graph_of(TREE, TREE.paths())

    assert graph.callees_of("app.cli.main") == (
        Edge("app.cli.main", "app.jobs.start", "calls", "app/cli.py", 4, 1.0),
    )
    assert [e for e in graph.edges if e.kind == "inherits"] == [
        Edge("app.jobs.Job", "app.base.Base", "inherits", "app/jobs.py", 3, 1.0)
    ]
    assert {(e.source, e.target) for e in graph.edges if e.kind == "imports"} == {
        ("app.jobs", "app.base"),
        ("app.jobs", "app.base.Base"),
        ("app.cli", "app"),
        ("app.cli", "app.jobs"),
    }


def test_callers_of_a_class_are_those_of_its_constructor():
    graph = graph_of(TREE, TREE.paths())

    assert [e.source for e in graph.callers_of("app.jobs.Job")] == ["app.jobs.start"]
    assert [e.source for e in graph.callers_of("app.base.Base.run")] == ["app.jobs.Job.go"]
    assert graph.callers_of("no.such.thing") == ()


def test_a_line_belongs_to_the_innermost_definition_around_it():
    graph = graph_of(TREE, TREE.paths())

    found = [graph.enclosing("app/jobs.py", line) for line in (1, 3, 5, 8, 11, 999)]
    assert [node and node.fq_name for node in found] == [
        "app.jobs",
        "app.jobs.Job",
        "app.jobs.Job.__init__",
        "app.jobs.Job.go",
        "app.jobs.start",
        "app.jobs",
    ]
    assert graph.enclosing("README.md", 1) is None


def test_reaching_follows_calls_and_bases_backward():
    graph = graph_of(TREE, TREE.paths())

    reaching = [node.fq_name for node in graph.reaching(["app.base.Base.run"])]
    assert reaching == ["app.base.Base.run", "app.cli.main", "app.jobs.Job.go", "app.jobs.start"]
    assert "app.jobs.Job" in {n.fq_name for n in graph.reaching(["app.base.Base"])}


def test_a_whole_module_is_reached_by_those_who_import_it():
    graph = graph_of(TREE, TREE.paths())

    assert "app.jobs" in {node.fq_name for node in graph.reaching(["app.base"])}
    assert "app.jobs" not in {node.fq_name for node in graph.reaching(["app.base.Base.run"])}


def test_a_file_that_was_not_parsed_is_still_a_target_of_imports():
    graph = graph_of(TREE, ["app/jobs.py"])

    assert set(graph.nodes) == {
        "app.jobs",
        "app.jobs.Job",
        "app.jobs.Job.__init__",
        "app.jobs.Job.go",
        "app.jobs.start",
    }
    assert "app.base" in {e.target for e in graph.edges if e.kind == "imports"}


def test_problems_of_files_come_with_the_graph():
    tree = LoadedTree({"bad.py": b"def f(:\n", "blob.py": b"\0", "good.py": b"def g(): pass\n"})

    graph = graph_of(tree, tree.paths())

    assert [problem.path for problem in graph.problems] == ["bad.py", "blob.py"]
    assert "good.g" in graph.nodes


def test_the_order_of_files_does_not_matter():
    facts = [facts_of(TREE.read(path) or b"", path) for path in TREE.paths() if path[-3:] == ".py"]
    modules = Modules(TREE.paths())

    forward, backward = link(facts, modules), link(reversed(facts), modules)

    assert forward.edges == backward.edges
    assert list(forward.nodes) == list(backward.nodes)


def test_an_empty_tree_has_an_empty_graph():
    graph = graph_of(LoadedTree({}), [])

    assert not graph.nodes
    assert graph.edges == ()


def test_classes_that_inherit_each_other_do_not_hang_the_resolver():
    tree = LoadedTree({"m.py": b"class A(B): pass\nclass B(A):\n    def f(self): self.g()\n"})

    assert {e.target for e in graph_of(tree, tree.paths()).edges} == {"m.A", "m.B"}
