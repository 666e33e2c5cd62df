"""Which calls the resolver finds, one small program each, and what it must not invent."""

from textwrap import dedent

import pytest

from selfheal.codegraph.graph import LIKELY, CallGraph
from selfheal.codegraph.linking import graph_of
from selfheal.codegraph.source import LoadedTree


def graph_for(sources: dict[str, str]) -> CallGraph:
    tree = LoadedTree({path: dedent(text).encode() for path, text in sources.items()})
    return graph_of(tree, tree.paths())


def calls(graph: CallGraph) -> set[tuple[str, str]]:
    return {(e.source, e.target) for e in graph.edges if e.kind == "calls"}


CASES = {
    "plain function": ("def f(): g()\ndef g(): pass", {("m.f", "m.g")}),
    "module level": ("def f(): pass\nf()", {("m", "m.f")}),
    "nested function hides the outer one": (
        "def g(): pass\ndef f():\n    def g(): pass\n    g()",
        {("m.f", "m.f.g")},
    ),
    "alias": ("def f(): pass\na = f\nb = a\nb()", {("m", "m.f")}),
    "constructor": (
        "class A:\n    def __init__(self): pass\ndef f(): A()",
        {("m.f", "m.A.__init__")},
    ),
    "super that nobody calls": (
        "class A:\n    def f(self):\n        look = super.__getattribute__\n        look(self)\n"
        "        self.g()\n    def g(self): pass",
        {("m.A.f", "m.A.g")},
    ),
    "class without constructor": ("class A: pass\ndef f(): A()", {("m.f", "m.A")}),
    "method through self": (
        "class A:\n    def f(self): self.g()\n    def g(self): pass",
        {("m.A.f", "m.A.g")},
    ),
    "method of a constructed variable": (
        "class A:\n    def f(self): pass\ndef g():\n    a = A()\n    a.f()",
        {("m.g", "m.A"), ("m.g", "m.A.f")},
    ),
    "attribute set on self": (
        """
        class A:
            def f(self): pass
        class B:
            def __init__(self): self.a = A()
            def g(self): self.a.f()
        """,
        {("m.B.__init__", "m.A"), ("m.B.g", "m.A.f")},
    ),
    "class attribute": (
        "def f(): pass\nclass A:\n    run = f\n    def g(self): A.run()",
        {("m.A.g", "m.f")},
    ),
    "inherited method": (
        "class A:\n    def f(self): pass\nclass B(A): pass\ndef g(): B().f()",
        {("m.g", "m.B"), ("m.g", "m.A.f")},
    ),
    "overridden method": (
        """
        class A:
            def f(self): pass
        class B(A):
            def f(self): super().f()
        def g(): B().f()
        """,
        {("m.g", "m.B"), ("m.g", "m.B.f"), ("m.B.f", "m.A.f")},
    ),
    "template method": (
        """
        class A:
            def f(self): self.step()
        class B(A):
            def step(self): pass
        """,
        {("m.A.f", "m.B.step")},
    ),
    "static and class methods": (
        """
        class A:
            @staticmethod
            def s(x): x()
            @classmethod
            def make(cls): return cls()
            def f(self): pass
        def h(): pass
        def g():
            A.s(h)
            A.make().f()
        """,
        {
            ("m.A.s", "m.h"),
            ("m.g", "m.A.s"),
            ("m.g", "m.A.make"),
            ("m.A.make", "m.A"),
            ("m.g", "m.A.f"),
        },
    ),
    "property with a value": (
        """
        class A:
            def f(self): pass
        class B:
            @property
            def a(self): return A()
        def g():
            b = B()
            b.a.f()
        """,
        {("m.B.a", "m.A"), ("m.g", "m.B"), ("m.g", "m.B.a"), ("m.g", "m.A.f")},
    ),
    "annotated parameter": (
        "class A:\n    def f(self): pass\ndef g(a: 'A | None', b: list[A]):\n    a.f()\n"
        "def h(xs: list[A]):\n    for x in xs: x.f()",
        {("m.g", "m.A.f"), ("m.h", "m.A.f")},
    ),
    "annotated result": (
        "class A:\n    def f(self): pass\ndef g() -> A: ...\ndef h(): g().f()",
        {("m.h", "m.g"), ("m.h", "m.A.f")},
    ),
    "returned function": (
        "def f():\n    def g(): pass\n    return g\ndef h(): f()()",
        {("m.h", "m.f"), ("m.h", "m.f.g")},
    ),
    "passed function": (
        "def run(job): job()\ndef f(): pass\ndef g(): run(f)\ndef h(): run(job=f)",
        {("m.run", "m.f"), ("m.g", "m.run"), ("m.h", "m.run")},
    ),
    "function in a literal": (
        "def f(): pass\ndef g(): pass\nd = {'a': f, 'b': g}\nd['a']()",
        {("m", "m.f")},
    ),
    "loop over a literal": (
        "def f(): pass\ndef g(): pass\nfor h in [f, g]: h()",
        {("m", "m.f"), ("m", "m.g")},
    ),
    "unpacked": ("def f(): pass\ndef g(): pass\na, b = f, g\nb()", {("m", "m.g")}),
    "decorator": (
        "def d(f): return f\n@d\ndef g(): pass\ndef h(): g()",
        {("m", "m.d"), ("m.h", "m.g")},
    ),
    "decorator that wraps": (
        "def d(f):\n    def w(): f()\n    return w\n@d\ndef g(): pass\ndef h(): g()",
        {("m", "m.d"), ("m.d.w", "m.g"), ("m.h", "m.g"), ("m.h", "m.d.w")},
    ),
    "raise": ("class E(Exception): pass\ndef f(): raise E", {("m.f", "m.E")}),
    "context manager": (
        """
        class C:
            def __enter__(self): return self
            def __exit__(self, *a): pass
            def f(self): pass
        def g():
            with C() as c: c.f()
        """,
        {("m.g", "m.C"), ("m.g", "m.C.__enter__"), ("m.g", "m.C.__exit__"), ("m.g", "m.C.f")},
    ),
    "generator": (
        "def f(): pass\ndef gen(): yield f\ndef g():\n    for x in gen(): x()",
        {("m.g", "m.gen"), ("m.g", "m.f")},
    ),
    "lambda counts for its function": (
        "def f(): pass\ndef g():\n    return lambda: f()",
        {("m.g", "m.f")},
    ),
    "global": (
        "def f(): pass\njob = None\ndef s():\n    global job\n    job = f\ndef g(): job()",
        {("m.g", "m.f")},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_calls_of_a_program_are_exactly_these(case):
    source, expected = CASES[case]

    assert calls(graph_for({"m.py": source})) == expected


NOTHING = {
    "a parameter hides a function": "def f(): pass\ndef g(f): f()",
    "a local value hides a function": "def f(): pass\ndef g():\n    f = object()\n    f()",
    "a lambda's parameter hides a function": "def f(): pass\ng = lambda f: f()",
    "a method is no name in another method": "class A:\n    def f(self): f()\n    def g(self): g()",
    "an unknown object's method": "class A:\n    def save(self): pass\ndef g(x): x.save()",
    "a method of a literal": (
        "class A:\n    def append(self): pass\ndef g():\n    x = []\n    x.append(1)"
    ),
    "a base from outside": "import lib\nclass A(lib.B):\n    def f(self): self.g()\ndef g(): pass",
    "a base from outside has what its subclass overrides": (
        "import lib\nclass A(lib.B):\n    def __init__(self): super().__init__()\n"
        "class C(A):\n    def __init__(self): pass\n"
    ),
    "one patched instance": (
        "def f(): pass\nclass A:\n    def g(self): pass\n    def h(self): pass\n"
        "def p(a: A):\n    a.g = f\n"
    ),
}


@pytest.mark.parametrize("case", NOTHING)
def test_a_call_that_the_text_does_not_show_is_not_invented(case):
    assert calls(graph_for({"m.py": NOTHING[case]})) == set()


def test_calls_cross_files_by_every_form_of_import():
    core = "def make(): pass\ndef other(): pass\nclass K:\n    def f(self): pass"
    graph = graph_for(
        {
            "pkg/__init__.py": "from .core import make",
            "pkg/core.py": core,
            "one.py": "import pkg.core\ndef f(): pkg.core.make()",
            "two.py": "import pkg.core as c\ndef f(): c.make()",
            "three.py": "from pkg.core import make as m\ndef f(): m()",
            "four.py": "from pkg import make\ndef f(): make()",
            "five.py": "from pkg.core import *\ndef f(): K().f()",
            "six.py": "from pkg import core\ndef f(): core.other()",
            "pkg/seven.py": "from . import core\ndef f(): core.make()",
        }
    )

    assert calls(graph) == {
        ("one.f", "pkg.core.make"),
        ("two.f", "pkg.core.make"),
        ("three.f", "pkg.core.make"),
        ("four.f", "pkg.core.make"),
        ("five.f", "pkg.core.K"),
        ("five.f", "pkg.core.K.f"),
        ("six.f", "pkg.core.other"),
        ("pkg.seven.f", "pkg.core.make"),
    }


def test_a_call_of_what_a_module_lacks_points_to_the_name_it_would_have():
    app = "from core import new\nimport core\ndef f(): new()\ndef g(): core.old()"
    graph = graph_for({"core.py": "", "app.py": app})

    assert calls(graph) == {("app.f", "core.new"), ("app.g", "core.old")}
    assert "core.new" not in graph.nodes


def test_a_shared_wrapper_stands_between_but_ties_no_function_to_another():
    source = """
        def d(f):
            def w(): return f()
            return w
        @d
        def one(): pass
        @d
        def two(): pass
        def g(): one()
        """
    graph = graph_for({"m.py": source})

    likely = {(e.source, e.target) for e in graph.edges if e.confidence >= LIKELY}
    assert likely == {("m", "m.d"), ("m.g", "m.d.w"), ("m.g", "m.one")}
    assert calls(graph) - likely == {("m.d.w", "m.one"), ("m.d.w", "m.two")}
    assert {e.target: e.through for e in graph.callees_of("m.g")} == {
        "m.d.w": "",
        "m.one": "m.d.w",
    }


def test_confidence_falls_with_every_inference():
    source = """
        class A:
            def f(self): self.g()
            def g(self): pass
        def direct(): A()
        def typed():
            a = A()
            a.f()
        def passed(a): a.f()
        passed(A())
        """
    graph = graph_for({"m.py": source})

    by_source = {e.source: e.confidence for e in graph.edges if e.target in ("m.A", "m.A.f")}
    assert by_source["m.direct"] == 1.0
    assert 1.0 > by_source["m.typed"] > by_source["m.passed"] >= 0.5


SENT = """
from typing import Any, Callable, Protocol, Union
class A:
    def f(self): pass
class B:
    def f(self): pass
class Below(A):
    def f(self): pass
class CanDo(Protocol):
    def f(self): ...
def g(x{annotation}): x.f()
g({given}())
"""


@pytest.mark.parametrize("annotation", ["A", "'A'", "A | None", "Union[A, int]"])
def test_an_annotated_parameter_takes_no_instance_of_an_unrelated_class(annotation):
    graph = graph_for({"m.py": SENT.format(annotation=f": {annotation}", given="B")})

    assert ("m.g", "m.B.f") not in calls(graph)


@pytest.mark.parametrize(
    ("annotation", "given"),
    [
        ("", "B"),
        (": A", "Below"),
        (": Below", "A"),
        (": Any", "B"),
        (": CanDo", "B"),
        (": A | CanDo", "B"),
        (": Union[A, Any]", "B"),
        (": 'A | B'", "B"),
        (": object", "B"),
    ],
)
def test_what_an_annotation_leaves_open_is_taken(annotation, given):
    graph = graph_for({"m.py": SENT.format(annotation=annotation, given=given)})

    assert ("m.g", f"m.{given}.f") in calls(graph)


def test_an_abstract_method_is_called_where_a_class_is_named_to_run_it():
    graph = graph_for(
        {
            "m.py": """
            from abc import abstractmethod
            class A:
                @abstractmethod
                def f(self): print(self)
            class B(A):
                def f(self): A.f(self)
            """
        }
    )

    assert ("m.B.f", "m.A.f") in calls(graph)


def test_an_empty_method_that_some_subclass_inherits_is_called():
    graph = graph_for(
        {
            "m.py": """
            class A:
                def hook(self): pass
                def run(self): self.hook()
            class B(A):
                def hook(self): pass
            class C(A): pass
            """
        }
    )

    assert ("m.A.run", "m.A.hook") in calls(graph)


def test_the_graph_keeps_calls_of_what_a_protocol_promises():
    graph = graph_for({"m.py": SENT.format(annotation=": CanDo", given="A")})

    assert {("m.g", "m.CanDo.f"), ("m.g", "m.A.f")} <= calls(graph)
