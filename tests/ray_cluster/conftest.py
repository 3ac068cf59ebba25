"""The cluster for the tests inside the namespace."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.ray_cluster.nodes import INSIDE, Nodes, loopback_up

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def nodes() -> Iterator[Nodes]:
    """A head without slots. Everything that runs ends with the namespace."""
    assert os.environ.get(INSIDE) == "1", "Ray would listen on all interfaces"
    loopback_up()
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True) as folder:
        made = Nodes(Path(folder))
        os.environ.update({k: v for k, v in made.environment.items() if k.startswith("RAY_")})
        made.start()
        yield made
