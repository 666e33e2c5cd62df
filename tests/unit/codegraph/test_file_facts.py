"""What is read from one file, broken and hostile ones included."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfheal.codegraph.parse import facts_of

SOURCE = b"""
import os.path as p
from .near import thing as other

@decorate
class Job(Base):
    @property
    def name(self):
        if self.ok and self.done:
            return 1

    async def run(self, a, /, b, *, c=None, **rest):
        def inner():
            pass
        self.start(a, key=b)
"""


def test_definitions_carry_qualname_kind_lines_bases_and_decorators():
    facts = facts_of(SOURCE, "pkg/job.py")

    found = [(d.qualname, d.kind, d.span.line, d.span.end_line) for d in facts.definitions]
    assert found == [
        ("Job", "class", 5, 15),
        ("Job.name", "method", 7, 10),
        ("Job.run", "method", 12, 15),
        ("Job.run.inner", "function", 13, 14),
    ]
    job, name, run, _ = facts.definitions
    assert job.bases == (("Base",),)
    assert job.decorators == (("decorate",),)
    assert name.decorators == (("property",),)
    assert name.branches == 2
    assert run.parameters == ("self", "a", "b", "*", "c", "**rest")


def test_imports_and_calls_carry_their_line_and_scope():
    facts = facts_of(SOURCE, "pkg/job.py")

    assert [(i.module, i.name, i.line) for i in facts.imports] == [
        ("os.path", "", 2),
        (".near", "thing", 3),
    ]
    call = facts.calls[-1]
    assert (call.scope, call.target, call.line) == ("Job.run", ("self", ".start"), 15)
    assert [(a.key, a.value) for a in call.arguments] == [("0", ("a",)), ("key", ("b",))]


BODIES = {
    "pass": "empty",
    "...": "empty",
    "'what it will do'\n  # and why": "empty",
    "'what it will do'\n  raise NotImplementedError('say which')": "raises",
    "raise NotImplementedError": "raises",
    "raise ValueError": "",
    "prepare()\n  raise NotImplementedError": "",
    "return 'done'": "",
}


@pytest.mark.parametrize("body", BODIES)
def test_a_body_says_whether_it_leaves_the_work_to_others(body):
    (definition,) = facts_of(f"def f():\n  {body}\n".encode(), "m.py").definitions

    assert definition.left == BODIES[body]


def test_what_an_annotation_says_is_told_from_a_default():
    facts = facts_of(b"def f(a: A, b=B()): pass\n", "m.py")

    assert [(one.target, one.is_type) for one in facts.bindings] == [
        (("a",), True),
        (("b",), False),
    ]


def test_broken_source_is_read_as_far_as_it_parses_and_says_where_it_breaks():
    facts = facts_of(
        b"def good():\n    ok()\n\ndef bad(:\n    pass\n\nclass Fine:\n    pass\n", "x.py"
    )

    assert {"good", "Fine"} <= {d.qualname for d in facts.definitions}
    assert facts.problem == "syntax error near line 4"


@pytest.mark.parametrize(
    "blob",
    [
        b"(" * 10_000,
        b"(" * 10_000 + b")" * 10_000,
        b"x = " + b"[" * 10_000 + b"]" * 10_000,
        b"f" + b"()" * 200_000,
        b"not " * 100_000,
        b"x = " + b"-" * 200_000 + b"1",
        b"lambda: " * 50_000 + b"1",
        b"\0" * 100,
        b"\xff\xfe\x00",
        b"x" * 10_000_000,
    ],
)
def test_hostile_files_end_with_a_problem_and_no_crash(blob):
    facts = facts_of(blob, "x.py")

    assert facts.problem
    assert facts.definitions == ()


def test_deep_but_human_code_is_read():
    source = "x = " + "f(" * 90 + ")" * 90 + "\ndef last(): pass\n"

    facts = facts_of(source.encode(), "x.py")

    assert facts.problem == ""
    assert facts.definitions[0].qualname == "last"


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | st.text("()[]{}:.,=*@'\"\\\n defclassimportxy1", max_size=200))
def test_no_content_makes_reading_fail(content):
    blob = content if isinstance(content, bytes) else content.encode()

    assert facts_of(blob, "x.py") == facts_of(blob, "x.py")
