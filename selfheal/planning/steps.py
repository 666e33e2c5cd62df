"""A step of a model's plan as a Step: the names it gives, found in their file."""

from __future__ import annotations

from selfheal.codegraph.source import SourceTree, is_python, module_name, source_text
from selfheal.codegraph.symbols import symbols_in
from selfheal.contracts.plan import PlanWarning, Step, Symbol
from selfheal.errors import InvalidInput
from selfheal.planning.plan_form import StepForm


def step_of(order: int, form: StepForm, tree: SourceTree) -> tuple[Step, tuple[PlanWarning, ...]]:
    """The Step, with a warning for each name that its file does not have.

    Then the whole file is what gets reserved: narrower, the step could touch what nobody holds.
    """
    known = {symbol.fq_name: symbol for symbol in symbols_in(_text(tree, form.path), form.path)}
    named = [_symbol(name, form, known) for name in form.symbols]
    missing = [name for name, symbol in zip(form.symbols, named, strict=True) if symbol is None]
    symbols = tuple(dict.fromkeys(symbol for symbol in named if symbol is not None))
    step = Step(
        order=order,
        goal=form.goal,
        kind=form.kind,
        path=form.path,
        symbols=symbols if symbols and not missing else (*symbols, _module(form.path)),
        depends_on=tuple(sorted(set(form.depends_on))),
        acceptance_criteria=form.acceptance_criteria,
        test_ids=tuple(sorted(set(form.tests))),
    )
    return step, tuple(
        PlanWarning(
            code="UNRESOLVED_REFERENCE",
            message=f"step {order}: {form.path} has no {name}; the whole file is reserved instead",
            path=form.path,
        )
        for name in missing
    )


def _text(tree: SourceTree, path: str) -> str:
    try:
        return source_text(tree.read(path) or b"") if is_python(path) else ""
    except InvalidInput:
        return ""


def _symbol(name: str, form: StepForm, known: dict[str, Symbol]) -> Symbol | None:
    """The symbol of that file; one that is to be added is known by its place."""
    found = [fq_name for fq_name in known if f".{fq_name}".endswith(f".{name}")]
    if found:
        return known[min(found, key=len)]
    if form.kind != "ADD" or not all(part.isidentifier() for part in name.split(".")):
        return None
    module = module_name(form.path)
    inside = name.removeprefix(f"{module}.")
    if "." in inside:
        return Symbol(fq_name=f"{module}.{inside}", kind="method", file_path=form.path)
    is_class = inside[:1].isupper()
    return Symbol(
        fq_name=f"{module}.{inside}",
        kind="class" if is_class else "function",
        file_path=form.path,
    )


def _module(path: str) -> Symbol:
    return Symbol(fq_name=module_name(path), kind="module", file_path=path)
