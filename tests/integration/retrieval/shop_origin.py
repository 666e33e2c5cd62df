"""A small shop in a bare repository."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

FILES: Mapping[str, str] = {
    "shop/__init__.py": "from shop.cart import Cart\n",
    "shop/cart.py": (
        "from shop.tax import rate_of\n\n\nclass Cart:\n"
        '    def total(self):\n        """The price of all."""\n'
        "        return cheapest_price(self.prices) * rate_of(self.country)\n\n\n"
        "def cheapest_price(prices):\n"
        '    if not prices:\n        raise ValueError(f"no price for {prices!r} in this cart")\n'
        "    return min(prices)\n"
    ),
    "shop/tax.py": (
        "LOWEST_RATE = 7\n\n\ndef rate_of(country):\n    return TABLE.get(country, LOWEST_RATE)\n"
    ),
    "shop/orders.py": "class Order:\n    def send(self, customer):\n        return customer\n",
    "docs/conf.py": "project = 'cheapest price'\n",
    "tests/test_cart.py": (
        "from shop import cart\n\n\ndef test_cheapest_price_of_nothing():\n"
        "    assert cart.cheapest_price([]) == 0\n"
    ),
    "web/app.js": "function renderCheapest(prices) {\n  return prices\n}\n",
    "README.md": "cheapest price of all\n",
    "logo.png": "\0\1",
}


class Shop:
    """The repository, made with the plain git program; `folder` has no checkout."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "shop.git"
        self._work = folder / "work"
        self._work.mkdir()
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.folder))
        self.head = self.commit(FILES)

    def commit(self, files: Mapping[str, str], message: str = "change") -> str:
        """A commit with these files changed; gives its sha."""
        for name, text in files.items():
            path = self._work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        tree = (f"--git-dir={self.folder}", f"--work-tree={self._work}")
        self.git(*tree, "add", "--all")
        self.git(*tree, "-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", message)
        return self.git(*tree, "rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        environment = {"PATH": os.environ["PATH"], "HOME": "/dev/null", "LC_ALL": "C"}
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", *arguments],
            cwd=self._work,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()
