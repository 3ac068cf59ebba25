"""A process that moves prompts through the queue alone, with the code of any checkout.

Run as a program with the folder ``src`` of a build and the checkout itself on ``PYTHONPATH``, so
that two builds can be measured in turns. It uses only what every build has had: ``NoopQueue`` and
``fill_database``.

Its arguments are a database, which it creates, the numbers of ready and pending prompts, and the
journal mode. Each line of its input is a number of prompts to publish; it answers with the seconds
that it took.
"""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path

from adapters.sqlite.connection import Connection
from benchmarks.databases import Contents, fill_database
from benchmarks.noop_queue import NoopQueue


def main(database: Path, ready: int, pending: int, journal_mode: str) -> None:
    """Publish until the input ends."""
    fill_database(database, Contents(ready, pending, journal_mode))
    with closing(Connection(database, 30.0)) as connection:
        queue = NoopQueue(connection)
        for line in sys.stdin:
            began = time.perf_counter()
            queue.drain(int(line))
            print(time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
