"""What kind of file a path is: what is a test, and what is seldom meant by a text."""

from __future__ import annotations

import re
from posixpath import basename
from typing import Final

from selfheal.codegraph.tests_impact import is_test_file

_CODE: Final = (
    " .py .pyx .pyi .js .jsx .mjs .cjs .ts .tsx .go .java .rs .rb .php .c .h .cc .cpp .hpp .cs .kt"
    " .scala .swift .sh .sql .html .jinja .j2 .vue"
)
CODE: Final = frozenset(_CODE.split())
"""Endings of what is looked at."""

# A `test` inside a package is what the package offers for testing, as in Django.
_TEST_FOLDER: Final = re.compile(
    r"(?:^|/)(?:tests|testsuite|__tests__)/|^(?:src/)?(?:test|testing|spec)/"
)
_SELDOM: Final = re.compile(
    r"(?:^|/)(?:docs?|documentation|examples?|galleries|tutorials?|benchmarks?|asv_bench|scripts?"
    r"|tools?|bin|release|ci|\.github|build_tools|_custom_build)/"
    r"|(?:^|/)(?:setup|noxfile|versioneer|fabfile)\.\w+$"
)
_FOREIGN: Final = re.compile(
    r"(?:^|/)(?:_?vendor(?:ed)?|third_party|thirdparty|c?extern(?:als?)?|node_modules|packages|dist"
    r"|site-packages|bundled)/"
)
_GENERATED: Final = re.compile(
    r"(?:_pb2(?:_grpc)?|\.min|(?:_|/)(?:parsetab|lextab)|(?:^|/)_version|\.generated)"
    r"\.\w+$|/_antlr/|(?:^|/)migrations/\d{4}_"
)

SELDOM, FOREIGN, GENERATED, OTHER_LANGUAGE = 0.35, 0.4, 0.2, 0.3
"""By what the score of such a file is multiplied."""

NEGLIGIBLE: Final = 0.15
"""A file of a smaller prior is not looked at: vendored code of another language is large."""


def is_code(path: str) -> bool:
    """Whether localisation looks into the file at all."""
    name = basename(path)
    return name[name.rfind(".") :] in CODE if "." in name else False


def is_test(path: str) -> bool:
    """Whether a file tests others, or only serves those that do."""
    return is_test_file(path) or bool(_TEST_FOLDER.search(path)) or basename(path) == "conftest.py"


def prior(path: str, *, main: str) -> float:
    """How likely a file is meant where nothing else is known, 1 for ordinary source.

    `main` is the ending most files of the repository have.
    """
    share = 1.0 if path.endswith(main) else OTHER_LANGUAGE
    for pattern, factor in ((_SELDOM, SELDOM), (_FOREIGN, FOREIGN), (_GENERATED, GENERATED)):
        if pattern.search(path):
            share *= factor
    return share
