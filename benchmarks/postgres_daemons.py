"""Whether several daemons at one PostgreSQL database render several times as much."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks.daemon_process import running_daemon
from benchmarks.postgres import SETTINGS, Counts, published
from benchmarks.reports import Report
from benchmarks.samples import interleaved
from benchmarks.workflow import COPIES, install, megapixel_picture
from tests.postgres.server import find_binaries, running_server

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.reports import Trial
    from tests.postgres.server import Server

_SLEEP: Final = 2.0  # seconds
_COUNTS: Final = (1, 2, 4)
_TARGET: Final = 0.93  # of the ideal
_LOOK_EVERY: Final = 0.02  # seconds
_PATIENCE: Final = 300.0  # seconds
_ADD: Final = """
WITH added AS (
    INSERT INTO prompts (prompt_text, prompt_type, status)
    SELECT 'a lake', 'image_prompt', 'processing' FROM generate_series(1, %s) RETURNING id
), written AS (
    INSERT INTO writings (id, title, content_type, content, source_prompt_id)
    SELECT id, 'a lake', 'image_prompt', '{"prompt": "A serene mountain lake"}', id FROM added
    RETURNING id
)
SELECT count(*) FROM written
"""
_COMPLETE: Final = (
    "UPDATE prompts SET status = 'completed', output_reference = id WHERE status = 'processing'"
)
_READY: Final = "SELECT count(*) FROM prompts WHERE artifact_status = 'ready'"


class _Fleet:
    """Some daemons at one database, each a machine of its own with one slot.

    Args:
        server: has the database.
        folder: for the settings, the state and the output of all of them.
        daemons: number of them.
        running: ends them.
    """

    def __init__(self, server: Server, folder: Path, daemons: int, running: ExitStack) -> None:
        from adapters.postgres.address import PostgresAddress  # noqa: PLC0415 - needs an extra
        from adapters.postgres.schema import create_tables  # noqa: PLC0415

        self._server, self._address = server, server.address
        self._name = self._address.create_database()
        url = server.address.url(self._name)
        create_tables(PostgresAddress(url))
        (folder / "output").mkdir(parents=True)
        for number in range(daemons):
            home = folder / f"{number}"
            sections = {
                "database": {"url": url},
                "comfyui": {
                    "python": "/bin/sh",
                    "comfyui_directory": str(home),
                    "output_directory": str(folder / "output"),
                },
            }
            installation = install(
                home, folder, script_text=f"sleep {_SLEEP}\n{COPIES}", sections=sections
            )
            (home / "picture.png").write_bytes(megapixel_picture())
            running.enter_context(running_daemon(installation, folder))
        self.rate(2 * daemons)  # all of them are used once

    def rate(self, count: int) -> float:
        """Add prompts; returns how many a second became ready, until the last one is."""
        [(before,)] = self._address.execute(self._name, _READY)
        with self._address.connect(self._name) as connection, connection.transaction():
            connection.execute(_ADD.encode(), (count,))
            connection.execute(_COMPLETE.encode())
            connection.execute("NOTIFY media_generator_queue")
        began = time.monotonic()
        with self._address.connect(self._name) as connection:
            while True:
                [(ready,)] = connection.execute(_READY.encode()).fetchall()
                seconds = time.monotonic() - began
                if ready - before >= count:
                    return count / seconds
                assert seconds < _PATIENCE, f"{count + before - ready} never became ready"
                time.sleep(_LOOK_EVERY)

    def counts(self) -> Counts:
        """What was published so far."""
        return published(self._server, self._name)


def measure(trial: Trial) -> Report:
    """Prompts a second by one, two and four daemons."""
    report = Report()
    binaries = find_binaries()
    if binaries is None:
        report.say("PostgreSQL was not found, so nothing was measured.")
        return report
    each, rounds = trial.choose(10, 2), trial.choose(5, 1)
    with running_server(binaries, SETTINGS) as server, ExitStack() as running:
        fleets = {n: _Fleet(server, trial.folder / f"{n}", n, running) for n in _COUNTS}
        trial.note(f"{rounds} rounds of {each} prompts for each daemon, taking turns")
        turns = {f"{n}": partial(fleet.rate, n * each) for n, fleet in fleets.items()}
        rates = interleaved(rounds, turns)
        counts = [fleet.counts() for fleet in fleets.values()]
    shares = {n: rates[f"{n}"].over(rates["1"]).scaled(1 / n) for n in _COUNTS}
    head = (
        f"daemons, {each} prompts of {_SLEEP:g} s and 2.4 MB each",
        "prompts a second",
        "times one daemon, of the ideal",
    )
    rows = [(f"{n}", rates[f"{n}"].shown(3), shares[n].shown(3)) for n in _COUNTS]
    report.table(head, rows)
    is_once = all(one.is_once and one.renders == one.published for one in counts)
    ready, renders = sum(one.ready for one in counts), sum(one.renders for one in counts)
    report.say(f"{ready} prompts became ready, in {renders} renders.")
    most = _COUNTS[-1]
    report.verdict(
        f"{most} daemons at least {_TARGET * most:g} times as fast as one, and nothing twice",
        f"{shares[most].scaled(most).shown()} times",
        met=shares[most].median >= _TARGET and is_once,
    )
    return report
