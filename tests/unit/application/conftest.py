"""The harness, over the queue in memory and over a real SQLite file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness import Harness, in_memory, on_sqlite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["memory", "sqlite"])
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
    """A fresh application whose renders report that they are half and wholly done."""
    if request.param == "memory":
        yield in_memory(progress=(0.5, 1.0))
    else:
        with on_sqlite(tmp_path / "musings.db", progress=(0.5, 1.0)) as made:
            yield made
