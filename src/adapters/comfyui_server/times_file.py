"""How long renders took on each server, kept so that a restart does not forget it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from adapters.state_folder import make_private, read_file, replace_file
from domain.affinity import RenderTimes

if TYPE_CHECKING:
    from pathlib import Path

_MAX_BYTES: Final = 1024 * 1024


def read_times(file: Path) -> RenderTimes:
    """The times in a file; none if there is no file, or it is damaged."""
    times = RenderTimes()
    with suppress(ValueError, TypeError, RecursionError):
        rows = json.loads(read_file(file, _MAX_BYTES) or b"[]")
        times.recall(
            [
                (
                    (str(server), str(kind), str(workflow), frozenset(map(str, models))),
                    [float(seconds) for seconds in loading],
                    [float(seconds) for seconds in loaded],
                )
                for server, kind, workflow, models, loading, loaded in rows
            ]
        )
    return times


def write_times(file: Path, times: RenderTimes) -> None:
    """Keep times; a state folder that cannot be written is no reason to fail."""
    rows = [
        (server, kind, workflow, sorted(models), loading, loaded)
        for (server, kind, workflow, models), loading, loaded in times.rows()
    ]
    with suppress(OSError):
        make_private(file.parent)
        replace_file(file, json.dumps(rows).encode())
