"""What dead workers left on this host goes; what living ones hold and requests need stays."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import text

from selfheal.flows import prune
from selfheal.flows.fire import fire_now
from selfheal.store import firings, schedules
from selfheal.workspace.mirror import drop_mirror


def run(farm) -> str:
    message_id = fire_now(farm, "prune")
    with farm.database.begin() as connection:
        row = schedules.load(connection, "prune")
    prune.prune(farm, row.id, message_id=message_id)
    with farm.database.begin() as connection:
        said = firings.newest(connection)[row.id]
    assert said.state == "done", said.note
    return str(said.note)


def test_leftovers_of_the_dead_go_and_the_living_keep_what_they_hold(
    one_process_farm, repository
) -> None:
    farm = one_process_farm.farm
    wanted, forgotten = (repository({"a.py": name}, name=name) for name in ("wanted", "forgotten"))
    one_process_farm.submit(wanted)
    mirrors = {name: farm.mirror(str(path)) for name, path in (("w", wanted), ("f", forgotten))}
    for mirror in mirrors.values():
        mirror.fetch()
    sha = mirrors["w"].resolve("main")
    (farm.worktrees / "plan-dead").mkdir(parents=True)
    (farm.worktrees / "plan-dead.lock").touch()

    with farm.worktree(mirrors["w"], sha, "plan-alive") as alive:
        said = run(farm)

        assert said == "1 worktrees removed, 0 mirrors packed, 1 dropped"
        assert (alive.folder / "a.py").read_text() == "wanted"
    assert not (farm.worktrees / "plan-dead").exists()
    assert mirrors["w"].folder.exists()
    assert not mirrors["f"].folder.exists()


def test_a_mirror_is_kept_as_long_as_the_settings_say(one_process_farm, repository) -> None:
    farm = one_process_farm.farm
    origin = repository({"a.py": ""})
    request_id = one_process_farm.submit(origin)
    mirror = farm.mirror(str(origin))
    mirror.fetch()
    report = json.dumps({})
    with farm.database.begin() as connection:
        connection.execute(
            text(
                "UPDATE change_requests SET state = 'FAILED', reason = 'x', report = :report,"
                " ended_at = clock_timestamp(), received_at = received_at - interval '29 days'"
                " WHERE id = :id"
            ),
            {"id": request_id, "report": report},
        )

    assert run(farm).endswith("0 dropped")
    with farm.database.begin() as connection:
        connection.execute(
            text("UPDATE change_requests SET received_at = received_at - interval '2 days'")
        )
    assert run(farm).endswith("1 dropped")


def test_a_mirror_that_was_dropped_after_it_was_opened_is_fetched_anew(
    one_process_farm, repository
) -> None:
    farm = one_process_farm.farm
    origin = repository({"a.py": ""})
    mirror = farm.mirror(str(origin))
    mirror.fetch()

    assert drop_mirror(mirror.folder)
    mirror.fetch()

    assert mirror.branches() == ("main",)


def test_a_mirror_with_many_loose_objects_is_packed(one_process_farm, repository) -> None:
    farm = one_process_farm.farm
    origin = repository({"a.py": ""})
    one_process_farm.submit(origin)
    mirror = farm.mirror(str(origin))
    mirror.fetch()
    kept = scatter(mirror.folder, 6800)

    said = run(farm)

    assert said == "0 worktrees removed, 1 mirrors packed, 0 dropped"
    loose = dict(line.split(": ") for line in mirror.git.text("count-objects", "-v").splitlines())
    assert int(loose["in-pack"]) > 0
    assert mirror.git.text("cat-file", "-t", kept) == "blob", "no ref names it, but it is young"


def scatter(folder: Path, count: int) -> str:
    """So many loose blobs that no ref names; gives the id of the last one."""
    import hashlib
    import zlib

    for number in range(count):
        stored = b"blob %d\0%s" % (len(text := b"%d" % number), text)
        name = hashlib.sha1(stored).hexdigest()
        place = folder / "objects" / name[:2] / name[2:]
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(zlib.compress(stored, 1))
    return name
