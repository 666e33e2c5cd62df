"""The patch gate: what a patch may never do, whoever wrote it (SEC-4).

Each rule is a small function that says why it refuses, or None. The rules' names are a closed set:
they are shown to people, counted in metrics and fed back to the model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from unidiff.errors import UnidiffParseError
from unidiff.patch import PatchSet

from selfheal.edits.names import NAME_RULES, NameRule, git_file
from selfheal.edits.patch import FilePatch, read_patch
from selfheal.edits.tamper import SENSITIVE, classify_path, is_test_path
from selfheal.errors import PatchRefused

FormRule = Literal["malformed", "header_mismatch", "empty", "duplicate", "binary", "too_large"]
TaskRule = Literal["outside_paths", "sensitive", "test"]
ContentRule = Literal["symlink", "gitlink", "executable", "mode", "attributes", "licence", "secret"]
Rule = FormRule | NameRule | TaskRule | ContentRule

MAX_BYTES: Final = 1 << 20
MAX_FILES: Final = 200
MAX_CHANGED_LINES: Final = 20_000
MAX_LINE_CHARACTERS: Final = 20_000

_COPYRIGHT = re.compile(
    r"SPDX-[A-Za-z-]+:|©\s*\d{4}|\bcopyright\b[\s:]*(?:\(c\)|©|\d{4}|\bby\b)", re.IGNORECASE
)
# A filter or driver is a program by another name; these few are built into git.
_DRIVER = re.compile(
    r"(?:^|\s)(?:[-!]?filter\b|(?:diff|merge)=(?!(?:union|text|binary|python)(?:\s|$))"
    r"|working-tree-encoding\b)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Policy:
    """What this one patch may do."""

    allowed_paths: Collection[str] | None
    allow_sensitive: bool
    allow_tests: bool
    find_secret: Callable[[str], str | None]


def check_patch(
    diff: str,
    *,
    allowed_paths: Collection[str] | None,
    allow_sensitive: bool,
    find_secret: Callable[[str], str | None],
    allow_tests: bool = True,
) -> None:
    """Raises PatchRefused with the rule, the path and why, unless the patch may be applied.

    `allowed_paths` are files, or folders with a slash at the end; None allows the whole tree.
    `find_secret` names the secret a text holds, or None. Sensitive paths are those of
    `tamper.SENSITIVE`.
    """
    if len(diff.encode("utf-8", "surrogateescape")) > MAX_BYTES:
        raise PatchRefused("too_large", "-", f"the patch has more than {MAX_BYTES} bytes")
    if not diff.strip():
        raise PatchRefused("empty", "-", "the patch changes no file")
    files = read_patch(diff)
    _check_extent(files)
    policy = _Policy(
        allowed_paths=allowed_paths,
        allow_sensitive=allow_sensitive,
        allow_tests=allow_tests,
        find_secret=find_secret,
    )
    for file in files:
        _check_file(file, policy)
    _check_second_reading(diff, files)


def _check_extent(files: Sequence[FilePatch]) -> None:
    seen: set[str] = set()
    for path in (path for file in files for path in file.paths):
        if path in seen:
            raise PatchRefused("duplicate", path, "the patch names this file twice")
        seen.add(path)
    if len(files) > MAX_FILES:
        raise PatchRefused(
            "too_large", "-", f"it changes {len(files)} files of {MAX_FILES} at most"
        )
    lines = [line for file in files for line in (*file.added, *file.removed)]
    if len(lines) > MAX_CHANGED_LINES:
        raise PatchRefused(
            "too_large", "-", f"it changes {len(lines)} lines of {MAX_CHANGED_LINES} at most"
        )
    if any(len(line) > MAX_LINE_CHARACTERS for line in lines):
        raise PatchRefused("too_large", "-", f"a line is over {MAX_LINE_CHARACTERS} characters")


def _check_file(file: FilePatch, policy: _Policy) -> None:
    """Attacks first, then what is merely not this task's business: the reason should say most."""
    for path in file.paths:
        _refuse_first(path, ((rule, judge(path)) for rule, judge in NAME_RULES))
    _refuse_first(file.paths[-1], ((rule, judge(file, policy)) for rule, judge in _CONTENT_RULES))
    for path in file.paths:
        _refuse_first(path, ((rule, judge(path, policy)) for rule, judge in _TASK_RULES))


def _refuse_first(path: str, judged: Iterable[tuple[Rule, str | None]]) -> None:
    for rule, why in judged:
        if why:
            raise PatchRefused(rule, path, why)


def _outside_paths(path: str, policy: _Policy) -> str | None:
    allowed = policy.allowed_paths
    if allowed is None or any(_covers(entry, path) for entry in allowed):
        return None
    return f"the task may change only {', '.join(sorted(allowed)) or 'nothing'}"


def _sensitive(path: str, policy: _Policy) -> str | None:
    kind = classify_path(path)
    if policy.allow_sensitive or kind not in SENSITIVE:
        return None
    return f"a {kind} file needs `allow_sensitive` on the ChangeRequest"


def _test(path: str, policy: _Policy) -> str | None:
    if policy.allow_tests or not is_test_path(path):
        return None
    return "this patch may not change tests"


def _symlink(file: FilePatch, _policy: _Policy) -> str | None:
    return "a symbolic link may lead anywhere" if _has_mode(file, "120000") else None


def _gitlink(file: FilePatch, _policy: _Policy) -> str | None:
    return "a submodule's commit is not a patch's to set" if _has_mode(file, "160000") else None


def _executable(file: FilePatch, _policy: _Policy) -> str | None:
    gained = {file.modes.get("new mode"), file.modes.get("new file mode")}
    return "it would become executable" if "100755" in gained else None


def _mode(file: FilePatch, _policy: _Policy) -> str | None:
    unknown = set(file.modes.values()) - {"100644", "100755"}
    return f"mode {min(unknown)} is none of a regular file" if unknown else None


def _attributes(file: FilePatch, _policy: _Policy) -> str | None:
    if not any(git_file(path) == "attributes" for path in file.paths):
        return None
    drivers = [line.strip() for line in file.added if _DRIVER.search(line)]
    return f"{drivers[0]!r} chooses a program that git runs" if drivers else None


def _licence(file: FilePatch, _policy: _Policy) -> str | None:
    if file.new_path is None:
        # A deleted file takes its header with it; a licence text itself stays.
        return "licences stay" if classify_path(file.paths[0]) == "licence" else None
    kept = {line.strip() for line in file.added}
    lost = [line for line in file.removed if _COPYRIGHT.search(line) and line.strip() not in kept]
    return f"it removes or alters {lost[0].strip()!r}" if lost else None


def _secret(file: FilePatch, policy: _Policy) -> str | None:
    present = set(file.removed)
    found = policy.find_secret("\n".join(line for line in file.added if line not in present))
    return f"its added lines hold a secret ({found})" if found else None


_TASK_RULES: Final[tuple[tuple[TaskRule, Callable[[str, _Policy], str | None]], ...]] = (
    ("outside_paths", _outside_paths),
    ("sensitive", _sensitive),
    ("test", _test),
)
_CONTENT_RULES: Final[
    tuple[tuple[ContentRule, Callable[[FilePatch, _Policy], str | None]], ...]
] = (
    ("symlink", _symlink),
    ("gitlink", _gitlink),
    ("executable", _executable),
    ("mode", _mode),
    ("attributes", _attributes),
    ("licence", _licence),
    ("secret", _secret),
)


def _check_second_reading(diff: str, files: Sequence[FilePatch]) -> None:
    """unidiff, a reader of other hands, must find the same changes."""
    try:
        second = PatchSet.from_string(diff)
    except UnidiffParseError as error:
        raise PatchRefused("malformed", "-", f"unidiff cannot read it: {error}") from error
    found = (second.added, second.removed)
    expected = (sum(len(file.added) for file in files), sum(len(file.removed) for file in files))
    if found != expected:
        raise PatchRefused(
            "malformed", "-", f"two readers count {expected} and {found} added and removed lines"
        )


def _has_mode(file: FilePatch, mode: str) -> bool:
    return mode in file.modes.values()


def _covers(allowed: str, path: str) -> bool:
    return path.startswith(allowed) if allowed.endswith("/") else path == allowed
