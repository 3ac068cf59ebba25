"""The files of a worker: a JSON document, and a picture for each render with a preview.

Only their owner can read them, and each is replaced as a whole. They are named
``worker-{pid}-{start}.json`` and ``worker-{pid}-{start}-{render}.jpg`` or ``.png``.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from adapters.picture_files import picture_format
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

if TYPE_CHECKING:
    from pathlib import Path

MAX_DOCUMENT_BYTES = 262_144  # ours have a tenth of that at most
MAX_PICTURE_BYTES = 524_288  # the previews of a server have a tenth of that
PICTURE_SUFFIXES = {"jpeg": "jpg", "png": "png"}  # by format; other formats are not kept

_Timestamp = Annotated[datetime, Meta(tz=True)]
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
    started_at: _Timestamp
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
    at: _Timestamp


class _UnavailableKind(Struct, frozen=True):
    kind: Kind
    code: str
    message: str
    hint: str
    workflow: str = ""
    is_partial: bool = False


class _Gate(Struct, frozen=True):
    paused_by: str
    code: str
    reason: str
    broken: tuple[_UnavailableKind, ...]


class _Server(Struct, frozen=True):
    server: str
    models: tuple[str, ...]
    jobs: int
    hits: int
    switches_per_hour: int


class _Worker(Struct, frozen=True):
    version: Literal[1]
    identity: _Identity
    command: str
    slots: int
    started_at: _Timestamp
    updated_at: _Timestamp
    renders: tuple[_Render, ...]
    outcomes: tuple[_Outcome, ...]
    standing: _Gate
    servers: tuple[_Server, ...] = ()


def encode_view(view: WorkerView) -> bytes:
    """A worker's view as a JSON document."""
    document: dict[str, Any] = msgspec.to_builtins(view)
    gate = document.pop("gate")
    # A worker finds nothing out from others.
    omitted = {"since", "elsewhere"}
    gate["broken"] = [
        {name: value for name, value in one.items() if name not in omitted}
        for one in gate.pop("unavailable")
    ]
    return msgspec.json.encode({"version": 1, **document, "standing": gate})


def decode_view(document: bytes) -> WorkerView | None:
    """The view in a JSON document, or None if it is damaged or not a worker's."""
    try:
        worker = msgspec.json.decode(document, type=_Worker)
    except (ValueError, RecursionError):  # msgspec's own error is a ValueError
        return None
    gate = worker.standing
    return WorkerView(
        identity=ProcessIdentity(**_fields(worker.identity)),
        command=worker.command,
        slots=worker.slots,
        started_at=worker.started_at,
        updated_at=worker.updated_at,
        renders=tuple(RenderView(**_fields(render)) for render in worker.renders),
        outcomes=tuple(OutcomeView(**_fields(outcome)) for outcome in worker.outcomes),
        gate=GateView(
            gate.paused_by,
            gate.code,
            gate.reason,
            tuple(UnavailableKind(**_fields(kind)) for kind in gate.broken),
        ),
        servers=tuple(ServerView(**_fields(server)) for server in worker.servers),
    )


def _fields(struct: Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(struct)


def preview_format(picture: bytes) -> str | None:
    """The format of a picture by its first bytes, or None if it is too large or not kept."""
    name = picture_format(picture)
    return name if name in PICTURE_SUFFIXES and len(picture) <= MAX_PICTURE_BYTES else None


def picture_path(document: Path, render_id: int, suffix: str) -> Path:
    """Path of the picture of a render.

    Args:
        document: path of the worker's document.
        render_id: the render's number.
        suffix: suffix of the picture's file, without a dot.
    """
    return document.with_name(f"{document.stem}-{render_id}.{suffix}")
