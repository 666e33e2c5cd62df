"""What kind of file a path is, judged by its name: what the gate guards and a verdict weighs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal

PathClass = Literal[
    "source", "test", "test_config", "ci", "hook", "packaging", "lock", "licence", "docs"
]

# A change to one of these decides what runs on other people's machines, or what counts as green.
SENSITIVE: Final[frozenset[PathClass]] = frozenset(
    {"ci", "hook", "packaging", "test_config", "lock"}
)


def _names(*patterns: str) -> re.Pattern[str]:
    """Matches a whole lower-case path; `**/` stands for any folder, `*` stays in one."""
    translated = (
        re.escape(pattern)
        .replace(r"\*\*/", "(?:.*/)?")
        .replace(r"\*\*", ".*")
        .replace(r"\*", "[^/]*")
        for pattern in patterns
    )
    return re.compile(rf"(?:{'|'.join(translated)})\Z", re.DOTALL)


# The first class that fits is the path's: a workflow below docs/ is still CI.
_CLASSES: Final[tuple[tuple[PathClass, re.Pattern[str]], ...]] = (
    (
        "ci",
        _names(
            "**/.github/**",
            "**/.gitlab/**",
            "**/.circleci/**",
            "**/.buildkite/**",
            "**/.ci/**",
            "**/.gitlab-ci.yml",
            "**/.travis.yml",
            "**/azure-pipelines*.yml",
            "**/appveyor.yml",
            "**/.drone.yml",
            "**/.woodpecker*",
            "**/.woodpecker/**",
            "**/bitbucket-pipelines.yml",
            "**/jenkinsfile*",
            "**/.cirrus.yml",
            "**/.forgejo/**",
            "**/.gitea/**",
        ),
    ),
    (
        "hook",
        # Beside git's hooks: what Python itself runs at every start.
        _names(
            "**/.pre-commit-config.y*ml",
            "**/.husky/**",
            "**/.githooks/**",
            "**/lefthook.y*ml",
            "**/sitecustomize.py",
            "**/usercustomize.py",
            "**/*.pth",
            "**/.envrc",
        ),
    ),
    (
        "lock",
        _names(
            "**/*.lock",
            "**/package-lock.json",
            "**/npm-shrinkwrap.json",
            "**/pnpm-lock.yaml",
            "**/go.sum",
            "**/conda-lock.y*ml",
            "**/pylock*.toml",
        ),
    ),
    (
        "test_config",
        _names(
            "**/conftest.py",
            "**/pytest.ini",
            "**/.pytest.ini",
            "**/pytest.toml",
            "**/tox.ini",
            "**/tox.toml",
            "**/noxfile.py",
            "**/.coveragerc",
            "**/.selfheal.toml",
            "**/mypy.ini",
            "**/.mypy.ini",
            "**/ruff.toml",
            "**/.ruff.toml",
            "**/.flake8",
            "**/.pylintrc",
        ),
    ),
    (
        "packaging",
        _names(
            "**/pyproject.toml",
            "**/setup.py",
            "**/setup.cfg",
            "**/manifest.in",
            "**/pipfile",
            "**/requirements*.txt",
            "**/requirements/*.txt",
            "**/requirements*.in",
            "**/constraints*.txt",
            "**/environment.y*ml",
            "**/package.json",
            "**/cargo.toml",
            "**/go.mod",
            "**/dockerfile*",
            "**/*.dockerfile",
            "**/docker-compose*.y*ml",
            "**/compose*.y*ml",
            "**/procfile",
            "**/makefile",
            "**/justfile",
            "**/.npmrc",
            "**/pip.conf",
            "**/hatch_build.py",
        ),
    ),
    ("licence", _names("**/licence*", "**/license*", "**/copying*", "**/notice*")),
    (
        "test",
        _names("**/tests/**", "**/test/**", "**/test_*.py", "**/*_test.py", "**/tests.py"),
    ),
    (
        "docs",
        _names("**/docs/**", "**/doc/**", "**/*.md", "**/*.rst", "**/changelog*", "**/readme*"),
    ),
)


def classify_path(path: str) -> PathClass:
    """The class of a path; letter case does not matter."""
    lowered = path.lower()
    return next((name for name, pattern in _CLASSES if pattern.match(lowered)), "source")


def classify_paths(paths: Iterable[str]) -> Mapping[PathClass, tuple[str, ...]]:
    """The paths by class, in their order; a class without paths is left out."""
    found: dict[PathClass, tuple[str, ...]] = {}
    for path in paths:
        name = classify_path(path)
        found[name] = (*found.get(name, ()), path)
    return found


def is_test_path(path: str) -> bool:
    """Whether the file is a test or steers the tests from among them (`conftest.py`)."""
    return classify_path(path) == "test" or path.lower().rpartition("/")[2] == "conftest.py"
