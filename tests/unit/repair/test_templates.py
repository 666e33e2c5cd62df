"""Each family of templates offers the fix of a slip it is for."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from selfheal.repair.source import SourceFile, fingerprint
from selfheal.repair.templates.catalogue import CATALOGUE
from selfheal.repair.templates.place import Place
from selfheal.repair.vocabulary import Vocabulary

SLIPS = [
    ("comparison operator", "return a < b", "return a <= b"),
    ("comparison operator", "return a is b", "return a is not b"),
    ("comparison operator", "return a  not  in b", "return a  in b"),
    ("boolean operator", "return a and b", "return a or b"),
    ("arithmetic operator", "return (a) - b", "return (a) + b"),
    ("arithmetic operator", "return a // b", "return a / b"),
    ("augmented operator", "a -= b", "a += b"),
    ("drop a sign or not", "return not a", "return a"),
    ("drop a sign or not", "return -a", "return a"),
    ("negate a condition", "return a if b else 1", "return a if not b else 1"),
    ("negate a condition", "while a or b: pass", "while not (a or b): pass"),
    ("truth value", "return f(a, True)", "return f(a, False)"),
    ("integer constant", "return a[1]", "return a[0]"),
    ("integer constant", "return a + 3", "return a + 2"),
    ("float constant", "return a * 1.5", "return a * 0.5"),
    ("string constant", "return a == 'x' or b == 'xy'", "return a == 'x' or b == 'x'"),
    ("string constant", "return a.split(',,')", "return a.split(',')"),
    ("string constant", "return 'AB' + a", "return 'ab' + a"),
    ("off by one", "return range(a)", "return range(a + 1)"),
    ("off by one", "return b[a:]", "return b[a - 1:]"),
    ("variable", "return a + a", "return a + b"),
    ("function", "return max(a, b)", "return min(a, b)"),
    ("function", "return any(a)", "return all(a)"),
    ("attribute or method", "return a.lstrip()", "return a.strip()"),
    ("attribute or method", "return a.lower()", "return a.upper()"),
    ("keyword name", "return f(b, key=a) or f(other=b)", "return f(b, other=a) or f(other=b)"),
    ("argument order", "return f(a, b)", "return f(b, a)"),
    ("operand order", "return a - (b + 1)", "return (b + 1) - a"),
    ("branch order", "return a if b else 1", "return 1 if b else a"),
    ("element order", "return (a, b)", "return (b, a)"),
    ("drop a term", "return a and b", "return a"),
    ("drop a term", "return a + 1", "return a"),
    ("jump", "for a in b: break", "for a in b: continue"),
    ("slice bounds", "return a[:1]", "return a[1:]"),
    ("test for None", "return 1 if a else 2", "return 1 if a is not None else 2"),
    ("add a term", "return [a for a in b if a > 1] if b > 2 else 0", None),
    ("index", "return a[b]", "return a[b:]"),
    ("returned value", "return a", "return b"),
    ("missing return", "f(a)", "return f(a)"),
    ("early guard", "return a", "if a is None:\n        return None\n    return a"),
    ("unwrap a call", "return list(a)", "return a"),
    ("wrap in a call", "return a", "return list(a)"),
    ("bound a number", "return a - b", "return max(a - b, 0)"),
    ("add a minus sign", "return a", "return -a"),
    ("accumulate instead of assign", "a = b", "a += b"),
    ("expression of the same function", "return [a, b.c]", "return [b.c, b.c]"),
]


def offered(template_name: str, body: str) -> list[str]:
    head = "def f(a, b):\n    "
    source = SourceFile("m.py", f"{head}{body}\n")
    words = Vocabulary(source)
    return [
        source.spliced((change.start, change.end, change.text))[len(head) :].rstrip("\n")
        for template in CATALOGUE
        if template.name == template_name
        for node in source.nodes
        if isinstance(node, template.nodes)
        for change in template.changes(Place(source, words, node))
    ]


@pytest.mark.parametrize(("name", "slip", "fix"), [slip for slip in SLIPS if slip[2]])
def test_a_family_offers_the_fix_of_its_slip(name: str, slip: str, fix: str) -> None:
    assert fix in offered(name, slip)


def test_a_missing_term_is_taken_from_conditions_of_the_file() -> None:
    found = offered("add a term", "return 1 if a > 0 else 2 if b < 3 else 3")

    assert "return 1 if a > 0 and b < 3 else 2 if b < 3 else 3" in found


def test_a_member_that_nothing_reads_is_offered_first() -> None:
    text = (
        "class A:\n    def __init__(self, a, b):\n        self.a, self.end = a, b\n\n"
        "    def f(self):\n        return self.a + self.a\n"
    )
    source = SourceFile("m.py", text)
    words = Vocabulary(source)
    template = next(t for t in CATALOGUE if t.name == "attribute or method")
    read = [n for n in source.nodes if isinstance(n, ast.Attribute) and n.lineno == 6]

    first = next(template.changes(Place(source, words, read[0])))

    assert first.text == "end"


def test_an_imported_name_is_replaced_by_one_the_file_lacks() -> None:
    source = SourceFile("m.py", "from functools import partial\n\nx = reduce(max, [1])\n")
    words = Vocabulary(source)
    template = next(t for t in CATALOGUE if t.name == "imported name")
    alias = next(n for n in source.nodes if isinstance(n, ast.alias))

    found = [change.text for change in template.changes(Place(source, words, alias))]

    assert "reduce" in found


def test_names_of_templates_are_unique_and_tiers_known() -> None:
    names = [template.name for template in CATALOGUE]

    assert len(names) == len(set(names))
    assert {template.tier for template in CATALOGUE} == {1, 2, 3}
    assert all(0 < template.prior <= 1 for template in CATALOGUE)


def test_every_change_of_this_file_can_be_judged_without_an_error() -> None:
    text = ast.unparse(ast.parse(Path(__file__).read_text(encoding="utf-8")))
    source = SourceFile("tests.py", text)
    words = Vocabulary(source)
    judged = 0

    for template in CATALOGUE:
        for node in source.nodes[::7]:
            if isinstance(node, template.nodes) and source.is_reliable(node):
                for change in list(template.changes(Place(source, words, node)))[:3]:
                    edit = source.edit(node, (change.start, change.end, change.text))
                    judged += fingerprint(edit) is not None

    assert judged > 100
