"""Which cases of a test ``make test`` runs, where each takes seconds and all go the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _pytest.mark import ParameterSet


def mostly_slow(cases: Iterable[str], *quick: str) -> list[ParameterSet]:
    """Parameters for all cases, marked ``slow`` but for a few; each quick one must be a case."""
    names = list(cases)
    assert set(quick) <= set(names)
    return [pytest.param(name, marks=() if name in quick else pytest.mark.slow) for name in names]
