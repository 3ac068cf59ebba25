"""Workers as they may show themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from application.ports.live_state import (
    BrokenKind,
    OutcomeView,
    RenderView,
    StandingView,
    WorkerView,
)
from domain.kind import Kind
from domain.worker import ProcessIdentity

_IDS = st.integers(1, 2**63 - 1)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=100)
_KINDS = st.sampled_from(Kind)
_SECONDS = st.none() | st.floats(0, 1e9)
_MOMENTS = st.integers(0, 10**15).map(
    lambda since: datetime(2026, 1, 6, tzinfo=UTC) + timedelta(microseconds=since)
)
RENDERS = st.builds(
    RenderView, _IDS, _IDS, _KINDS, _MOMENTS, st.none() | st.floats(0, 1), _TEXT, _SECONDS, _TEXT
)
OUTCOMES = st.builds(OutcomeView, _IDS, _IDS, _KINDS, _TEXT, _TEXT, _SECONDS, _MOMENTS)
BROKEN = st.builds(BrokenKind, _KINDS, _TEXT, _TEXT, _TEXT)
STANDINGS = st.builds(StandingView, _TEXT, _TEXT, _TEXT, st.lists(BROKEN, max_size=2).map(tuple))
VIEWS = st.builds(
    WorkerView,
    st.builds(ProcessIdentity, _TEXT, _TEXT, _TEXT, st.integers(1, 2**22), _TEXT),
    st.sampled_from(["run", "daemon"]),
    st.integers(1, 192),
    _MOMENTS,
    _MOMENTS,
    st.lists(RENDERS, max_size=3).map(tuple),
    st.lists(OUTCOMES, max_size=3).map(tuple),
    STANDINGS,
)
