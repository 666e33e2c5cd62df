"""What the tracer says of a library under its own tests: the truth of a benchmark."""

import json
import subprocess
import sys
from pathlib import Path

TRACED = Path(__file__).with_name("traced.py")
CART = """\
from contextlib import contextmanager

@contextmanager
def opened():
    yield 1

def total():
    with opened() as one:
        return sum(map(doubled, parts(one)))

def parts(one):
    yield one

def doubled(number):
    return number * 2

def never():
    return total()
"""


def test_calls_between_functions_of_the_library_and_its_lines_that_ran(tmp_path: Path) -> None:
    code, answer = tmp_path / "shop", tmp_path / "answer.json"
    (code / "tests").mkdir(parents=True)
    (code / "__init__.py").touch()
    (code / "cart.py").write_text(CART)
    test = "from shop.cart import total\n\ndef test_total():\n    assert total() == 2\n"
    (code / "tests" / "test_cart.py").write_text(test)

    done = subprocess.run(
        [sys.executable, TRACED, "suite", code, answer, "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stdout
    said = json.loads(answer.read_text())
    assert sorted(map(tuple, said["edges"])) == [
        ("shop.cart.total", "shop.cart.doubled"),
        ("shop.cart.total", "shop.cart.opened"),
        ("shop.cart.total", "shop.cart.parts"),
    ]
    lines = {Path(path).relative_to(code).as_posix(): ran for path, ran in said["lines"].items()}
    assert lines.keys() <= {"__init__.py", "cart.py"}
    assert CART.splitlines().index("    return total()") + 1 not in lines["cart.py"]
