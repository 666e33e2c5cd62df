"""CP-5 on random plans: every rule honoured, no cycle, nothing tied that need not be."""

from uuid import UUID

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from selfheal.code_planning.planner import CodePlanner
from selfheal.codegraph.linking import graph_of
from selfheal.codegraph.source import LoadedTree
from selfheal.contracts.bundle import TaskBundle
from selfheal.contracts.plan import Plan, Step, Symbol

FILES, FUNCTIONS = 5, 3
KINDS = ("ADD", "EDIT", "REMOVE", "REFACTOR")

places = st.tuples(st.integers(0, FILES - 1), st.integers(0, FUNCTIONS - 1))


@st.composite
def trees(draw) -> LoadedTree:
    """Five files of three functions with random calls among them."""
    calls = draw(st.sets(st.tuples(places, places), max_size=10))
    files = {}
    for file in range(FILES):
        lines = [f"import m{other}" for other in range(FILES) if other != file]
        for function in range(FUNCTIONS):
            lines.append(f"def f{function}():")
            called = sorted(to for by, to in calls if by == (file, function))
            lines += [f"    {'' if m == file else f'm{m}.'}f{f}()" for m, f in called] + [
                "    pass"
            ]
        files[f"m{file}.py"] = "\n".join(lines).encode()
    return LoadedTree(files)


@st.composite
def plans(draw) -> Plan:
    """Up to eight steps, each on one to two functions, with random backward dependencies."""
    steps = []
    for order in range(1, draw(st.integers(1, 8)) + 1):
        touched = draw(st.lists(places, min_size=1, max_size=2, unique=True))
        symbols = tuple(
            Symbol(fq_name=f"m{m}.f{f}", kind="function", file_path=f"m{m}.py") for m, f in touched
        )
        earlier = st.sets(st.integers(1, order - 1), max_size=2) if order > 1 else st.just(set())
        steps.append(
            Step(
                order=order,
                goal="change",
                kind=draw(st.sampled_from(KINDS)),
                path=symbols[0].file_path,
                symbols=symbols,
                depends_on=tuple(sorted(draw(earlier))),
            )
        )
    return Plan(
        id=UUID(int=7),
        parent_request_id=UUID(int=8),
        steps=tuple(steps),
        base_commit_sha="a" * 40,
        planner="hypothesis",
    )


def order_of(bundle: TaskBundle) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from(task.id for task in bundle.tasks)
    graph.add_edges_from((needed, task.id) for task in bundle.tasks for needed in task.depends_on)
    return graph


def calls_of(tree: LoadedTree) -> set[tuple[str, str]]:
    edges = graph_of(tree, tree.paths()).edges
    return {(edge.source, edge.target) for edge in edges if edge.kind == "calls"}


def names(task) -> set[str]:
    return {symbol.fq_name for symbol in task.symbols}


def uses(calls: set[tuple[str, str]], user, used) -> bool:
    return any((one, other) in calls for one in names(user) for other in names(used))


@settings(max_examples=40, deadline=None)
@given(trees(), plans())
def test_every_rule_holds_for_every_pair_of_tasks(tree, plan):
    bundle = CodePlanner(tree).run(plan)
    if bundle.force_sequential:
        return
    calls, after = calls_of(tree), nx.transitive_closure(order_of(bundle))

    for one in bundle.tasks:
        for other in bundle.tasks:
            if one.step_number == other.step_number:
                continue
            if one.step_number in plan.steps[other.step_number - 1].depends_on:
                assert after.has_edge(one.id, other.id)
            if one.kind == "ADD" and other.kind in ("EDIT", "REFACTOR") and uses(calls, other, one):
                assert after.has_edge(one.id, other.id)
            if one.kind == "REMOVE" and other.kind != "REMOVE" and uses(calls, other, one):
                assert after.has_edge(other.id, one.id)
            if not set(one.paths).isdisjoint(other.paths) or uses(calls, one, other):
                assert after.has_edge(one.id, other.id) or after.has_edge(other.id, one.id)


@settings(max_examples=40, deadline=None)
@given(trees(), plans())
def test_the_graph_has_no_cycle_and_no_edge_too_many(tree, plan):
    bundle = CodePlanner(tree).run(plan)
    graph = order_of(bundle)

    assert nx.is_directed_acyclic_graph(graph)
    assert set(nx.transitive_reduction(graph).edges) == set(graph.edges)
    positions = {task.id: index for index, task in enumerate(bundle.tasks)}
    assert all(positions[before] < positions[after] for before, after in graph.edges)
    assert {task.step_number for task in bundle.tasks} == {step.order for step in plan.steps}


@settings(max_examples=40, deadline=None)
@given(trees(), plans())
def test_a_plan_runs_one_by_one_only_where_its_rules_contradict_each_other(tree, plan):
    bundle = CodePlanner(tree).run(plan)
    calls, rules = calls_of(tree), nx.DiGraph()
    for one in bundle.tasks:
        for other in bundle.tasks:
            if one.step_number == other.step_number:
                continue
            explicit = one.step_number in plan.steps[other.step_number - 1].depends_on
            adds = one.kind == "ADD" and other.kind in ("EDIT", "REFACTOR")
            is_mutual = one.kind == "REMOVE" and uses(calls, other, one)
            removes = other.kind == "REMOVE" and uses(calls, one, other) and not is_mutual
            if explicit or (adds and uses(calls, other, one)) or removes:
                rules.add_edge(one.id, other.id)

    assert bundle.force_sequential == (not nx.is_directed_acyclic_graph(rules))
    assert ("CYCLE_BROKEN" in {w.code for w in bundle.warnings}) == bundle.force_sequential
    if bundle.force_sequential:
        assert all(task.depends_on == () for task in bundle.tasks)
        ranks = [(task.step_number, str(task.id)) for task in bundle.tasks]
        assert ranks == sorted(ranks)


@settings(max_examples=20, deadline=None)
@given(trees(), plans())
def test_the_same_plan_and_tree_give_the_same_bytes(tree, plan):
    again = Plan.from_json(plan.to_json())

    assert CodePlanner(tree).run(plan).to_json() == CodePlanner(tree).run(again).to_json()


@settings(max_examples=20, deadline=None)
@given(plans())
def test_steps_that_share_no_file_and_no_call_stay_independent(plan):
    tree = LoadedTree({f"m{file}.py": b"def f0(): pass\ndef f1(): pass\n" for file in range(FILES)})
    free = plan.model_copy(
        update={"steps": tuple(s.model_copy(update={"depends_on": ()}) for s in plan.steps)}
    )
    bundle = CodePlanner(tree).run(free)

    tasks = {task.id: task for task in bundle.tasks}
    for before, after in order_of(bundle).edges:
        assert not set(tasks[before].paths).isdisjoint(tasks[after].paths)
