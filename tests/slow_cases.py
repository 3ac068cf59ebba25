"""Limits which cases of a parametrised test ``make test`` runs, where each takes seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _pytest.mark import ParameterSet


def mostly_slow(cases: Iterable[str], *quick: str) -> list[ParameterSet]:
    """Parameters for all cases, marked ``slow`` except for those named as quick."""
    names = list(cases)
    assert set(quick) <= set(names)
    return [pytest.param(name, marks=() if name in quick else pytest.mark.slow) for name in names]
