"""A few of the requests that ``python -m tests.web.fuzz`` makes without end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web.fuzz import fuzz

if TYPE_CHECKING:
    from tests.unit.entrypoints.web.site import Site


@pytest.mark.slow
def test_every_response_is_documented(legacy: Site) -> None:
    """The same requests each time, to every operation, valid and invalid."""
    assert fuzz(legacy, examples=2) > 60
