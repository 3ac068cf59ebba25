"""Drains by this build and by another one, each in a process of its own, measured in turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

BEFORE = "BENCH_BEFORE"
"""Environment variable: a checkout of the build to compare with (``git worktree add``)."""

_ROOT = Path(__file__).resolve().parent.parent
_WORKER = Path(__file__).with_name("drain_worker.py")


def checkouts() -> dict[str, Path]:
    """The builds to measure: this one as "now", and the one that ``BENCH_BEFORE`` names."""
    before = os.environ.get(BEFORE)
    return {"now": _ROOT, **({"before": Path(before).resolve()} if before else {})}


@dataclass(frozen=True, slots=True)
class Batch:
    """What one prompt of a batch took, in seconds, from publication to publication."""

    seconds: float
    processor_seconds: float


class DrainProcess:
    """A worker of one build, for one configuration.

    Args:
        checkout: of the build.
        config: the configuration file.
        variables: of its environment.
    """

    def __init__(
        self, checkout: Path, config: Path, variables: Mapping[str, str] | None = None
    ) -> None:
        environment = {**os.environ, **(variables or {}), "PYTHONPATH": str(checkout / "src")}
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_WORKER), str(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def drain(self, intervals: int) -> Batch:
        """Render one prompt more than so many; the first one only starts the clock."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{intervals + 1}\n")
        stdin.flush()
        seconds, processor = json.loads(stdout.readline())
        return Batch(seconds / intervals, processor / intervals)

    def __enter__(self) -> Self:
        """Nothing to do: it runs already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self._process.communicate()
