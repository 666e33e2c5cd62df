"""Text and tree agree on where things are, whatever the text looks like."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.repair.source import SourceFile, fingerprint

NAMES = st.sampled_from(["x", "größe", "名前", "value"])
ENDS = st.sampled_from(["\n", "\r\n"])


def find(source: SourceFile, text: str) -> ast.expr:
    return next(
        node for node in source.nodes if isinstance(node, ast.expr) and source.segment(node) == text
    )


@given(NAMES, st.text("äöü名 x", max_size=6), ENDS)
def test_a_splice_changes_the_chosen_span_only(name: str, string: str, end: str) -> None:
    text = f"def f({name}):{end}    # ü{end}    return ('{string}' + {name}) * 2{end}"
    source = SourceFile("m.py", text)
    node = next(n for n in source.nodes if isinstance(n, ast.Constant) and n.value == 2)

    new = source.spliced((*source.span(node), "3"))

    assert new == text.replace("* 2", "* 3")


def test_parentheses_of_an_operand_belong_to_its_outer_span() -> None:
    source = SourceFile("m.py", "y = a - ( b + c )\n")

    low, high = source.outer_span(find(source, "b + c"))

    assert source.text[low:high] == "( b + c )"


def test_parentheses_of_a_call_do_not_belong_to_its_argument() -> None:
    source = SourceFile("m.py", "y = f(b)\n")

    low, high = source.outer_span(find(source, "b"))

    assert source.text[low:high] == "b"


CODE = """\
import os

class Box(dict):
    size = 1

    if os.sep:
        @property
        def area(self):
            return self.__side * 2

    def put(self, n=1):
        def inner():
            return n
        return inner
"""


@pytest.mark.parametrize("text", ["self.__side", "n", "1", "os.sep"])
def test_the_unit_of_an_edit_keeps_the_line_numbers(text: str) -> None:
    source = SourceFile("m.py", CODE)
    node = find(source, text)

    edit = source.edit(node, (*source.span(node), "0"))

    compiled = compile(edit.unit_new, "m.py", "exec")
    assert compiled is not None
    first = node.lineno - 1
    assert edit.unit_old.splitlines()[first] == CODE.splitlines()[first]


def test_the_unit_of_a_method_keeps_its_class_for_private_names() -> None:
    source = SourceFile("m.py", CODE)
    node = find(source, "self.__side")

    edit = source.edit(node, (*source.span(node), "self.__other"))

    spaces: dict[str, type] = {}
    exec(edit.unit_new, spaces)
    assert "_Box__other" in spaces["Box"].area.fget.__code__.co_names
    assert edit.in_function


def test_an_edit_that_does_not_compile_has_no_fingerprint() -> None:
    source = SourceFile("m.py", "def f(a):\n    return a is None\n")
    node = find(source, "None")

    assert fingerprint(source.edit(node, (*source.span(node), "("))) is None
    assert fingerprint(source.edit(node, (*source.span(node), "1"))) is None  # SyntaxWarning
    assert fingerprint(source.edit(node, (*source.span(node), "True"))) is not None


def test_layout_alone_does_not_change_the_fingerprint() -> None:
    source = SourceFile("m.py", "def f(a):\n    return a\n")
    node = find(source, "a")

    plain = fingerprint(source.edit(node, (*source.span(node), "a + 1")))

    assert fingerprint(source.edit(node, (*source.span(node), "(a  +  1)"))) == plain
