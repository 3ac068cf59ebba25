"""A process that drains a queue in batches on request, with the code of any checkout.

Run as a program with the folder ``src`` of a build on ``PYTHONPATH``, so that two builds can be
measured in turns. It uses only what every build has had: ``compose`` and ``Drain.run``.

Each line of its input is a number of prompts to render. It answers with a line of JSON: seconds,
and seconds of processor time of this process, between the first publication and the last.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from application.ports.events import RenderEnded
from application.ports.prompt_repository import Selection
from application.signals import StopRequest
from domain.prompt import Kind
from domain.render import Outcome
from entrypoints.container import compose
from entrypoints.settings.loader import load_settings

if TYPE_CHECKING:
    from application.ports.events import Event


class _Times:
    """Times of publications, as wall clock and processor time."""

    def __init__(self) -> None:
        self.published: list[tuple[float, float]] = []

    def handle(self, event: Event) -> None:
        if isinstance(event, RenderEnded) and event.outcome is Outcome.PUBLISHED:
            self.published.append((time.perf_counter(), time.process_time()))


def main(config: Path) -> None:
    """Drain until the input ends."""
    times = _Times()
    loaded = load_settings(config_file=config, environ={}, cwd=config.parent)
    container = compose(loaded, times)
    with closing(container.connection()), closing(container.renderer()):
        drain = container.drain()
        for line in sys.stdin:
            count = int(line)
            times.published.clear()
            done = drain.run(Selection(frozenset({Kind.IMAGE})), StopRequest(), count)
            assert done.published == count, done
            first, last = times.published[0], times.published[-1]
            print(json.dumps([last[0] - first[0], last[1] - first[1]]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
