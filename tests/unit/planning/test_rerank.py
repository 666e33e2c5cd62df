"""Places put in order by a model."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from selfheal.errors import InvalidAnswer
from selfheal.llm.model import Answer, Question
from selfheal.planning.rerank import reranked
from selfheal.retrieval.locate import Located, LocatedFile, LocatedFunction

FOUND = Located(
    tuple(LocatedFile(f"{name}.py", 1.0, "words") for name in "abc"),
    tuple(LocatedFunction("a.py", name, 1.0, "words") for name in ("f", "g")),
    (),
    {},
)


class Scripted:
    """Answers as it is told to."""

    def __init__(self, says: Sequence[str]) -> None:
        self._says = list(says)
        self.asked: list[Question] = []

    def ask(self, question: Question) -> Answer:
        self.asked.append(question)
        return Answer(text=self._says.pop(0), provider="p", model="m")


def says(files: Sequence[int], functions: Sequence[int] = ()) -> str:
    return json.dumps({"files": [*files], "functions": [*functions]})


def test_what_the_model_names_comes_first_and_the_rest_keeps_its_order() -> None:
    found = reranked(FOUND, "c is wrong", Scripted([says([3], [2])]))

    assert [file.path for file in found.files] == ["c.py", "a.py", "b.py"]
    assert [function.qualname for function in found.functions] == ["g", "f"]


def test_it_is_one_question_about_all_of_it() -> None:
    model = Scripted([says([1])])

    reranked(FOUND, "c is wrong", model)

    (question,) = model.asked
    assert question.purpose == "rerank"
    assert "c is wrong" in question.messages[-1].content
    assert "2. b.py" in question.messages[-1].content


def test_a_number_that_is_not_listed_goes_back_to_the_model() -> None:
    model = Scripted([says([9]), says([2])])

    found = reranked(FOUND, "b is wrong", model)

    assert found.files[0].path == "b.py"
    assert "from 1 to 3" in model.asked[1].messages[-1].content


def test_a_model_that_makes_no_sense_is_an_error() -> None:
    with pytest.raises(InvalidAnswer):
        reranked(FOUND, "x", Scripted(["never", "never", "never"]))


def test_where_nothing_was_found_nobody_is_asked() -> None:
    nothing = Located((), (), (), {})

    assert reranked(nothing, "x", Scripted([])) == nothing
