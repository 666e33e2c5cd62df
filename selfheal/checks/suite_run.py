"""What one run of a test suite showed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from selfheal.checks.outcomes import FAILING, PASSING, Failure, Outcome, failing
from selfheal.contracts.run_report import SuiteEvidence
from selfheal.sandbox.jail import Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteRun:
    """Outcomes by node id; a file that could not be collected is there under its path.

    `durations` are seconds by node id, `seconds` is the whole run, processes included. `struck` is
    the limit that ended it before its time; then `running` is what was running. `collected` counts
    tests, `fast` are those marked so. `output` is the end of what was printed. `notes` says what
    was not run as asked.
    """

    outcomes: Mapping[str, Outcome]
    failures: Mapping[str, Failure] = field(default_factory=dict)
    durations: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    exit_code: int = 0
    struck: Limit | None = None
    running: str = ""
    command: str = ""
    output: str = ""
    collected: int = 0
    fast: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def failing(self) -> tuple[str, ...]:
        """Ids that failed or could not be run, sorted."""
        return failing(self.outcomes)

    def evidence(self, sha: str) -> SuiteEvidence:
        """This run as the evidence of a report, said about a commit."""
        outcomes = tuple(self.outcomes.values())
        return SuiteEvidence(
            commit_sha=sha,
            command=self.command,
            passed=sum(outcome in PASSING for outcome in outcomes),
            failed=sum(outcome in FAILING for outcome in outcomes),
            skipped=sum(outcome in ("skipped", "xfailed") for outcome in outcomes),
            failing=self.failing,
            seconds=round(self.seconds, 3),
        )
