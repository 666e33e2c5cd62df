"""Small repositories as users have them: a checkout with files, one commit, a branch."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SHOP = {
    "shop/__init__.py": "",
    "shop/cart.py": (
        "def total(prices: list[int]) -> int:\n    return sum(prices)\n\n\n"
        "def cheapest(prices: list[int]) -> int:\n    return min(prices)\n"
    ),
    "tests/test_cart.py": (
        "from shop.cart import cheapest, total\n\n\n"
        "def test_total():\n    assert total([1000, 500]) == 1500\n\n\n"
        "def test_of_an_empty_cart():\n    assert total([]) == 0\n\n\n"
        "def test_cheapest():\n    assert cheapest([3, 1, 2]) == 1\n"
    ),
}
"""A project whose tests pass."""

BROKEN_CART = SHOP["shop/cart.py"].replace("min(prices)", "max(prices)")
BROKEN = {**SHOP, "shop/cart.py": BROKEN_CART}
"""The same with one defect."""

BEYOND_SMALL_EDITS = {
    "roman.py": 'def roman(number: int) -> str:\n    return ""\n',
    "test_roman.py": (
        "from roman import roman\n\n\n"
        'def test_a_year():\n    assert roman(1994) == "MCMXCIV"\n\n\n'
        'def test_another():\n    assert roman(2026) == "MMXXVI"\n'
    ),
}
"""What is missing is a whole algorithm."""


def hanging(mark: str) -> dict[str, str]:
    """A project with a test that never ends; while it runs, a process is called `mark`."""
    return {
        "test_wait.py": (
            "import subprocess\nimport sys\n\n\n"
            "def test_that_waits():\n"
            '    forever = [sys.executable, "-c", "import time; time.sleep(9999)"]\n'
            f'    subprocess.run([*forever, "{mark}"])\n'
        )
    }


@dataclass(frozen=True, slots=True)
class Project:
    """A user's checkout."""

    folder: Path

    def git(self, *arguments: str) -> str:
        """What git answers, with the user's own configuration out of the way."""
        who = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "User"), ("EMAIL", "user@localhost"))
        }
        answer = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env={
                **os.environ,
                **who,
                "GIT_CONFIG_GLOBAL": "/dev/null",
                "GIT_CONFIG_SYSTEM": "/dev/null",
            },
            capture_output=True,
            text=True,
            check=True,
        )
        return answer.stdout.strip()

    def write(self, files: Mapping[str, str]) -> None:
        """These files, in the checkout."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def commit(self) -> None:
        """Everything as it is, as a commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "files")

    def refs(self) -> set[str]:
        """Every ref there is."""
        return set(self.git("for-each-ref", "--format=%(refname)").splitlines())

    def state(self) -> tuple[str, ...]:
        """What a user sees of it, but for other branches: HEAD, status, differences, files."""
        files = sorted(path for path in self.folder.rglob("*") if ".git" not in path.parts)
        return (
            (self.folder / ".git" / "HEAD").read_text(),
            self.git("rev-parse", "HEAD"),
            self.git("status", "--porcelain", "--untracked-files=all", "--ignored"),
            self.git("diff", "HEAD"),
            "\n".join(map(str, files)),
        )


def make_project(folder: Path, files: Mapping[str, str]) -> Project:
    """A checkout of `main` with one commit; without files, with none."""
    folder.mkdir(parents=True)
    project = Project(folder)
    project.git("init", "--quiet", "--template=", "--initial-branch=main")
    if files:
        project.write(files)
        project.commit()
    return project
