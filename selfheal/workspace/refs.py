"""Refs of the origin repository, moved by compare-and-swap only.

selfheal writes to three kinds of ref and to no other; the target branch is none of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from selfheal.errors import Fenced, GitFailed, Refused
from selfheal.workspace.git import NETWORK_SECONDS, checked_sha
from selfheal.workspace.mirror import Mirror

ATTEMPTS: Final = "refs/selfheal/attempts/"
TASK_BRANCHES: Final = "refs/heads/agt/"
RESULT_BRANCHES: Final = "refs/heads/selfheal/"

_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_WRITABLE = re.compile(
    rf"(?:{ATTEMPTS}{_ID}/\d+|{TASK_BRANCHES}{_ID}|{RESULT_BRANCHES}{_ID})(?<!\.lock)(?<!\.)\Z"
)
_PREFIX = re.compile(r"refs/(?:heads|selfheal)/[A-Za-z0-9._/-]*\Z")


def attempt_ref(task_id: str, token: int) -> str:
    """The ref of one attempt's own: nobody else writes to it."""
    return f"{ATTEMPTS}{task_id}/{token}"


def task_ref(task_id: str) -> str:
    """The branch `agt/<task_id>`: points at the accepted attempt."""
    return f"{TASK_BRANCHES}{task_id}"


def result_ref(request_id: str) -> str:
    """The branch `selfheal/<request_id>`: what a ChangeRequest came to."""
    return f"{RESULT_BRANCHES}{request_id}"


class Refs:
    """The refs of a mirror's origin that selfheal may write."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror

    def push(self, sha: str, ref: str, *, expect: str | None) -> None:
        """Points the origin's ref at the commit if it is at `expect`; None: if it does not exist.

        Pushing again what is already there is a success, so a push whose answer was lost may be
        repeated. Raises Fenced when the ref is anywhere else, Refused for a ref that is not ours
        to write, GitFailed when the origin refuses or does not answer.
        """
        self._swap(f"{checked_sha(sha)}:{_writable(ref)}", ref, wanted=sha, expect=expect)

    def delete(self, ref: str, *, expect: str) -> None:
        """Removes the origin's ref if it is at `expect`; raises as `push` does."""
        self._swap(f":{_writable(ref)}", ref, wanted=None, expect=expect)

    def read(self, ref: str) -> str | None:
        """Where the origin's ref is now; None when it does not exist."""
        return self.list(ref).get(ref)

    def list(self, prefix: str) -> Mapping[str, str]:
        """The origin's refs that begin with this (`refs/selfheal/attempts/`), with their shas."""
        if not _PREFIX.match(prefix):
            raise Refused(f"expected a prefix below refs/heads/ or refs/selfheal/, found {prefix}")
        answer = self._mirror.git.run(
            "ls-remote",
            "--refs",
            "--quiet",
            *self._mirror.transport("upload-pack"),
            operands=(self._mirror.url, f"{prefix}*"),
            seconds=NETWORK_SECONDS,
        )
        rows = (row.split("\t") for row in answer.text.splitlines())
        # git matches the pattern against the end of a name as well.
        return {name: sha for sha, name in rows if name.startswith(prefix)}

    def _swap(self, refspec: str, ref: str, *, wanted: str | None, expect: str | None) -> None:
        expected = checked_sha(expect) if expect else ""
        try:
            self._mirror.git.run(
                "push",
                "--porcelain",
                "--no-verify",
                "--no-follow-tags",
                f"--force-with-lease={ref}:{expected}",
                *self._mirror.transport("receive-pack"),
                operands=(self._mirror.url, refspec),
                seconds=NETWORK_SECONDS,
            )
        except GitFailed as error:
            # Judged by where the ref is now: the words of a refusal differ between servers.
            found = self.read(ref)
            if found == wanted:
                return
            if found != expect:
                raise Fenced(
                    f"{ref} was expected at {expect or 'no commit'}, but is at "
                    f"{found or 'no commit'}: another attempt has moved it"
                ) from error
            raise


def _writable(ref: str) -> str:
    if not _WRITABLE.match(ref) or ".." in ref:
        raise Refused(
            f"{ref} is not for selfheal to write; it writes to {ATTEMPTS}, {TASK_BRANCHES} and "
            f"{RESULT_BRANCHES} only, never to the target branch"
        )
    return ref
