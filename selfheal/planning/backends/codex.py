"""The backend `codex`: the external Codex CLI, run as `codex exec` without leave to write.

What is relied on is documented (developers.openai.com/codex/noninteractive): the prompt on standard
input for `-`, `--output-schema`, `--output-last-message`, `--sandbox`, `--json`, `--profile`.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from selfheal.contracts.planning_answer import PLANNING_OUTPUT_SCHEMA
from selfheal.errors import EnvironmentUnusable, InvalidAnswer, InvalidSettings
from selfheal.planning.backends.backend import Ask, Reply, wrong
from selfheal.planning.backends.program import Ended, Program

INHERITED: Final = frozenset(
    {"PATH", "HOME", "CODEX_HOME", "TMPDIR", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR"}
    | {"http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"}
)
"""What of our environment codex sees: where programs are, its login, the way out."""

ANSWER_BYTES: Final = 1 << 20
_SHOWN_STDERR = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Codex:
    """Runs `codex exec` in the working directory; its sandbox is read-only, said explicitly.

    `redact` is applied to what is handed over and to what comes back. The program also reads the
    working directory by itself, and sends what it reads to its own endpoint.
    """

    binary: str = "codex"
    profile: str = ""
    schema_path: Path | None = None
    extra_env: Mapping[str, str] = field(default_factory=dict, repr=False)
    seconds: float = 300.0
    redact: Callable[[str], str] = str

    name = "codex"

    def ask(self, ask: Ask) -> Reply:
        """The final message, from its own file: intermediate ones keep to the schema as well.

        Raises EnvironmentUnusable without the program, InvalidSettings for a schema that cannot be
        read, TimedOut, and InvalidAnswer when it ends without an answer, whatever its status.
        """
        binary = _found(self.binary)
        with tempfile.TemporaryDirectory(prefix="selfheal-codex-") as folder, _empty() as stdin:
            answer = Path(folder, "answer")
            command = self._command(binary, schema=self._schema(Path(folder)), answer=answer)
            stdin.write(self.redact(_instructions(ask)).encode("utf-8", "replace"))
            stdin.seek(0)
            program = Program(
                command=command,
                stdin=stdin,
                environment=self._environment(),
                folder=ask.working_dir,
            )
            ended = program.run(seconds=self.seconds, check=ask.check)
            stderr = self.redact(ended.stderr)
            return Reply(
                text=self.redact(_said(answer, ended, stderr)), command=command, stderr=stderr
            )

    def _command(self, binary: str, *, schema: Path, answer: Path) -> tuple[str, ...]:
        profile = ("--profile", self.profile) if self.profile else ()
        return (
            *(binary, "exec", "--json", "--sandbox", "read-only", *profile),
            *("--output-schema", str(schema), "--output-last-message", str(answer), "-"),
        )

    def _schema(self, folder: Path) -> Path:
        if self.schema_path is None:
            ours = folder / "schema.json"
            ours.write_text(json.dumps(PLANNING_OUTPUT_SCHEMA), encoding="utf-8")
            return ours
        try:
            given = json.loads(self.schema_path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidSettings(f"evolution.schema_path: {error}") from error
        if not isinstance(given, dict):
            raise InvalidSettings(f"evolution.schema_path: {self.schema_path} holds no JSON object")
        return self.schema_path.absolute()

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name in INHERITED}
        return {**inherited, "PATH": _search_path(), **self.extra_env}


def _instructions(ask: Ask) -> str:
    """The prompt; each try is a new session, so it is told what was wrong with the last one."""
    if not ask.faults:
        return ask.prompt.text
    last = ask.faults[-1]
    said = f"\n\nThis was answered before:\n{last.said}" if last.said else ""
    return f"{ask.prompt.text}{said}\n\n{wrong(last)}"


def _said(answer: Path, ended: Ended, stderr: str) -> str:
    """What is in the file for the final message, if the program says that it succeeded."""
    if ended.status == 0 and answer.is_file():
        with answer.open("rb") as file:
            text = file.read(ANSWER_BYTES).decode("utf-8", "replace")
        if text.strip():
            return text
    last = stderr.strip()[-_SHOWN_STDERR:] or "it said nothing on stderr"
    raise InvalidAnswer("empty", f"it ended with status {ended.status} and no answer: {last}")


def _empty() -> tempfile._TemporaryFileWrapper[bytes]:
    """A file and no pipe: a program that does not read its standard input cannot stop us."""
    return tempfile.NamedTemporaryFile(prefix="selfheal-codex-")


def _found(binary: str) -> str:
    found = shutil.which(binary, path=_search_path())
    if found is None:
        raise EnvironmentUnusable(
            f"there is no program {binary}: install the Codex CLI, name it in "
            "WORKER_PLANNING_CODEX_BIN, or choose the backend openai"
        )
    return str(Path(found).absolute())


def _search_path() -> str:
    """PATH without relative entries: through them a target could offer a codex of its own."""
    entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(entry for entry in entries if entry.startswith("/"))
