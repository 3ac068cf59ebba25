"""A few requests of the kind that ``python -m tests.web.fuzz`` makes for as long as one likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.web.fuzz import fuzz

if TYPE_CHECKING:
    from tests.unit.entrypoints.web.site import Site


def test_every_answer_is_one_that_the_document_knows(legacy: Site) -> None:
    """The same requests each time, to every operation, well-formed and not."""
    assert fuzz(legacy, examples=2) > 60
