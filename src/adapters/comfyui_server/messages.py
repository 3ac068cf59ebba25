"""What a server says over its socket: text frames of JSON, and binary frames with pictures.

Only what is of use is read; whatever else a server or its custom nodes send is passed over.
The forms are those recorded from ComfyUI 0.3.64.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from adapters.comfyui_server.shapes import a_dict, a_list, a_number, a_text

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBER = struct.Struct(">I")
_PICTURE = 1  # kinds of binary frames
_PICTURE_WITH_FACTS = 4
_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG"


@dataclass(frozen=True, slots=True)
class Started:
    """A job began to run."""

    job: str


@dataclass(frozen=True, slots=True)
class Cached:
    """These nodes of a job need not run: their results are at hand."""

    job: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Running:
    """A node began to run."""

    job: str
    node: str


@dataclass(frozen=True, slots=True)
class Stepped:
    """A node is at so many of its steps."""

    job: str
    node: str
    value: float
    most: float


@dataclass(frozen=True, slots=True)
class Finished:
    """These nodes of a job are done."""

    job: str
    nodes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Ended:
    """A job is over, well or not; its history tells.

    Attributes:
        job: its id.
        final: whether the history is written already, or will be in a moment.
    """

    job: str
    final: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """What the picture looks like so far; ``job`` is "" where the server does not say whose."""

    job: str
    picture: bytes = field(repr=False)
    media_type: str


Message: TypeAlias = Started | Cached | Running | Stepped | Finished | Ended | Preview


def read_message(frame: str | bytes) -> Message | None:
    """What a frame says, or None when it says nothing of use."""
    if isinstance(frame, bytes):
        return _read_binary(frame)
    try:
        envelope = a_dict(json.loads(frame))
    except (ValueError, RecursionError):
        return None
    data = a_dict(envelope.get("data"))
    job = a_text(data.get("prompt_id"))
    return _of_job(a_text(envelope.get("type")), job, data) if job else None


def _of_job(what: str, job: str, data: Mapping[str, object]) -> Message | None:
    match what:
        case "execution_start":
            return Started(job)
        case "execution_cached":
            return Cached(job, tuple(filter(None, map(a_text, a_list(data.get("nodes"))))))
        case "progress_state":
            return Finished(job, frozenset(_finished(a_dict(data.get("nodes")))))
        case "execution_success" | "execution_error" | "execution_interrupted":
            return Ended(job, final=False)
        case _:
            return _of_node(what, job, a_text(data.get("node")), data)


def _of_node(what: str, job: str, node: str, data: Mapping[str, object]) -> Message | None:
    match what:
        case "executing":
            return Running(job, node) if node else Ended(job, final=True)
        case "progress" if node:
            return Stepped(job, node, a_number(data.get("value")), a_number(data.get("max")))
        case "executed" if node:
            return Finished(job, frozenset({node}))
        case _:
            return None


def _finished(nodes: Mapping[str, object]) -> list[str]:
    return [node for node, facts in nodes.items() if a_dict(facts).get("state") == "finished"]


def _read_binary(frame: bytes) -> Preview | None:
    if len(frame) < 2 * _NUMBER.size:
        return None
    (kind,) = _NUMBER.unpack_from(frame)
    (number,) = _NUMBER.unpack_from(frame, _NUMBER.size)
    body = frame[2 * _NUMBER.size :]
    if kind == _PICTURE:  # the number names the format, and the picture itself does too
        return _preview("", body)
    if kind != _PICTURE_WITH_FACTS or number > len(body):
        return None
    try:
        facts = a_dict(json.loads(body[:number]))
    except (ValueError, RecursionError):
        return None
    return _preview(a_text(facts.get("prompt_id")), body[number:])


def _preview(job: str, picture: bytes) -> Preview | None:
    """A preview, if it looks like a picture that can be shown."""
    if picture.startswith(_JPEG):
        return Preview(job, picture, "image/jpeg")
    if picture.startswith(_PNG):
        return Preview(job, picture, "image/png")
    return None
