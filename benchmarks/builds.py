"""This build and another one, each in a process of its own, measured in turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

BEFORE = "BENCH_BEFORE"
"""Environment variable: a checkout of the build to compare with (``git worktree add``)."""

_ROOT = Path(__file__).resolve().parent.parent


def checkouts() -> dict[str, Path]:
    """The builds to measure: this one as "now", and the one in ``BENCH_BEFORE``."""
    before = os.environ.get(BEFORE)
    return {"now": _ROOT, **({"before": Path(before).resolve()} if before else {})}


@dataclass(frozen=True, slots=True)
class Batch:
    """Time for each prompt of a batch, in seconds, from publication to publication."""

    seconds: float
    processor_seconds: float


class BuildProcess:
    """A program of this folder with the code of one build.

    Args:
        checkout: the build's checkout.
        program: the program to run; it answers each line with one line.
        arguments: the program's arguments.
        variables: its environment variables.
        brings_own: whether the build's own ``benchmarks`` and ``tests`` are used, too.
    """

    def __init__(
        self,
        checkout: Path,
        program: str,
        arguments: Sequence[object],
        variables: Mapping[str, str] | None = None,
        *,
        brings_own: bool = False,
    ) -> None:
        places = [str(checkout / "src"), *([str(checkout)] if brings_own else [])]
        path = {"PYTHONPATH": os.pathsep.join(places)}
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name(program)), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(variables or {}), **path},
            text=True,
        )

    def answer(self, number: int) -> str:
        """The program's answer to a number."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{number}\n")
        stdin.flush()
        return stdout.readline()

    def __enter__(self) -> Self:
        """Return the process, which already runs."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self._process.communicate()


class DrainProcess(BuildProcess):
    """A worker of one build, for one configuration.

    Args:
        checkout: the build's checkout.
        config: the configuration file.
        variables: its environment variables.
    """

    def __init__(
        self, checkout: Path, config: Path, variables: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(checkout, "drain_worker.py", [config], variables)

    def drain(self, intervals: int) -> Batch:
        """Render one prompt more than requested; the first one only starts the clock."""
        seconds, processor = json.loads(self.answer(intervals + 1))
        return Batch(seconds / intervals, processor / intervals)


class QueueProcess(BuildProcess):
    """The queue alone, of one build, with a database that it fills.

    Args:
        checkout: the build's checkout.
        database: path of the database, which is created.
        ready: number of ready prompts.
        pending: number of pending prompts.
        journal_mode: "wal" or "delete".
    """

    def __init__(
        self, checkout: Path, database: Path, ready: int, pending: int, journal_mode: str
    ) -> None:
        arguments = (database, ready, pending, journal_mode)
        super().__init__(checkout, "queue_worker.py", arguments, brings_own=True)

    def drain(self, count: int) -> float:
        """Publish so many prompts; returns the seconds that it took."""
        return float(self.answer(count))
