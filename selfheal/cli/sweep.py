"""`selfheal sweep`: the sweeper, in a process of its own."""

from __future__ import annotations

import signal
import sys
import threading

from selfheal.cli.farm import reach_farm
from selfheal.cli.main import app
from selfheal.flows import sweep as flow
from selfheal.logs import configure_logs
from selfheal.settings import load_settings


@app.command()
def sweep() -> None:
    """Look after a running farm: take over dead attempts, send what got lost, expire leases.

    Any number of sweepers may run. `selfheal up` runs one.
    """
    settings = load_settings()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, lambda *_: stop.set())
    farm = reach_farm(settings)
    configure_logs(farm.redactor, sys.stderr)
    flow.sweep(farm, wait=stop.wait)
