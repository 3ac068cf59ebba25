"""Strategies for the live state of workers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from application.ports.live_state import (
    GateView,
    OutcomeView,
    RenderView,
    ServerView,
    UnavailableKind,
    WorkerView,
)
from domain.lease import ProcessIdentity
from domain.prompt import Kind

_IDS = st.integers(1, 2**63 - 1)
_COUNTS = st.integers(0, 2**31)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=100)
_KINDS = st.sampled_from(Kind)
_SECONDS = st.none() | st.floats(0, 1e9)
_TIMES = st.integers(0, 10**15).map(
    lambda since: datetime(2026, 1, 6, tzinfo=UTC) + timedelta(microseconds=since)
)
RENDERS = st.builds(
    RenderView, _IDS, _IDS, _KINDS, _TIMES, st.none() | st.floats(0, 1), _TEXT, _SECONDS, _TEXT
)
OUTCOMES = st.builds(OutcomeView, _IDS, _IDS, _KINDS, _TEXT, _TEXT, _SECONDS, _TIMES)
UNAVAILABLE = st.builds(
    UnavailableKind, _KINDS, _TEXT, _TEXT, _TEXT, _TEXT, is_partial=st.booleans()
)
GATES = st.builds(GateView, _TEXT, _TEXT, _TEXT, st.lists(UNAVAILABLE, max_size=2).map(tuple))
SERVERS = st.builds(
    ServerView, _TEXT, st.lists(_TEXT, max_size=2).map(tuple), _COUNTS, _COUNTS, _COUNTS
)
VIEWS = st.builds(
    WorkerView,
    st.builds(ProcessIdentity, _TEXT, _TEXT, _TEXT, st.integers(1, 2**22), _TEXT),
    st.sampled_from(["run", "daemon"]),
    st.integers(1, 192),
    _TIMES,
    _TIMES,
    st.lists(RENDERS, max_size=3).map(tuple),
    st.lists(OUTCOMES, max_size=3).map(tuple),
    GATES,
    st.lists(SERVERS, max_size=2).map(tuple),
)
