"""A wrong condition: negated, a term too many, a term too few."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from selfheal.repair.templates.place import Change, Place, Template

MOST_TERMS = 12


def tests_of(node: ast.AST) -> list[ast.expr]:
    """The expressions whose truth a node looks at."""
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        return [node.test]
    if isinstance(node, ast.BoolOp):
        return list(node.values)
    if isinstance(node, ast.comprehension):
        return list(node.ifs)
    return []


def negations(place: Place) -> Iterator[Change]:
    """A `not` that is missing."""
    values = tests_of(place.node)
    if isinstance(place.node, ast.Return) and place.node.value is not None:
        values = [place.node.value]
    for test in values:
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            continue
        start, end = place.source.outer_span(test)
        weight = 0.6 if isinstance(place.node, ast.Return) else 1.0
        loose = isinstance(test, ast.BoolOp | ast.IfExp | ast.NamedExpr | ast.Lambda)
        text = place.source.text[start:end]
        yield Change(
            start, end, f"not ({text})" if loose and text[0] != "(" else f"not {text}", weight
        )


def negated_values(place: Place) -> Iterator[Change]:
    """A `not` that is missing before a value that is passed on or assigned."""
    node = place.node
    values: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        values = [node.value]
    elif isinstance(node, ast.Call):
        values = [*node.args, *(keyword.value for keyword in node.keywords)]
    for value in values:
        if isinstance(value, ast.Name | ast.Call | ast.Compare | ast.Attribute):
            start, _ = place.source.outer_span(value)
            yield Change(start, start, "not ")


def dropped_terms(place: Place) -> Iterator[Change]:
    """One term of `and`/`or`, or one operand of arithmetic, taken away."""
    node = place.node
    if isinstance(node, ast.BinOp):
        yield place.lifted(node, node.left, 0.7)
        yield place.lifted(node, node.right, 0.5)
    elif isinstance(node, ast.BoolOp):
        spans = [place.source.outer_span(value) for value in node.values]
        for position in range(len(spans)):
            if position:
                yield Change(spans[position - 1][1], spans[position][1], "")
            else:
                yield Change(spans[0][0], spans[1][0], "")


def added_terms(place: Place) -> Iterator[Change]:
    """`and`/`or` with a condition in use in this function or file, or a plain local name."""
    for test in tests_of(place.node):
        start, end = place.source.outer_span(test)
        old = place.grouped(test) if isinstance(test, ast.BoolOp | ast.IfExp) else place.text(test)
        for rank, term in enumerate(_terms(place, test)):
            weight = max(0.3, 1.0 - 0.05 * rank)
            for operator, share in (("and", 1.0), ("or", 0.8)):
                yield Change(start, end, f"{old} {operator} {term}", weight * share)
                yield Change(start, end, f"{term} {operator} {old}", 0.7 * weight * share)


def _terms(place: Place, test: ast.expr) -> list[str]:
    function = place.source.function_of(test)
    names = place.vocabulary.locals_of(function) if function else ()
    known = {*names, *place.vocabulary.globals, *place.vocabulary.functions}
    known |= {*place.vocabulary.builtins, *place.vocabulary.imported, *place.vocabulary.classes}
    found = []
    for condition in place.vocabulary.conditions(test):
        used = {n.id for n in ast.walk(condition) if isinstance(n, ast.Name)}
        if used <= known and ast.dump(condition) != ast.dump(test):
            text = ast.unparse(condition)
            found.append(f"({text})" if isinstance(condition, ast.BoolOp | ast.IfExp) else text)
    plain = [form for name in names[:6] for form in (name, f"not {name}", f"{name} is not None")]
    return [*list(dict.fromkeys(found))[:MOST_TERMS], *plain]


def dropped_conditions(place: Place) -> Iterator[Change]:
    """A filter of a comprehension taken away."""
    node = place.node
    assert isinstance(node, ast.comprehension)
    for test in node.ifs:
        start, end = place.source.outer_span(test)
        low = place.source.text.rfind("if", 0, start)
        if low >= 0:
            yield Change(low, end, "")


def jumps(place: Place) -> Iterator[Change]:
    node = place.node
    assert isinstance(node, ast.Break | ast.Continue | ast.Pass)
    start, end = place.source.span(node)
    others = {"break": ("continue", "return", "pass"), "continue": ("break", "pass")}
    for rank, text in enumerate(others.get(place.text(node), ("continue", "break", "return"))):
        yield Change(start, end, text, 1.0 - 0.3 * rank)


def yielded(place: Place) -> Iterator[Change]:
    """`yield` for `yield from`, or the other way round."""
    node = place.node
    start, end = place.source.span(node)  # type: ignore[arg-type]
    text = place.source.text[start:end]
    if isinstance(node, ast.YieldFrom):
        yield Change(start, end, "yield" + text[len("yield from") :])
    elif isinstance(node, ast.Yield) and node.value is not None:
        yield Change(start, end, "yield from" + text[len("yield") :])


def compared_with_none(place: Place) -> Iterator[Change]:
    """`if x` where `if x is not None` was meant, and the other way round."""
    for test in tests_of(place.node):
        inner = test.operand if isinstance(test, ast.UnaryOp) else test
        if isinstance(inner, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
            negative = inner is not test
            text = "is None" if negative else "is not None"
            yield place.replaced(test, f"{place.text(inner)} {text}")
        elif isinstance(inner, ast.Compare) and len(inner.ops) == 1:
            if isinstance(inner.ops[0], ast.Is):
                yield place.replaced(inner, f"not {place.grouped(inner.left)}")
            elif isinstance(inner.ops[0], ast.IsNot):
                yield place.lifted(inner, inner.left)


def constant_conditions(place: Place) -> Iterator[Change]:
    """A chained comparison that lost, or should lose, one of its bounds."""
    node = place.node
    assert isinstance(node, ast.Compare)
    if len(node.ops) > 1:
        first, last = (
            place.source.outer_span(node.left),
            place.source.outer_span(node.comparators[-1]),
        )
        middle = [place.source.outer_span(value) for value in node.comparators[:-1]]
        yield Change(first[0], middle[0][0], "")
        yield Change(middle[-1][1], last[1], "")


_TESTED = (ast.If, ast.While, ast.IfExp, ast.BoolOp, ast.comprehension)
TEMPLATES = (
    Template("negate a condition", 1, 0.85, (*_TESTED, ast.Return), negations),
    Template("drop a term", 1, 0.5, (ast.BoolOp, ast.BinOp), dropped_terms),
    Template("jump", 1, 0.8, (ast.Break, ast.Continue, ast.Pass), jumps),
    Template("test for None", 2, 0.6, _TESTED, compared_with_none),
    Template("negate a value", 2, 0.3, (ast.Assign, ast.Call), negated_values),
    Template("drop a filter", 2, 0.4, (ast.comprehension,), dropped_conditions),
    Template("drop a bound", 2, 0.4, (ast.Compare,), constant_conditions),
    Template("yield from", 2, 0.5, (ast.Yield, ast.YieldFrom), yielded),
    Template("add a term", 2, 0.35, _TESTED, added_terms),
)
