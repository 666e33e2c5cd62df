"""CP-9: complexity before there is a patch."""

from hypothesis import given
from hypothesis import strategies as st

from selfheal.code_planning.complexity import Cyclomatic, Difficulty, difficulty
from selfheal.code_planning.reading import FileReader
from selfheal.code_planning.targets import narrowed
from selfheal.codegraph.linking import link
from selfheal.codegraph.source import LoadedTree
from selfheal.contracts.plan import Step, Symbol


def measured(source: str, name: str, *, files: tuple[str, ...] = ("m.py",)) -> Difficulty:
    tree = LoadedTree({"m.py": source.encode()})
    reader = FileReader(tree)
    graph = link(reader.facts(tree.paths()), reader.modules)
    symbol = Symbol(fq_name=f"m.{name}", kind="function", file_path="m.py")
    step = Step(order=1, goal="x", kind="EDIT", path="m.py")
    target = narrowed(step, files, (symbol,), graph)
    return difficulty(target, graph, Cyclomatic(reader, graph))


def branchy(count: int) -> str:
    return "def f(x):\n" + "".join(f"    if x == {i}: return {i}\n" for i in range(count))


def test_a_straight_function_that_calls_nothing_has_no_difficulty():
    assert measured("def f(): return 1\n", "f") == Difficulty(0.0)


def test_ten_branches_are_half_of_what_branches_can_add():
    assert measured(branchy(10), "f").score == round(0.5 * 0.3 / 0.9, 4)


def test_ten_callees_are_half_of_what_fan_out_can_add():
    source = "".join(f"def g{i}(): pass\n" for i in range(10))
    source += "def f():\n" + "".join(f"    g{i}()\n" for i in range(10))

    assert measured(source, "f").score == round(0.5 * 0.2 / 0.9, 4)


def test_three_files_are_half_of_what_files_can_add():
    files = ("m.py", "a.py", "b.py")

    assert measured("def f(): pass\n", "f", files=files).score == round(0.5 * 0.4 / 0.9, 4)


def test_what_python_cannot_parse_is_counted_by_tree_sitter():
    assert measured(branchy(10) + "\ndef broken(:\n    pass\n", "f") == measured(branchy(10), "f")


def test_a_doubtful_escape_in_foreign_source_is_no_warning_of_ours():
    assert measured("X = '\\d'\n" + branchy(1), "f").score > 0


def test_a_class_is_as_hard_as_its_hardest_method():
    method = branchy(10).replace("\n", "\n    ")

    assert measured(f"class C:\n    {method}", "C") == measured(branchy(10), "f")


@given(st.floats(0, 1))
def test_labels_follow_the_score(score):
    expected = "trivial" if score <= 0.3 else "moderate" if score <= 0.6 else "complex"

    assert Difficulty(score).label == expected
