"""A worker's view as JSON, and back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from application.ports.live_state import (
    BrokenKind,
    OutcomeView,
    RenderView,
    StandingView,
    WorkerView,
)
from domain.kind import Kind
from domain.worker import ProcessIdentity

LONGEST_FILE = 262_144  # bytes; ours have a tenth of that at most

_Moment = Annotated[datetime, Meta(tz=True)]
_Fraction = Annotated[float, Meta(ge=0, le=1)]


class _Identity(Struct, frozen=True):
    host: str
    boot: str
    namespace: str
    pid: int
    started: str


class _Render(Struct, frozen=True):
    prompt_id: int
    render_id: int
    kind: Kind
    started_at: _Moment
    fraction: _Fraction | None
    message: str
    seconds_left: float | None
    slot: str
    preview: Annotated[int, Meta(ge=0)] = 0


class _Outcome(Struct, frozen=True):
    prompt_id: int
    render_id: int
    kind: Kind
    outcome: str
    code: str
    seconds: float | None
    at: _Moment


class _Broken(Struct, frozen=True):
    kind: Kind
    code: str
    message: str
    hint: str


class _Standing(Struct, frozen=True):
    paused_by: str
    code: str
    reason: str
    broken: tuple[_Broken, ...]


class _Worker(Struct, frozen=True):
    version: Literal[1]
    identity: _Identity
    command: str
    slots: int
    started_at: _Moment
    updated_at: _Moment
    renders: tuple[_Render, ...]
    outcomes: tuple[_Outcome, ...]
    standing: _Standing


def encoded(view: WorkerView) -> bytes:
    """The view as one JSON document."""
    return msgspec.json.encode({"version": 1} | msgspec.to_builtins(view))


def decoded(document: bytes) -> WorkerView | None:
    """The view, or None when the document is damaged, or none of ours."""
    try:
        worker = msgspec.json.decode(document, type=_Worker)
    except (ValueError, RecursionError):  # msgspec's own error is a ValueError
        return None
    standing = worker.standing
    return WorkerView(
        identity=ProcessIdentity(**_entries(worker.identity)),
        command=worker.command,
        slots=worker.slots,
        started_at=worker.started_at,
        updated_at=worker.updated_at,
        renders=tuple(RenderView(**_entries(render)) for render in worker.renders),
        outcomes=tuple(OutcomeView(**_entries(outcome)) for outcome in worker.outcomes),
        standing=StandingView(
            standing.paused_by,
            standing.code,
            standing.reason,
            tuple(BrokenKind(**_entries(broken)) for broken in standing.broken),
        ),
    )


def _entries(struct: Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(struct)
