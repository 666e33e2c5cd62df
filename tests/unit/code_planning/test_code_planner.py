"""Plans by hand: order, split, symbols, tests, warnings."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

import pytest

from selfheal.code_planning.planner import CodePlanner
from selfheal.codegraph.source import LoadedTree
from selfheal.contracts.bundle import TaskBundle
from selfheal.contracts.plan import Plan, Step, Symbol
from selfheal.index.index import Index
from selfheal.index.store import MemoryStore

TREE = LoadedTree(
    {
        "shop/__init__.py": b"",
        "shop/price.py": (
            b"def net(order):\n    return sum(order)\n\n"
            b"def gross(order):\n    return net(order) * 1.2\n"
        ),
        "shop/cart.py": (
            b"from shop.price import gross, missing\n\n"
            b"class Cart:\n"
            b"    def total(self):\n        return gross(self.items)\n"
            b"    def later(self):\n        return missing()\n"
        ),
        "shop/mail.py": b"def send(text):\n    pass\n",
        "tests/test_price.py": b"from shop.price import net\n\ndef test_net():\n    net([])\n",
        "tests/test_cart.py": (
            b"from shop.cart import Cart\n\n"
            b"class TestCart:\n    def test_total(self):\n        Cart().total()\n"
        ),
        "README.md": b"# shop\n",
    }
)
NET = Symbol(fq_name="shop.price.net", kind="function", file_path="shop/price.py")
TOTAL = Symbol(fq_name="shop.cart.Cart.total", kind="method", file_path="shop/cart.py")
LATER = Symbol(fq_name="shop.cart.Cart.later", kind="method", file_path="shop/cart.py")
SEND = Symbol(fq_name="shop.mail.send", kind="function", file_path="shop/mail.py")
GROSS = Symbol(fq_name="shop.price.gross", kind="function", file_path="shop/price.py")
MISSING = Symbol(fq_name="shop.price.missing", kind="function", file_path="shop/price.py")


def plan_of(*steps: Step) -> Plan:
    return Plan(
        id=UUID(int=1),
        parent_request_id=UUID(int=2),
        steps=steps,
        reserved_lease_ids=(UUID(int=3),),
        base_commit_sha="b" * 40,
        spdx_tags=("MIT",),
        planner="by hand",
    )


def run(*steps: Step, tree: LoadedTree = TREE) -> TaskBundle:
    return CodePlanner(tree).run(plan_of(*steps))


def step(order: int, *symbols: Symbol, kind: str = "EDIT", **fields) -> Step:
    fields.setdefault("path", symbols[0].file_path if symbols else "shop/price.py")
    fields.setdefault("goal", "change it")
    return Step(order=order, kind=kind, symbols=symbols, **fields)


def edges(bundle: TaskBundle) -> set[tuple[int, int]]:
    steps = {task.id: task.step_number for task in bundle.tasks}
    return {(steps[n], task.step_number) for task in bundle.tasks for n in task.depends_on}


def test_a_task_carries_what_its_step_and_plan_say():
    criteria = ("still adds up",)
    bundle = run(
        step(1, NET, acceptance_criteria=criteria, test_ids=("tests/test_new.py::test_x",))
    )

    (task,) = bundle.tasks
    assert (task.paths, task.symbols, task.kind) == (("shop/price.py",), (NET,), "EDIT")
    assert task.failing_tests == ("tests/test_new.py::test_x",)
    assert task.reserved_lease_ids == (UUID(int=3),)
    assert task.spdx_tags == ("MIT",)
    assert task.acceptance_criteria == criteria
    assert task.base_commit_sha == bundle.base_commit_sha == "b" * 40
    assert task.complexity_label == "trivial"


def test_impacted_tests_are_named_with_those_of_the_step():
    bundle = run(step(1, NET, test_ids=("tests/test_new.py::test_x",)))

    assert bundle.tasks[0].test_ids == (
        "tests/test_cart.py::TestCart::test_total",
        "tests/test_new.py::test_x",
        "tests/test_price.py::test_net",
    )


def test_the_callee_comes_before_the_caller_whatever_the_step_order():
    assert edges(run(step(1, TOTAL), step(2, GROSS))) == {(2, 1)}


def test_unrelated_steps_run_side_by_side():
    bundle = run(step(1, NET), step(2, SEND))

    assert edges(bundle) == set()
    assert not bundle.force_sequential


def test_steps_on_one_file_are_a_chain_in_step_order():
    assert edges(run(step(1, GROSS), step(2, NET), step(3, GROSS))) == {(1, 2), (2, 3)}


def test_what_is_added_comes_before_the_edit_of_its_callers():
    assert edges(run(step(1, LATER), step(2, MISSING, kind="ADD"))) == {(2, 1)}


def test_an_added_name_comes_before_the_edit_that_speaks_of_it():
    spoken = Symbol(fq_name="shop.mail.render", kind="function", file_path="shop/mail.py")

    bundle = run(step(1, NET, goal="use render in net"), step(2, spoken, kind="ADD"))

    assert edges(bundle) == {(2, 1)}


def test_what_is_removed_goes_after_the_edits_that_drop_its_uses():
    assert edges(run(step(1, GROSS, kind="REMOVE"), step(2, TOTAL))) == {(2, 1)}


def test_an_order_of_the_plan_stands_where_calls_would_prefer_another():
    bundle = run(step(1, TOTAL), step(2, GROSS, depends_on=(1,)))

    assert edges(bundle) == {(1, 2)}
    assert not bundle.force_sequential


def test_rules_that_contradict_each_other_are_spelled_out():
    bundle = run(step(1, LATER), step(2, MISSING, kind="ADD", depends_on=(1,)))

    assert bundle.force_sequential
    assert [task.depends_on for task in bundle.tasks] == [(), ()]
    (warning,) = bundle.warnings
    assert warning.code == "CYCLE_BROKEN"
    assert "step 1 before step 2 (the plan's depends_on)" in warning.message
    assert "step 2 before step 1 (it adds what" in warning.message


def test_a_step_becomes_several_tasks_where_nothing_ties_its_files():
    bundle = run(step(1, GROSS, TOTAL, SEND), step(2, NET, depends_on=(1,)))

    first = [task for task in bundle.tasks if task.step_number == 1]
    assert [(task.paths, task.symbols) for task in first] == [
        (("shop/price.py", "shop/cart.py"), (GROSS, TOTAL)),
        (("shop/mail.py",), (SEND,)),
    ]
    assert len({task.id for task in bundle.tasks}) == 3
    assert edges(bundle) == {(1, 2)}
    assert len(bundle.tasks[-1].depends_on) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"test_ids": ("tests/test_cart.py::TestCart::test_total",)},
        {"path": "README.md"},
        {"path": "shop/new.py", "kind": "ADD"},
    ],
    ids=["has tests to fix", "not Python", "a file to be made"],
)
def test_a_step_stays_whole_where_its_ties_are_not_known(fields):
    assert len(run(step(1, TOTAL, SEND, **fields)).tasks) == 1


@pytest.mark.parametrize(
    ("goal", "named"),
    [
        ("fix gross", ["shop.price.gross"]),
        ("fix price.net and shop.price.gross", ["shop.price.gross", "shop.price.net"]),
        ("fix `net`", ["shop.price.net"]),
        ("make prices right", []),
    ],
)
def test_symbols_are_taken_from_the_words_of_a_step_that_lists_none(goal, named):
    (task,) = run(step(1, goal=goal)).tasks

    assert [symbol.fq_name for symbol in task.symbols] == named


def test_a_step_without_any_symbol_stands_for_its_whole_file():
    (task,) = run(step(1, goal="tidy up", path="shop/cart.py")).tasks

    assert task.symbols == ()
    assert task.test_ids == ("tests/test_cart.py::TestCart::test_total",)


def test_files_that_cannot_be_read_are_warned_about():
    tree = LoadedTree(
        {"big.py": b"x = 1\n" * 2_000_000, "nul.py": b"\0", "bad.py": b"def f(:\n", "ok.py": b""}
    )
    steps = [step(i, path=path) for i, path in enumerate(tree.paths(), start=1)]

    bundle = run(*steps, tree=tree)

    assert [(w.code, w.path) for w in bundle.warnings] == [
        ("UNPARSED_FILE", "bad.py"),
        ("UNPARSED_FILE", "big.py"),
        ("UNPARSED_FILE", "nul.py"),
    ]
    assert len(bundle.tasks) == 4


class CountingTree(LoadedTree):
    """Counts which files it is asked for."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(files)
        self.asked: Counter[str] = Counter()

    def portions(self, paths: Iterable[str]) -> Iterator[Mapping[str, bytes]]:
        for portion in super().portions(paths):
            self.asked.update(portion.keys())
            yield portion


def test_a_file_that_is_too_large_is_one_warning_and_is_not_read():
    tree = CountingTree({"big.py": b"x = 1\n" * 200_000, "ok.py": b"import big\n"})

    bundle = run(step(1, path="big.py"), step(2, path="ok.py"), tree=tree)

    assert [(w.code, w.path) for w in bundle.warnings] == [("UNPARSED_FILE", "big.py")]
    assert len(bundle.tasks) == 2
    assert "big.py" not in tree.asked


def test_a_large_tree_is_read_once_and_not_at_all_when_its_words_are_known():
    filler = {f"lib/part{i}.py": b"x = %d\n" % i for i in range(200)}
    tree = CountingTree({"a.py": b"def f(): pass\n", "big.py": b"f()\n" * 300_000, **filler})
    plan, index = plan_of(step(1, path="a.py", goal="fix f")), Index()

    first = CodePlanner(tree, index).run(plan)
    read_once = max(tree.asked[path] for path in filler)
    tree.asked.clear()
    second = CodePlanner(tree, index).run(plan)

    assert first.tasks[0].paths == ("a.py",)
    assert read_once == 1
    assert second == first
    assert set(tree.asked) == {"a.py"}


def test_an_empty_tree_and_paths_out_of_it_end_in_warnings():
    bundle = run(step(1, path="gone.py"), step(2, path="../../etc/passwd"), tree=LoadedTree({}))

    assert [task.paths for task in bundle.tasks] == [("gone.py",), ()]
    assert [w.code for w in bundle.warnings] == ["UNRESOLVED_PATH", "UNRESOLVED_PATH"]


def test_a_plan_without_steps_is_an_empty_bundle():
    assert run().tasks == ()


def test_a_long_chain_of_steps_on_one_file_is_ordered():
    bundle = run(*(step(order, NET) for order in range(1, 501)))

    assert [task.step_number for task in bundle.tasks] == list(range(1, 501))
    assert edges(bundle) == {(order, order + 1) for order in range(1, 500)}


def test_a_tree_beyond_the_bounds_is_read_only_where_the_plan_leads():
    filler = {f"lib/part{i}.py": b"def unrelated(: pass\n" for i in range(300)}
    tree = LoadedTree({**{p: TREE.read(p) or b"" for p in TREE.paths()}, **filler})

    bundle = run(step(1, GROSS), tree=tree)

    assert bundle.warnings == ()
    assert bundle.tasks[0].test_ids == ("tests/test_cart.py::TestCart::test_total",)


def test_a_bundle_is_the_same_when_its_graph_was_kept():
    graphs, plan = MemoryStore(), plan_of(step(1, NET), step(2, MISSING, kind="ADD"))

    first = CodePlanner(TREE, graphs=graphs).run(plan)
    again = CodePlanner(TREE, graphs=graphs).run(plan)

    assert again.to_json() == first.to_json()


def test_what_a_goal_writes_as_new_is_a_symbol_with_a_skeleton():
    adding = step(1, kind="ADD", goal="add rate(order, *, day=None) beside `net`, by sum()")

    (task,) = run(adding).tasks

    assert [symbol.fq_name for symbol in task.symbols] == ["shop.price.rate", "shop.price.net"]
    assert "+def rate(order, *, day=None):" in task.skeleton_patch[0]


def test_what_is_called_so_already_is_not_new():
    adding = step(1, kind="ADD", goal="add more of what gross(order) does", path="shop/mail.py")

    (task,) = run(adding).tasks

    assert (task.symbols, task.skeleton_patch) == ((), ())
