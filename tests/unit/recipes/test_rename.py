"""A rename edits what resolves to the definition, and nothing else; the rest is told."""

from __future__ import annotations

import ast
import builtins
import keyword
from collections.abc import Mapping
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfheal.codegraph.source import LoadedTree
from selfheal.recipes.rename import rename
from selfheal.recipes.rewrite import CannotDo, Rewrite


def _encoded(files: Mapping[str, str]) -> dict[str, bytes]:
    return {path: dedent(text).encode() for path, text in files.items()}


def _renamed(files: Mapping[str, bytes], symbol: str, to: str) -> dict[str, bytes]:
    done = rename(LoadedTree(files), symbol, to)
    assert isinstance(done, Rewrite), done
    return {**files, **dict(done.texts)}


CASES = {
    "a definition and its uses": (
        "m.old",
        {"m.py": "def old(): return old\nx = old() + old()\n"},
        {"m.py": "def new(): return new\nx = new() + new()\n"},
    ),
    "an alias keeps its name": (
        "m.old",
        {"m.py": "def old(): pass\n", "n.py": "from m import old as o, old\no(); old()\n"},
        {"m.py": "def new(): pass\n", "n.py": "from m import new as o, new\no(); new()\n"},
    ),
    "members of modules, by every form of import": (
        "p.m.old",
        {
            "p/__init__.py": "from . import m\nfrom .m import old\n__all__ = ['old', 'm']\n",
            "p/m.py": "old = 1\n",
            "a.py": "import p.m\nimport p.m as q\nfrom p import m\np.old, p.m.old, q.old, m.old\n",
        },
        {
            "p/__init__.py": "from . import m\nfrom .m import new\n__all__ = ['new', 'm']\n",
            "p/m.py": "new = 1\n",
            "a.py": "import p.m\nimport p.m as q\nfrom p import m\np.new, p.m.new, q.new, m.new\n",
        },
    ),
    "everything that a star brings": (
        "m.old",
        {
            "m.py": "def old(): pass\n",
            "n.py": "from m import *\n__all__ = []\n__all__ += ['old']\nold()\n",
            "o.py": "from n import old\nold()\n",
        },
        {
            "m.py": "def new(): pass\n",
            "n.py": "from m import *\n__all__ = []\n__all__ += ['new']\nnew()\n",
            "o.py": "from n import new\nnew()\n",
        },
    ),
    "the fallback of an optional import": (
        "slow.old",
        {
            "slow.py": "def old(): pass\n",
            "m.py": "try: from fast import old\nexcept ImportError: from slow import old\nold()\n",
        },
        {
            "slow.py": "def new(): pass\n",
            "m.py": "try: from fast import old as new\n"
            "except ImportError: from slow import new\nnew()\n",
        },
    ),
    "shadows stay": (
        "m.old",
        {
            "m.py": """\
            def old(old): return old
            def f():
                old = 1
                return [old], lambda old: old
            def g(): return [old for old in range(3)], old, f"{old}"
            def h():
                global old
                return old
            def i(x):
                match x:
                    case {"k": old}: return old
            def j():
                for old in (): del old
            def k():
                with open("old") as old: pass
                try: pass
                except E as old: old
            class C:
                def old(self): return old
            """
        },
        {
            "m.py": """\
            def new(old): return old
            def f():
                old = 1
                return [old], lambda old: old
            def g(): return [old for old in range(3)], new, f"{new}"
            def h():
                global new
                return new
            def i(x):
                match x:
                    case {"k": old}: return old
            def j():
                for old in (): del old
            def k():
                with open("old") as old: pass
                try: pass
                except E as old: old
            class C:
                def old(self): return new
            """
        },
    ),
    "strings, comments and keywords stay, quoted annotations do not": (
        "m.Old",
        {
            "m.py": 'class Old: "Old"\n# Old\n'
            'def f(a: "Old | None", b: Literal["Old"]) -> "list[Old]":\n'
            '    f(Old=Old, b="Old")\n'
        },
        {
            "m.py": 'class New: "Old"\n# Old\n'
            'def f(a: "New | None", b: Literal["Old"]) -> "list[New]":\n'
            '    f(Old=New, b="Old")\n'
        },
    ),
    "decorators, bases and handlers": (
        "m.Old",
        {
            "m.py": "class Old(Exception): pass\nclass B(Old): pass\n"
            "try: B()\nexcept (Old, B): raise Old\n"
        },
        {
            "m.py": "class New(Exception): pass\nclass B(New): pass\n"
            "try: B()\nexcept (New, B): raise New\n"
        },
    ),
    "a method with its overrides, through receivers that are known": (
        "m.A.old",
        {
            "m.py": """\
            class Base:
                def run(self): return self.old()
            class A(Base):
                def old(self): return 1
                alias = old
                @classmethod
                def make(cls) -> "A": return cls(cls.old)
            class B(A):
                def old(self): return super().old()
            class Other:
                def old(self): return self.old()
            def f(a: A, other: Other, unknown):
                b = B()
                return a.old() + b.old() + other.old() + unknown.old() + A.old(a) + A.make().old()
            """,
            "t.py": "import m\nfor a in [m.A(), m.B()]: a.old()\n",
        },
        {
            "m.py": """\
            class Base:
                def run(self): return self.new()
            class A(Base):
                def new(self): return 1
                alias = new
                @classmethod
                def make(cls) -> "A": return cls(cls.new)
            class B(A):
                def new(self): return super().new()
            class Other:
                def old(self): return self.old()
            def f(a: A, other: Other, unknown):
                b = B()
                return a.new() + b.new() + other.old() + unknown.old() + A.new(a) + A.make().new()
            """,
            "t.py": "import m\nfor a in [m.A(), m.B()]: a.new()\n",
        },
    ),
    "an annotation outweighs what a careless call passes in": (
        "m.A.old",
        {
            "m.py": "class A:\n    def old(self): pass\nclass B:\n    def old(self): pass\n"
            "def f(a: A): a.old()\ndef g(a): a.old()\nf(A()); f(B()); g(A()); g(B())\n"
        },
        {
            "m.py": "class A:\n    def new(self): pass\nclass B:\n    def old(self): pass\n"
            "def f(a: A): a.new()\ndef g(a): a.old()\nf(A()); f(B()); g(A()); g(B())\n"
        },
    ),
    "a property with its setter": (
        "m.A.old",
        {
            "m.py": "class A:\n    @property\n    def old(self): return 1\n    @old.setter\n"
            "    def old(self, v): pass\nA().old = A().old\n"
        },
        {
            "m.py": "class A:\n    @property\n    def new(self): return 1\n    @new.setter\n"
            "    def new(self, v): pass\nA().new = A().new\n"
        },
    ),
    "a variable of a class, in a pattern too": (
        "m.Color.old",
        {"m.py": "class Color:\n    old = 1\nmatch x:\n    case Color.old: pass\n"},
        {"m.py": "class Color:\n    new = 1\nmatch x:\n    case Color.new: pass\n"},
    ),
    "a fixture with the parameters that ask for it": (
        "conftest.old",
        {
            "conftest.py": "import pytest\n@pytest.fixture\ndef old(): return 1\n",
            "test_a.py": "def test_a(old): assert old\ndef helper(old): return old\n",
        },
        {
            "conftest.py": "import pytest\n@pytest.fixture\ndef new(): return 1\n",
            "test_a.py": "def test_a(new): assert new\ndef helper(old): return old\n",
        },
    ),
    "a function inside of another one": (
        "m.f.old",
        {"m.py": "def f():\n    def old(): pass\n    return old\nold = 1\n"},
        {"m.py": "def f():\n    def new(): pass\n    return new\nold = 1\n"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_rename_edits_exactly_this(case: str) -> None:
    symbol, before, after = CASES[case]
    new = "New" if symbol.endswith("Old") else "new"

    assert _renamed(_encoded(before), symbol, new) == _encoded(after)


@pytest.mark.parametrize("case", CASES)
def test_a_rename_and_one_back_give_the_same_bytes(case: str) -> None:
    if case == "the fallback of an optional import":
        return  # `old as new` does not become `old` again
    symbol, before, _ = CASES[case]
    scope, _, old = symbol.rpartition(".")
    files = _encoded(before)

    there = _renamed(files, symbol, "quite_another")

    assert there != files
    assert _renamed(there, f"{scope}.quite_another", old) == files


REFUSED = {
    "taken": ("m.old", "def old(): pass\nnew = 1\n", "m.py:2"),
    "taken further in, where it is used": (
        "m.old",
        "def old(): pass\ndef f():\n    new = 1\n    return old()\n",
        "m.py:4",
    ),
    "a builtin that is used": ("m.old", "def old(): pass\nnew('x')\n", "m.py:2"),
    "taken by an attribute": (
        "m.A.old",
        "class A:\n    def old(self): self.new = 1\n",
        "m.py:2",
    ),
    "taken in a subclass": (
        "m.A.old",
        "class A:\n    def old(self): pass\nclass B(A):\n    new = 1\n",
        "m.B has a new already",
    ),
    "an override": (
        "m.B.old",
        "class A:\n    def old(self): pass\nclass B(A):\n    def old(self): pass\n",
        "overrides m.A.old",
    ),
    "unknown": ("m.none", "def old(): pass\n", "m has no none"),
    "inherited": (
        "m.B.old",
        "class A:\n    def old(self): pass\nclass B(A): pass\n",
        "m has no B.old",
    ),
    "a module": ("m.py", "x = 1\n", "m has no py"),
    "an imported name": ("m.sep", "from os import sep\n", "not defined in m.py but imported"),
    "a special name": ("m.__all__", "__all__ = []\n", "meaning to Python"),
    "broken source": ("m.old", "def old(: pass\n", "cannot be read"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_rename_that_would_change_a_meaning_is_refused_with_the_place(case: str) -> None:
    symbol, source, reason = REFUSED[case]

    refused = rename(LoadedTree({"m.py": source.encode()}), symbol, "new")

    assert isinstance(refused, CannotDo)
    assert reason in refused.reason
    assert refused.next_step


def test_what_may_be_meant_is_told_with_its_place() -> None:
    files = {
        "m.py": "class A:\n    old = 1\n    def f(self, x): return x.old, getattr(x, 'old')\n",
        "n.py": "patch('m.A.old'); A(old=1)\n",
        "broken.py": "def old(:\n",
        "README.md": "Use `old`.\n",
        "setup.cfg": "older\n",
    }

    done = rename(LoadedTree(_encoded(files)), "m.A.old", "new")

    assert isinstance(done, Rewrite)
    told = "\n".join(warning.message for warning in done.warnings)
    assert "1 members .old of receivers that are not known were left as they are: m.py:3" in told
    assert "2 strings that say old, or how it begins, were left as they are: m.py:3, n.py:1" in told
    assert "1 arguments with the keyword old were left as they are: n.py:1" in told
    assert "broken.py: syntax error" in told
    assert "README.md" in told
    assert "setup.cfg" not in told


def test_a_string_that_a_name_may_be_made_of_is_told() -> None:
    source = """\
        class V:
            def visit_old(self): pass
            def f(self, k): return getattr(self, "visit_%s" % k), getattr(self, f"visit_{k}")
            def g(self): return "visit", "visitor_", "vis_"
        """

    done = rename(LoadedTree(_encoded({"m.py": source})), "m.V.visit_old", "visit_new")

    assert isinstance(done, Rewrite)
    told = [warning.message for warning in done.warnings]
    assert told == [
        "2 strings that say visit_old, or how it begins, were left as they are: m.py:3, m.py:3"
    ]


def test_the_symbols_of_a_rename_cover_every_edit() -> None:
    files = {
        "m.py": "def old(): pass\nclass C:\n    def f(self): old()\n",
        "n.py": "import m\nm.old\n",
    }

    done = rename(LoadedTree(_encoded(files)), "m.old", "new")

    assert isinstance(done, Rewrite)
    assert {symbol.fq_name for symbol in done.symbols} == {"m.old", "m.new", "m.C.f", "n"}


def test_other_codings_and_line_ends_stay_as_they_are() -> None:
    files = {
        "m.py": b"# coding: latin-1\r\nname = '\xe4'\r\ndef old(): return '\xfc'\r\n",
        "n.py": b"\xef\xbb\xbffrom m import old # \xc3\xa4\r\nold()",
    }

    assert _renamed(files, "m.old", "new") == {
        "m.py": b"# coding: latin-1\r\nname = '\xe4'\r\ndef new(): return '\xfc'\r\n",
        "n.py": b"\xef\xbb\xbffrom m import new # \xc3\xa4\r\nnew()",
    }


def test_a_name_that_stands_already_is_nothing_to_do() -> None:
    tree = LoadedTree({"m.py": b"def new(): pass\n"})

    for symbol in ("m.old", "m.new"):
        done = rename(tree, symbol, "new")
        assert isinstance(done, Rewrite)
        assert not done.texts


# Small programs in which a few names mean many things.
_NAMES = ("a", "b", "c")
_NAME = st.sampled_from(_NAMES)


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


@st.composite
def _block(draw: st.DrawFn, depth: int = 0) -> list[str]:
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        lines += draw(_statement(depth))
    return lines


@st.composite
def _statement(draw: st.DrawFn, depth: int) -> list[str]:
    one, two, three = draw(_NAME), draw(_NAME), draw(_NAME)
    simple = [
        [f"{one} = {two}"],
        [f"{one}({two}, {three}=1)"],
        [f"x = [{one} for {two} in {three}]"],
        [f"x = lambda {one}: {two}"],
        [f'"{one}"  # {two}'],
        [f"x = f'{{{one}}} {two}'"],
        [f"for {one} in {two}: {three}"],
        [f"x.{one} = {two}"],
        [f"x = [y for y in z if ({one} := y)]"],
    ]
    if depth > 2:
        return draw(st.sampled_from(simple))
    inner = _indented(draw(_block(depth + 1)))
    compound = [
        [f"def {one}({two}={three}):", *inner],
        [f"class {one}({two}):", *inner],
        [f"if {one}:", *inner],
        ["try:", *inner, f"except {one} as {two}:", f"    {three}"],
    ]
    return draw(st.sampled_from(simple + compound))


class _Canonical(ast.NodeTransformer):
    """A program without the difference between two names."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for field, value in ast.iter_fields(node):
            if value in ("a", "brandnew") and not isinstance(node, ast.Constant):
                setattr(node, field, "same")
        return super().generic_visit(node)


def _meanings(source: str) -> list[tuple[str, bool]]:
    """For every name of the program in order: is it `a` (by either name) of the module's scope?"""
    import symtable

    table = symtable.symtable(source, "m", "exec")
    found: list[tuple[str, bool]] = []

    def walk(scope: symtable.SymbolTable) -> None:
        for symbol in scope.get_symbols():
            name = "a" if symbol.get_name() == "brandnew" else symbol.get_name()
            is_module = scope.get_type() == "module" or symbol.is_global()
            found.append((f"{scope.get_type()}:{scope.get_lineno()}:{name}", is_module))
        for child in scope.get_children():
            walk(child)

    walk(table)
    return sorted(found)


def _split(meanings: list[tuple[str, bool]]) -> tuple[set[str], set[str]]:
    """What is the module's `a`, and what is another one."""
    return {key for key, own in meanings if own}, {key for key, own in meanings if not own}


@settings(max_examples=150, deadline=None)
@given(_block())
def test_a_renamed_program_is_the_same_but_for_the_name(lines: list[str]) -> None:
    source = "\n".join(["a = 1", *lines]) + "\n"
    try:
        compile(source, "m", "exec")
    except SyntaxError:
        return  # such as a walrus in a class body

    renamed = _renamed({"m.py": source.encode()}, "m.a", "brandnew")["m.py"].decode()

    assert ast.dump(_Canonical().visit(ast.parse(renamed))) == ast.dump(
        _Canonical().visit(ast.parse(source))
    )
    before, after = _meanings(source), _meanings(renamed)
    own, others = _split(after)
    # Since 3.12 a comprehension in a class has no scope of its own there: a name in it that is the
    # module's and one of the class are one symbol before, and two after.
    assert _split(before)[0] - others == own - others
    assert _renamed({"m.py": renamed.encode()}, "m.brandnew", "a")["m.py"].decode() == source


def test_names_of_the_programs_are_plain() -> None:
    assert not any(keyword.iskeyword(name) or hasattr(builtins, name) for name in _NAMES)
