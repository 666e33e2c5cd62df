"""A process that forks after it has used the backend, as a worker's main process does."""

from __future__ import annotations

import json
import subprocess
import sys

FORKING = """
import json, os, sys
from celery import Celery

app = Celery("forking", backend=sys.argv[1])
SESSION = "SELECT pg_backend_pid() AS pid"

def session():
    app.backend.mark_as_done(str(os.getpid()), 1)
    return app.backend.pool.rows(SESSION)[0]["pid"]

before = session()
reading, writing = os.pipe()
child = os.fork()
if child == 0:
    os.write(writing, str(session()).encode())
    sys.exit(0)  # with all the cleaning up that an interpreter does
os.waitpid(child, 0)
print(json.dumps([before, int(os.read(reading, 100)), session()]))
"""


def test_a_child_has_sessions_of_its_own_and_leaves_its_parents_alone(results_url: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FORKING, results_url],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    before, in_child, after = json.loads(ran.stdout)
    assert before == after != in_child
