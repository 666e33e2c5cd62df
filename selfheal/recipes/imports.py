"""Adds an import to a file, in the place where a reader looks for it."""

from __future__ import annotations

import sys
from typing import NamedTuple

from tree_sitter import Node

from selfheal.codegraph.expression import text_of
from selfheal.codegraph.facts import FileFacts
from selfheal.codegraph.parse import encoded_source, facts_of, syntax_of
from selfheal.codegraph.source import Modules, SourceTree, module_name, source_text
from selfheal.contracts.plan import Symbol
from selfheal.contracts.recipe import AddImport
from selfheal.recipes.occurrences import Occurrences, Spot, occurrences_in
from selfheal.recipes.rewrite import CannotDo, Edit, Rewrite, sound, spliced

_IMPORTS = frozenset({"import_statement", "import_from_statement", "future_import_statement"})


class _Rank(NamedTuple):
    """Where an import stands: `__future__`, standard library, others, the repository, relative."""

    section: int
    is_from: bool
    module: str


def add_import(tree: SourceTree, recipe: AddImport) -> Rewrite | CannotDo:
    """The tree with the import in its file; empty where the file has it already."""
    blob = tree.read(recipe.path)
    if blob is None:
        return CannotDo(f"there is no file {recipe.path}", "name a file of the repository")
    facts = facts_of(blob, recipe.path)
    if facts.problem:
        return CannotDo(f"{recipe.path} cannot be read: {facts.problem}", "mend its syntax first")
    modules = Modules(tree.paths())
    if _is_there(facts, recipe, modules):
        return Rewrite(found=(f"{recipe.path} has `{recipe.statement}` already",))
    source = encoded_source(source_text(blob))
    bound = recipe.name or recipe.module.partition(".")[0]
    obstacle = _missing(tree, recipe, modules) or _taken(source, recipe, bound)
    if obstacle is not None:
        return obstacle
    edit = _placed(source, recipe, modules)
    name = module_name(recipe.path)
    rewrite = Rewrite(
        texts=((recipe.path, spliced(blob, [edit])),),
        symbols=(Symbol(fq_name=name, kind="module", file_path=recipe.path),),
        found=(f"{recipe.path} lacks `{recipe.statement}`; it goes to line {edit.spot.line}",),
    )
    return sound(rewrite)


def _is_there(facts: FileFacts, recipe: AddImport, modules: Modules) -> bool:
    """Whether the module's own level imports just this, by its own name or a relative one."""
    path = modules.find(recipe.module, importer=facts.path)
    spellings = {recipe.module} | {
        one.module
        for one in facts.imports
        if path is not None and modules.find(one.module, importer=facts.path) == path
    }
    if recipe.name is None:
        return any(
            one.module == recipe.module and not (one.name or one.scope) for one in facts.imports
        )
    # What is bound, not what is imported: an alias gives it another name.
    values = {one.value for one in facts.bindings if not one.scope and one.target == (recipe.name,)}
    return any((f"import:{module}", f".{recipe.name}") in values for module in spellings)


def _missing(tree: SourceTree, recipe: AddImport, modules: Modules) -> CannotDo | None:
    """What the repository's own module lacks; nothing is known of modules from outside."""
    path = modules.find(recipe.module, importer=recipe.path)
    if path is None:
        top = recipe.module.partition(".")[0]
        if "." in recipe.module and modules.find(top, importer=recipe.path):
            return CannotDo(
                f"the repository has no module {recipe.module}", "name one of its modules"
            )
        return None
    if path == recipe.path:
        return CannotDo(f"{path} is {recipe.module} itself", "name another module")
    if recipe.name is None or modules.find(f"{recipe.module}.{recipe.name}", importer=recipe.path):
        return None
    facts = facts_of(tree.read(path) or b"", path)
    offered = {one.qualname for one in facts.definitions} | {
        one.target[0] for one in facts.bindings if not one.scope and len(one.target) == 1
    }
    is_open = "__getattr__" in offered or any(one.name == "*" for one in facts.imports)
    if recipe.name in offered or is_open or facts.problem:
        return None
    return CannotDo(
        f"{path} has no {recipe.name}", "name a function, class or variable that it defines"
    )


def _taken(source: bytes, recipe: AddImport, bound: str) -> CannotDo | None:
    found: Occurrences = occurrences_in(source, frozenset({bound}))
    if bound not in found.scopes[0].bound:
        return None
    imports = [one for one in found.imports if one.binds and not one.scope.key]
    if recipe.name is None and imports and all(not one.name for one in imports):
        return None  # `import a.b` beside `import a`
    words = [one.spot for one in found.words if one.binds and not one.scope.key]
    line = min(spot.line for spot in (*words, *(one.spot for one in imports)))
    return CannotDo(
        f"{recipe.path}:{line} gives the name {bound} another meaning",
        "rename that first",
    )


def _placed(source: bytes, recipe: AddImport, modules: Modules) -> Edit:
    """The line before the first import that ranks after it, else behind the last one."""
    newline = "\r\n" if b"\r\n" in source else "\n"
    head, imports = _head(syntax_of(source))
    own = _rank(recipe.module, is_from=recipe.name is not None, path=recipe.path, modules=modules)
    ranks = [_rank_of(node, path=recipe.path, modules=modules) for node in imports]
    following = next((place for place, rank in enumerate(ranks) if rank > own), len(ranks))
    if following < len(ranks):
        place = imports[following].start_byte
        is_last = ranks[following].section != own.section
    else:
        place = _line_end(source, imports[-1].end_byte if imports else head)
        is_last = not imports and not head and bool(source.strip())
    is_first = ranks[following - 1].section != own.section if following else bool(head)
    lead = newline if is_first and not _is_blank_before(source, place) else ""
    text = lead + recipe.statement + newline + (newline if is_last else "")
    if place == len(source) and source and not source.endswith(b"\n"):
        text = newline + text
    return Edit(Spot(place, place, source.count(b"\n", 0, place) + 1), text)


def _is_blank_before(source: bytes, place: int) -> bool:
    lines = source[:place].splitlines()
    return bool(lines) and not lines[-1].strip()


def _head(root: Node) -> tuple[int, list[Node]]:
    """Where comments and docstring at the top end, and the imports that follow them."""
    end, imports = 0, []
    for child in root.named_children:
        if child.type in _IMPORTS:
            imports.append(child)
        elif child.type == "comment" or _is_docstring(child):
            end = end if imports else child.end_byte
        else:
            break
    return end, imports


def _is_docstring(node: Node) -> bool:
    return node.type == "expression_statement" and node.named_children[0].type == "string"


def _rank_of(node: Node, *, path: str, modules: Modules) -> _Rank:
    is_from = node.type != "import_statement"
    named = node.child_by_field_name("module_name" if is_from else "name")
    if node.type == "future_import_statement":
        return _Rank(0, is_from=True, module="__future__")
    if named is not None and named.type == "aliased_import":
        named = named.named_children[0]
    return _rank(text_of(named), is_from=is_from, path=path, modules=modules)


def _rank(module: str, *, is_from: bool, path: str, modules: Modules) -> _Rank:
    top = module.partition(".")[0]
    if module.startswith("."):
        section = 4
    elif module == "__future__":
        section = 0
    elif top in sys.stdlib_module_names:
        section = 1
    else:
        section = 3 if modules.find(top, importer=path) else 2
    return _Rank(section, is_from, module.lower())


def _line_end(source: bytes, place: int) -> int:
    """Behind the newline that ends the line of `place`; 0 for the top of the file."""
    if not place:
        return 0
    found = source.find(b"\n", place - 1)
    return len(source) if found < 0 else found + 1
