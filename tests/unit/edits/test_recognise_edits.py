from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.edits.blocks import Replace
from selfheal.edits.recognise import read_edits
from selfheal.edits.whole_file import WholeFile
from selfheal.errors import InvalidEdit

BLOCK = "<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n"
REPLACED = Replace("app.py", ("old",), ("new",))


@pytest.mark.parametrize(
    "answer",
    [
        f"app.py\n{BLOCK}",
        f"app.py\n```python\n{BLOCK}```\n",
        f"```python\napp.py\n{BLOCK}```\n",
        f"```python app.py\n{BLOCK}```\n",
        f"```python:app.py\n{BLOCK}```\n",
        f"Sure, here is the fix:\n\n**app.py**\n\n```\n{BLOCK}```\n\nThat should do.\n",
        f"### `app.py`\n{BLOCK}",
        f"1. `app.py`:\n{BLOCK}",
        f"File: app.py\n~~~\n{BLOCK}~~~\n",
        f"./app.py\n{BLOCK}",
        f"app.py\n{BLOCK}".replace("\n", "\r\n"),
        f"app.py\n{BLOCK}".rstrip("\n"),
        "app.py\n<<<<<< SEARCH\nold\n========\nnew\n>>>>>> REPLACE\n",
        f"An example:\n```\nfoo.txt\n```\nand now\n\napp.py\n{BLOCK}",
    ],
)
def test_a_block_is_recognised_however_it_is_wrapped(answer: str) -> None:
    assert read_edits(answer) == (REPLACED,)


@pytest.mark.parametrize(
    "answer",
    [
        "app.py\n```python\nx = 1\n```\n",
        "The file:\n\n**app.py**\n\n```py\nx = 1\n```\nDone.\n",
        "```python app.py\nx = 1\n```\n",
        '```python title="app.py"\nx = 1\n```\n',
        "`app.py`\n~~~~\nx = 1\n~~~~\n",
        "Run this:\n```sh\npytest app.py\n```\n\napp.py\n```\nx = 1\n```\n",
    ],
)
def test_a_whole_file_is_recognised_however_it_is_wrapped(answer: str) -> None:
    assert read_edits(answer) == (WholeFile("app.py", ("x = 1",)),)


def test_blocks_share_the_path_above_them_and_forms_may_be_mixed() -> None:
    answer = f"app.py\n```\n{BLOCK}\n{BLOCK}```\nand a new file\n\nlib/new.py\n```\ny = 2\n\n```\n"

    assert read_edits(answer) == (REPLACED, REPLACED, WholeFile("lib/new.py", ("y = 2", "")))


def test_a_fence_inside_a_whole_file_belongs_to_the_file() -> None:
    readme = "# App\n\n```python\nimport app\n```\n\nEnd"

    assert read_edits(f"README.md\n```markdown\n{readme}\n```\n") == (
        WholeFile("README.md", tuple(readme.split("\n"))),
    )
    assert read_edits(f"README.md\n````\n{readme}\n```\n````\n") == (
        WholeFile("README.md", (*readme.split("\n"), "```")),
    )


def test_an_empty_search_or_replace_part_is_kept_empty() -> None:
    created = "a.py\n<<<<<<< SEARCH\n=======\nnew\n>>>>>>> REPLACE\n"
    removed = "a.py\n<<<<<<< SEARCH\nold\n=======\n>>>>>>> REPLACE\n"

    assert read_edits(created + removed) == (
        Replace("a.py", (), ("new",)),
        Replace("a.py", ("old",), ()),
    )


def test_a_known_name_without_a_dot_is_a_path_but_a_word_of_prose_is_not() -> None:
    assert read_edits("Makefile\n```\nall:\n```\n") == (WholeFile("Makefile", ("all:",)),)
    assert read_edits("`Containerfile`\n```\nx\n```\n") == (WholeFile("Containerfile", ("x",)),)
    for prose in ("Example:", "Finally", "Done.", "...", "see app.py for more"):
        with pytest.raises(InvalidEdit, match="holds no edit"):
            read_edits(f"{prose}\n```\nx = 1\n```\n")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("", "the answer holds no edit: expected search/replace blocks"),
        ("I would change the loop.", "or a line with the path and then one fence"),
        (BLOCK, "does not say which file it is for"),
        ("app.py\n<<<<<<< SEARCH\nold\n=======\nnew\n", "no `>>>>>>> REPLACE`: the answer was cut"),
        ("app.py\n<<<<<<< SEARCH\nold\n>>>>>>> REPLACE\n", "must have one line `=======`, found 0"),
        (
            "a.rst\n<<<<<<< SEARCH\nTitle\n=======\n=======\nx\n>>>>>>> REPLACE\n",
            "found 2; for a file that has such lines send the whole file",
        ),
        ("a.py\n<<<<<<< SEARCH\nx\n" + BLOCK, "before the next `<<<<<<< SEARCH`"),
        ("app.py\n```python\nx = 1\n", "is never closed: the answer was cut"),
    ],
)
def test_a_torn_answer_says_what_was_expected(answer: str, message: str) -> None:
    with pytest.raises(InvalidEdit) as refusal:
        read_edits(answer)

    assert message in str(refusal.value)


@given(st.text(alphabet="ab.py/`~<>= \n\r#*SEARCHREPLACE", max_size=200))
def test_any_answer_is_read_or_refused_with_a_reason(answer: str) -> None:
    try:
        assert read_edits(answer)
    except InvalidEdit as refusal:
        assert str(refusal)


code_lines = st.lists(st.sampled_from(["x = 1", "", "    y", "# z", "```", "a.py"]), max_size=6)


@given(old=code_lines, new=code_lines, fenced=st.booleans())
def test_what_stands_in_a_block_is_read_to_the_letter(
    old: list[str], new: list[str], fenced: bool
) -> None:
    body = ["<<<<<<< SEARCH", *old, "=======", *new, ">>>>>>> REPLACE"]
    answer = ["pkg/a.py", *(["```python", *body, "```"] if fenced else body)]

    assert read_edits("\n".join(answer)) == (Replace("pkg/a.py", tuple(old), tuple(new)),)
