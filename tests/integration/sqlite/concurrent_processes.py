"""Many programs that start to use one queue at the same moment."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.databases import Poet

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def fill(path: Path, prompts: int) -> None:
    """Add so many pictures, each with its own writing, numbered from 1."""
    poet = Poet(path)
    poet.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " INSERT INTO writings (id, content_type, content) SELECT i, 'image_prompt', '{}' FROM n",
        (prompts,),
    )
    poet.execute(
        "INSERT INTO prompts (id, prompt_type, status, output_reference)"
        " SELECT id, 'image_prompt', 'completed', id FROM writings"
    )


def outputs_of_crowd(program: str, arguments: Iterable[tuple[str, ...]]) -> list[str]:
    """Run a program once for each of the arguments; returns what each printed.

    The program prints a line when it is ready, and begins when it can read one, so that all
    begin together. None may write to standard error.
    """
    with ExitStack() as stack:
        crowd = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", program, *given],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            for given in arguments
        ]
        for process in crowd:
            stack.callback(process.kill)
            assert process.stdout is not None
            process.stdout.readline()
        for process in crowd:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        told = [process.communicate() for process in crowd]
    assert [complaints for _, complaints in told] == [""] * len(told)
    return [printed for printed, _ in told]
