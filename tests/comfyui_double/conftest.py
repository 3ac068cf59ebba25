"""A double for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.comfyui_double.double import Double, running_double

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def double(tmp_path: Path) -> Iterator[Double]:
    """A double that saves into a folder of the test."""
    with running_double(tmp_path) as double:
        yield double
