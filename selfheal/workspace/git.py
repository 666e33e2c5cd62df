"""The one place that runs git, with everything a repository could turn against us switched off.

GitPython's command driver starts the process; its object layer is not used, because its option
guards are deny-lists with a run of advisories. What the safety rests on is here: git dir and work
tree are always named, so a replaced `.git` is never looked at; hooks, fsmonitor, external
protocols, prompts, system and user configuration are off; the environment is built up from
nothing, so neither keys of the farm nor `GIT_*` of the caller reach git.

Needs git >= 2.38 (`safe.directory` from the command line, `merge-tree --write-tree`).
"""

from __future__ import annotations

import math
import os
import re
import signal
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from selfheal.errors import EnvironmentUnusable, GitFailed, InvalidInput, TimedOut
from selfheal.redaction import Redactor

if TYPE_CHECKING:
    from git.cmd import Git as Driver

    Process = Driver.AutoInterrupt

READ_SECONDS: Final = 60.0
NETWORK_SECONDS: Final = 600.0

# At the limit git gets SIGTERM, on which it removes its lock files; SIGKILL comes this much later.
_GRACE_SECONDS = 5

_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")

_CONFIG: Mapping[str, str] = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.attributesFile": "/dev/null",
    "core.splitIndex": "false",
    "credential.helper": "",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "push.recurseSubmodules": "no",
    "diff.ignoreSubmodules": "all",
    "commit.gpgSign": "false",
    "log.showSignature": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
}

_ENVIRONMENT: Mapping[str, str] = {
    "LANGUAGE": "C",
    "LC_ALL": "C",
    "HOME": "/dev/null",
    "XDG_CONFIG_HOME": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "GIT_ALLOW_PROTOCOL": "file:https:ssh",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_HTTP_LOW_SPEED_LIMIT": "1000",
    "GIT_HTTP_LOW_SPEED_TIME": "60",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=15",
}

# What of the caller's environment git may see: how to find programs, certificates and the way out.
_INHERITED = frozenset(
    {"PATH", "TMPDIR", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"}
    | {"http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"}
)

# git asks the helper on its standard input; the answer comes from the environment of this one call.
_CREDENTIAL_HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n"'
    ' "$SELFHEAL_GIT_USERNAME" "$SELFHEAL_GIT_PASSWORD"; }; f'
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a commit names as its author or committer."""

    name: str
    email: str

    def __post_init__(self) -> None:
        if not self.name.strip() or re.search(r"[<>\n\0]", self.name + self.email):
            raise InvalidInput(
                f"expected a name and an e-mail address without <, > or line breaks, found "
                f"{self.name!r} and {self.email!r}: correct the author in the settings"
            )


@dataclass(frozen=True, slots=True)
class Credential:
    """User name and password (or token) for one origin such as `https://example.org`."""

    origin: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Output:
    """What one git command answered."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """Standard output as text; bytes that are no UTF-8 survive as surrogates."""
        return os.fsdecode(self.stdout)

    @property
    def line(self) -> str:
        return self.text.rstrip("\n")

    @property
    def records(self) -> tuple[str, ...]:
        """The NUL-ended records of a `-z` answer."""
        return tuple(self.text.split("\0")[:-1])


class Git:
    """Runs git on one git dir and, where given, one work tree."""

    def __init__(
        self,
        git_dir: Path,
        work_tree: Path | None = None,
        *,
        credential: Credential | None = None,
        config: Mapping[str, str] | None = None,
        redactor: Redactor | None = None,
    ) -> None:
        self.git_dir = git_dir
        self.work_tree = work_tree
        self._credential = credential
        self._config = {**_CONFIG, **(config or {})}
        if credential:
            self._config[f"credential.{credential.origin}.helper"] = _CREDENTIAL_HELPER
        secrets = [("git-password", credential.password)] if credential else []
        self.redactor = (redactor or Redactor()).knowing(secrets)

    def run(
        self,
        command: str,
        *options: str,
        operands: Sequence[str] = (),
        paths: Sequence[str] | None = None,
        stdin: bytes = b"",
        accept: Collection[int] = (0,),
        seconds: float = READ_SECONDS,
        environment: Mapping[str, str] | None = None,
        keep_open: Sequence[int] = (),
    ) -> Output:
        """The answer of one git command.

        `options` are ours and fixed; everything that came from outside goes into `operands`, which
        cannot begin with a dash, or into `paths`, which follow `--` and are taken literally.
        `keep_open` are file descriptors git inherits. Raises GitFailed on an exit code that is not
        in `accept`, TimedOut after `seconds`.
        """
        tail = [*options, *map(_operand, operands)]
        if paths is not None:
            tail += ["--", *paths]
        process = _start(
            [*self._globals(), command, *tail],
            folder=self.work_tree or self.git_dir,
            environment=self._environment(environment or {}),
            seconds=seconds,
            keep_open=keep_open,
        )
        output = _finish(process, stdin=stdin, seconds=seconds, shown=f"git {command}")
        if output.code not in accept:
            shown = " ".join(["git", command, *(word for word in tail if word[:1] != "-")])
            raise GitFailed(self.redactor.redact(shown), self._message(output))
        return output

    def text(
        self,
        command: str,
        *options: str,
        operands: Sequence[str] = (),
        paths: Sequence[str] | None = None,
    ) -> str:
        """The one line a plumbing command answers."""
        return self.run(command, *options, operands=operands, paths=paths).line

    def commit_tree(
        self,
        tree: str,
        *,
        parents: Sequence[str],
        message: str,
        environment: Mapping[str, str],
    ) -> str:
        """A commit of this tree; gives its sha. No secret goes into the message."""
        said = self.redactor.redact(message)
        return self.run(
            "commit-tree",
            *(word for parent in parents for word in ("-p", parent)),
            "-F",
            "-",
            tree,
            stdin=said.encode("utf-8", "surrogateescape"),
            environment=environment,
        ).line

    def _globals(self) -> list[str]:
        work_tree = [f"--work-tree={self.work_tree}"] if self.work_tree else []
        return ["git", f"--git-dir={self.git_dir}", *work_tree, "--no-pager"]

    def _environment(self, further: Mapping[str, str]) -> dict[str, str]:
        built = {**_ENVIRONMENT, "PATH": _absolute_search_path()}
        if self._credential:
            built["SELFHEAL_GIT_USERNAME"] = self._credential.username
            built["SELFHEAL_GIT_PASSWORD"] = self._credential.password
        # Not by `-c`, which would end the name of a setting at its first equals sign.
        built["GIT_CONFIG_COUNT"] = str(len(self._config))
        for number, (name, value) in enumerate(self._config.items()):
            built |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
        return {**built, **further}

    def _message(self, output: Output) -> str:
        said = output.stderr.strip() or output.text.strip() or f"exit code {output.code}"
        return self.redactor.redact(said)[-4000:]


def is_sha(text: str) -> bool:
    """Whether the text is the full lower-case name of an object."""
    return bool(_SHA.match(text))


def checked_sha(text: str) -> str:
    """The text itself; raises InvalidInput unless it is a full object name."""
    if not is_sha(text):
        raise InvalidInput(f"expected a full commit sha (40 hexadecimal digits), found {text!r}")
    return text


def git_version() -> tuple[int, ...]:
    """The version of the git program; raises EnvironmentUnusable when there is none."""
    process = _start(
        ["git", "version"], folder=Path("/"), environment=_ENVIRONMENT, seconds=READ_SECONDS
    )
    output = _finish(process, stdin=b"", seconds=READ_SECONDS, shown="git version")
    found = re.search(r"\d+(?:\.\d+)+", output.text)
    if found is None:
        raise EnvironmentUnusable(f"`git version` answered {output.text!r}: install git >= 2.38")
    return tuple(int(part) for part in found[0].split("."))


def _operand(text: str) -> str:
    if text.startswith("-") or "\0" in text or "\n" in text:
        raise InvalidInput(f"{text!r} cannot be given to git: it would be read as an option")
    return text


def _wrapper(environment: Mapping[str, str], *, seconds: float) -> list[str]:
    """`env` drops what is inherited; `timeout` ends git even when this process was killed."""
    foreign = sorted(os.environ.keys() - _INHERITED - environment.keys())
    dropped = [word for name in foreign for word in ("-u", name)]
    return ["env", *dropped, "timeout", "-k", str(_GRACE_SECONDS), f"{seconds:g}"]


def _absolute_search_path() -> str:
    """PATH without relative entries: with them a work tree could offer its own `ssh`."""
    entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(entry for entry in entries if entry.startswith("/"))


def _driver(folder: Path) -> Driver:
    try:
        # Not at the top of the module: importing GitPython runs `git version`.
        from git.cmd import Git as Driver
    except ImportError as error:
        raise EnvironmentUnusable("git is not on PATH: install git >= 2.38") from error
    return Driver(str(folder))


def _start(
    command: list[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
    keep_open: Sequence[int] = (),
) -> Process:
    return _driver(folder).execute(
        [*_wrapper(environment, seconds=seconds), *command],
        istream=subprocess.PIPE,
        as_process=True,
        env=environment,
        start_new_session=True,
        pass_fds=tuple(keep_open),
    )


def _finish(started: Process, *, stdin: bytes, seconds: float, shown: str) -> Output:
    process = started.proc
    assert process is not None
    began = time.monotonic()
    try:
        stdout, stderr = process.communicate(stdin, timeout=math.ceil(seconds) + 2 * _GRACE_SECONDS)
    except BaseException as error:
        # Also on an interrupt: nothing that was started here may outlive the call.
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise TimedOut(f"{shown} did not end within {seconds:g} s") from error
        raise
    killed = process.returncode == 137 and time.monotonic() - began >= seconds
    if process.returncode == 124 or killed:
        raise TimedOut(f"{shown} did not end within {seconds:g} s")
    return Output(process.returncode, stdout, stderr.decode("utf-8", "replace"))
