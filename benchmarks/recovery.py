"""How much longer a run takes when a process is killed, at every boundary between stages.

    python benchmarks/recovery.py [--stages code-drafted land-built ...] [--json]

A farm of its own with the settings as they are shipped heals a small project with one defect: for
each boundary once undisturbed, once with SIGKILL to the working child, once with SIGKILL to the
whole worker, one after the other, so that a busy machine slows all three alike. Seconds are from
acceptance to the end, by the database's clock. The goal is at most 15 s of extra time per kill.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from selfheal.settings import Settings

# The harness is the tests': what they strike and what is measured here must not differ.
sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.faults.harness import BOUNDARIES, Arena, Blow, Boundary, arena
from tests.faults.project import plant

GOAL_SECONDS = 15.0
BROKEN = ("shop/stock.py",)


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds from acceptance to the end: left alone, child killed, whole worker killed."""

    boundary: str
    undisturbed: float
    child: float
    worker: float

    @property
    def extra(self) -> dict[str, float]:
        """What each kill has cost."""
        return {
            f"child at {self.boundary}": self.child - self.undisturbed,
            f"worker at {self.boundary}": self.worker - self.undisturbed,
        }


def main() -> None:
    chosen = _arguments()
    boundaries = [one for one in BOUNDARIES if not chosen.stages or str(one) in chosen.stages]
    with tempfile.TemporaryDirectory(prefix="selfheal-recovery-") as folder:
        place = Path(folder)
        with arena(Settings(farm={"run_folder": place / "run"})) as farm:
            _seconds(farm, place)  # the first run waits for the worker's start
            measured = [_measure(farm, boundary, place) for boundary in boundaries]
    if chosen.json:
        print(json.dumps([asdict(one) for one in measured]))
    else:
        _show(measured)


def _measure(farm: Arena, boundary: Boundary, place: Path) -> Measured:
    return Measured(
        str(boundary),
        undisturbed=_seconds(farm, place),
        child=_seconds(farm, place, boundary, farm.kill_child),
        worker=_seconds(farm, place, boundary, farm.kill_worker),
    )


def _seconds(
    farm: Arena, place: Path, boundary: Boundary | None = None, blow: Blow | None = None
) -> float:
    with tempfile.TemporaryDirectory(dir=place) as folder:
        request_id = farm.submit(plant(Path(folder), broken=BROKEN))
        if boundary and blow:
            farm.strike(request_id, boundary, blow)
        row = farm.end_of(request_id)
    assert row.state == "DONE" and row.ended_at is not None, row.reason
    return (row.ended_at - row.received_at).total_seconds()


def _show(measured: Sequence[Measured]) -> None:
    print(f"{'boundary':18}{'undisturbed':>12}{'child':>8}{'extra':>8}{'worker':>8}{'extra':>8}")
    for one in measured:
        child, worker = one.extra.values()
        print(
            f"{one.boundary:18}{one.undisturbed:11.1f}s{one.child:7.1f}s{child:+7.1f}s"
            f"{one.worker:7.1f}s{worker:+7.1f}s"
        )
    extra = {where: seconds for one in measured for where, seconds in one.extra.items()}
    worst = max(extra, key=lambda where: extra[where])
    print(f"worst: {extra[worst]:.1f} s more, {worst} (goal: at most {GOAL_SECONDS:.0f} s)")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    names = [str(boundary) for boundary in BOUNDARIES]
    parser.add_argument("--stages", nargs="*", choices=names, default=(), metavar="WORK-STAGE")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
