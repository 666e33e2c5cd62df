"""Scripts as files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from selfheal.errors import InvalidInput
from selfheal.testing.faults import RateLimited
from selfheal.testing.script import Script, Step, When
from selfheal.testing.script_file import read_script

PAGE = Path(__file__).parents[3] / "docs/testing-with-models.md"


def written(folder: Path, text: str, name: str = "script.toml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    toml = """
        embeddings = 64
        [[steps]]
        when = { purpose = "plan", user = ["shop", "cart"] }
        answer = { steps = [] }
        [[steps]]
        fault = { name = "rate_limited", retry_after_ms = 20 }
        times = "any"
    """
    steps = [
        {"when": {"purpose": "plan", "user": ["shop", "cart"]}, "answer": {"steps": []}},
        {"fault": {"name": "rate_limited", "retry_after_ms": 20}, "times": "any"},
    ]
    in_json = json.dumps({"embeddings": 64, "steps": steps})

    read = read_script(written(tmp_path, toml))

    assert read == read_script(written(tmp_path, in_json, "script.json"))
    assert read == Script(
        embeddings=64,
        steps=(
            Step(when=When(purpose="plan", user=("shop", "cart")), answer={"steps": []}),
            Step(fault=RateLimited(retry_after_ms=20), times="any"),
        ),
    )


def test_an_answer_may_be_a_file_beside_the_script(tmp_path: Path) -> None:
    written(tmp_path, "the plan", "plan.txt")

    script = read_script(written(tmp_path, '[[steps]]\nanswer_file = "plan.txt"'))

    assert script.steps[0].answer == "the plan"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[steps]]", "steps.0: .*a step needs an answer or a fault"),
        ('[[steps]]\nanswer = "a"\nwhenever = {}', "steps.0.whenever: "),
        ('[[steps]]\nanswer = "a"\nwhen = { purpos = "plan" }', "steps.0.when.purpos: "),
        ('[[steps]]\nfault = "earthquake"', "steps.0.fault: .*no fault 'earthquake', but bad_json"),
        ('[[steps]]\nanswer = "a"\ntimes = 0', "steps.0.times"),
        ('[[steps]]\nfault = { name = "drop", seconds = 1 }', "steps.0.fault.*seconds"),
        ("[[steps", "is no TOML"),
        ('[[steps]]\nanswer_file = "missing.txt"', "cannot be read: .*missing.txt"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InvalidInput) as error:
        read_script(written(tmp_path, text))

    assert re.search(told, str(error.value), re.DOTALL)


def test_the_example_of_the_documentation_can_be_read(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert example

    script = read_script(written(tmp_path, example[1]))

    assert len(script.steps) == 4
