"""Recipes at the door: read from what people type, refused with the field that is wrong."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.recipe import (
    AddImport,
    Format,
    RemoveUnusedImports,
    RenameSymbol,
    read_recipe,
)
from selfheal.contracts.schema import schema_of


def _request(recipe: object) -> ChangeRequest:
    return ChangeRequest.model_validate(
        {"repo": "/x", "description": "y", "context": {"recipe": recipe}}
    )


@pytest.mark.parametrize(
    ("text", "recipe"),
    [
        ("rename_symbol:a.b.old=new", RenameSymbol(symbol="a.b.old", to="new")),
        ("remove_unused_imports", RemoveUnusedImports()),
        ("remove_unused_imports:a.py,b/c.py", RemoveUnusedImports(paths=("a.py", "b/c.py"))),
        ("add_import:a.py=os.path", AddImport(path="a.py", module="os.path")),
        ("add_import:a.py=os:sep", AddImport(path="a.py", module="os", name="sep")),
        ("format", Format()),
        ("format:./a.py", Format(paths=("a.py",))),
    ],
)
def test_what_people_type_is_a_recipe(text: str, recipe: object) -> None:
    request = _request(read_recipe(text))

    assert request.recipe == recipe
    assert ChangeRequest.from_json(request.to_json()).recipe == recipe


@pytest.mark.parametrize("text", ["", "rename", "rename_symbol:a.b", "add_import:a.py", ":format"])
def test_other_text_is_refused_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(ValueError, match="expected rename_symbol:"):
        read_recipe(text)


@pytest.mark.parametrize(
    ("recipe", "field"),
    [
        ({"kind": "sort"}, "recipe"),
        (None, "recipe"),
        ({"kind": "rename_symbol", "symbol": "old", "to": "new"}, "symbol"),
        ({"kind": "rename_symbol", "symbol": "m.old", "to": "a.b"}, "to"),
        ({"kind": "rename_symbol", "symbol": "m.old", "to": "class"}, "to"),
        ({"kind": "rename_symbol", "symbol": "m.old"}, "to"),
        ({"kind": "format", "paths": ["../a.py"]}, "0"),
        ({"kind": "format", "paths": ["a.sh"]}, "0"),
        ({"kind": "add_import", "path": "a.py", "module": "os; x"}, "module"),
        ({"kind": "add_import", "path": "/a.py", "module": "os"}, "path"),
        ({"kind": "format", "colour": "red"}, "colour"),
    ],
)
def test_a_wrong_field_of_a_recipe_is_named(recipe: object, field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        _request(recipe)

    place = refused.value.errors()[0]["loc"]
    assert place[:2] == ("context", "recipe")
    assert str(place[-1]) == field


def test_two_recipes_are_two_requests() -> None:
    first, second = (_request(read_recipe(f"rename_symbol:a.b={to}")) for to in ("c", "d"))

    assert first.fingerprint != second.fingerprint
    assert ChangeRequest(repo="/x", description="y").recipe is None


def test_the_schema_says_which_kinds_there_are() -> None:
    kinds = schema_of("Recipe")["discriminator"]["mapping"]

    assert set(kinds) == {"rename_symbol", "remove_unused_imports", "add_import", "format"}
