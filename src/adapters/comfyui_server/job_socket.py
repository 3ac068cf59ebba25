"""A server's WebSocket: one connection for one slot, its messages, and a job's inbox.

It tells how far a job is, and nothing depends on it: what it fails to say, the history says. Only
where it told everything, from a job's start to its success, need the history not be asked. A
thread listens as long as the server keeps the connection, so that nothing piles up there. A second
socket under the same client id would disturb the first one, and the server may drop both; so a slot
has one, and takes a new id for a new connection unless a job was submitted under the old.

Frames are text (JSON) or binary (previews), in the forms recorded from ComfyUI 0.3.64. Only what is
of use is read.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections import deque
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import TYPE_CHECKING, TypeAlias
from uuid import uuid4

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from adapters.comfyui_server.responses import (
    JobHistory,
    OutputFile,
    output_files,
    seconds_between,
)
from adapters.json_values import as_dict, as_list, as_number, as_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from adapters.comfyui_server.address import ServerAddress

_MAX_MESSAGES = 1_000  # a render that does not look loses the oldest; history decides anyway
_OPEN_SECONDS = 3.0
_CLOSE_SECONDS = 0.5
_MAX_CONNECT_WAIT = 0.5  # seconds that a job waits for its connection, once
_MIN_RECONNECT, _MAX_RECONNECT = 0.1, 5.0  # seconds between two tries to connect
_MAX_FRAME = 64 * 1024**2  # bytes; a preview of a large picture
_ALL_NODES, _HEAD = '"progress_state"', 48  # where a frame says its type, in characters
_ALL_NODES_INTERVAL = 0.1  # seconds
# Asked for once, first of all: then previews say which job they are of.
_FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})

_NUMBER = struct.Struct(">I")
_PREVIEW = 1  # types of binary frames
_PREVIEW_WITH_METADATA = 4
_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG"


@dataclass(frozen=True, slots=True)
class JobStarted:
    """A job began to run, at ``at`` milliseconds of the server's clock; 0 if it does not say."""

    job: str
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class NodesCached:
    """These nodes of a job need not run: their results are at hand."""

    job: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NodeRunning:
    """A node began to run."""

    job: str
    node: str


@dataclass(frozen=True, slots=True)
class NodeProgress:
    """A node has done ``value`` of its ``total`` steps."""

    job: str
    node: str
    value: float
    total: float


@dataclass(frozen=True, slots=True)
class NodesFinished:
    """These nodes of a job are done; ``files`` are what they left, if the server says so."""

    job: str
    nodes: frozenset[str]
    files: tuple[OutputFile, ...] = ()


@dataclass(frozen=True, slots=True)
class JobEnded:
    """A job is over; its history says how it ended.

    Attributes:
        job: the id of the job.
        final: whether the history is written already, or will be in a moment.
        succeeded: whether the server said that it succeeded.
        at: when, in milliseconds of the server's clock; 0 if it does not say.
    """

    job: str
    final: bool
    succeeded: bool = False
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Preview:
    """The picture so far; ``job`` is "" where the server does not say whose it is."""

    job: str
    picture: bytes = field(repr=False)
    media_type: str


Message: TypeAlias = (
    JobStarted | NodesCached | NodeRunning | NodeProgress | NodesFinished | JobEnded | Preview
)


def read_message(frame: str | bytes) -> Message | None:
    """The message in a frame, or None if it holds nothing of use."""
    if isinstance(frame, bytes):
        return _read_binary(frame)
    try:
        envelope = as_dict(json.loads(frame))
    except (ValueError, RecursionError):
        return None
    data = as_dict(envelope.get("data"))
    job = as_text(data.get("prompt_id"))
    return _job_message(as_text(envelope.get("type")), job, data) if job else None


def _job_message(event: str, job: str, data: Mapping[str, object]) -> Message | None:
    match event:
        case "execution_start":
            return JobStarted(job, as_number(data.get("timestamp")))
        case "execution_cached":
            return NodesCached(job, tuple(filter(None, map(as_text, as_list(data.get("nodes"))))))
        case "progress_state":
            nodes = as_dict(data.get("nodes")).items()
            finished = {node for node, state in nodes if as_dict(state).get("state") == "finished"}
            return NodesFinished(job, frozenset(finished))
        case "execution_success" | "execution_error" | "execution_interrupted":
            succeeded = event == "execution_success"
            at = as_number(data.get("timestamp"))
            return JobEnded(job, final=False, succeeded=succeeded, at=at)
        case _:
            return _node_message(event, job, as_text(data.get("node")), data)


def _node_message(event: str, job: str, node: str, data: Mapping[str, object]) -> Message | None:
    match event:
        case "executing":
            return NodeRunning(job, node) if node else JobEnded(job, final=True)
        case "progress" if node:
            return NodeProgress(job, node, as_number(data.get("value")), as_number(data.get("max")))
        case "executed" if node:
            files = tuple(output_files({node: data.get("output")}))
            return NodesFinished(job, frozenset({node}), files)
        case _:
            return None


def _read_binary(frame: bytes) -> Preview | None:
    if len(frame) < 2 * _NUMBER.size:
        return None
    (kind,) = _NUMBER.unpack_from(frame)
    (number,) = _NUMBER.unpack_from(frame, _NUMBER.size)
    body = frame[2 * _NUMBER.size :]
    if kind == _PREVIEW:  # the number names the format, and the picture itself does too
        return _preview("", body)
    if kind != _PREVIEW_WITH_METADATA or number > len(body):
        return None
    try:
        facts = as_dict(json.loads(body[:number]))
    except (ValueError, RecursionError):
        return None
    return _preview(as_text(facts.get("prompt_id")), body[number:])


def _preview(job: str, picture: bytes) -> Preview | None:
    """A preview, if it looks like a picture that can be shown."""
    if picture.startswith(_JPEG):
        return Preview(job, picture, "image/jpeg")
    if picture.startswith(_PNG):
        return Preview(job, picture, "image/png")
    return None


class Inbox:
    """Takes the messages of one job from the socket's thread and hands them to the render's.

    Only the newest preview is kept.

    Attributes:
        job: the id whose messages are kept; previews that name no job are kept too.
        frames: how many frames of any kind the present connection delivered; none means that it is
            silent, or that there is no connection.
        is_complete: whether no message can be missing, because one connection lasts since before
            the job was submitted.
    """

    def __init__(self, job: str) -> None:
        self.job = job
        self.frames = 0
        self.is_complete = False
        self._condition = Condition()
        self._messages: deque[Message] = deque(maxlen=_MAX_MESSAGES)
        self._preview: Preview | None = None
        self._reconnected = False
        self._ended = False

    def put(self, message: Message) -> None:
        """Keep a message if it is of this job; the end of the job wakes the receiver."""
        if message.job != self.job and not (isinstance(message, Preview) and not message.job):
            return
        with self._condition:
            if isinstance(message, Preview):
                self._preview = message
            else:
                self.is_complete &= len(self._messages) < _MAX_MESSAGES
                self._messages.append(message)
            if isinstance(message, JobEnded):
                self._ended = True
                self._condition.notify()

    def connection_changed(self) -> None:
        """Wake the receiver: the connection was lost or made, messages may be missing."""
        with self._condition:
            self.frames = 0
            self.is_complete = False
            self._reconnected = True
            self._condition.notify()

    def receive(self, seconds: float) -> tuple[Sequence[Message], bool]:
        """The messages that came, and whether the connection changed.

        Args:
            seconds: how long to wait at most; less if the job ends, or the connection changes.
        """
        with self._condition:
            self._condition.wait_for(lambda: self._ended or self._reconnected, max(0.0, seconds))
            messages: list[Message] = [*self._messages]
            if self._preview:
                messages.append(self._preview)
            reconnected = self._reconnected
            self._messages.clear()
            self._preview, self._reconnected, self._ended = None, False, False
        return messages, reconnected


@dataclass(slots=True)
class Transcript:
    """A job's messages, put together to what its history will say of a success.

    Attributes:
        outputs: ids of the nodes that may leave files. Old servers send no message for one of them
            whose result is cached, although their history has it.
    """

    outputs: AbstractSet[str]
    _began: JobStarted | None = None
    _ended: JobEnded | None = None
    _has_gaps: bool = False
    _files: dict[frozenset[str], tuple[OutputFile, ...]] = field(default_factory=dict)

    def handle(self, message: Message) -> None:
        """Take the next message of the job."""
        match message:
            case JobStarted():
                self._began = message
            case NodesCached():
                self._has_gaps |= not self.outputs.isdisjoint(message.nodes)
            case NodesFinished() if message.files:
                self._files[message.nodes] = message.files
            case JobEnded():
                self._ended = self._ended or message
            case _:
                pass

    def history(self) -> JobHistory | None:
        """The job's history; None unless the messages show a success from its start."""
        began, ended = self._began, self._ended
        files = tuple(file for files in self._files.values() for file in files)
        if began is None or ended is None or not ended.succeeded or not files or self._has_gaps:
            return None
        seconds = seconds_between(began.at, ended.at)
        return JobHistory(
            succeeded=True, interrupted=False, error=None, files=files, seconds=seconds
        )


class JobSocket:
    """Listens for one job at a time. Connects when there is one, and stays connected."""

    def __init__(self, address: ServerAddress) -> None:
        self._address = address
        self._tls = address.tls()
        self._state = Condition()
        self._client_id = uuid4().hex
        self._inbox: Inbox | None = None
        self._connection: ClientConnection | None = None
        self._connecting = False
        self._failed = False
        self._closed = False
        self._thread: Thread | None = None
        self._all_nodes_due = 0.0

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._connection is not None

    def subscribe(self, inbox: Inbox) -> str:
        """Put a job's messages into an inbox from now on; gives the client id to submit it with.

        Waits a moment for a connection, but not for one that failed before.
        """
        with self._state:
            self._inbox = inbox
            if self._closed:
                return self._client_id
            if self._connection is None and not self._connecting:
                self._client_id = uuid4().hex
            if self._thread is None:
                self._thread = Thread(target=self._run, name="comfyui-socket", daemon=True)
                self._thread.start()
            self._state.notify_all()
            if not self._failed:
                self._state.wait_for(
                    lambda: self._connection is not None or self._failed or self._closed,
                    _MAX_CONNECT_WAIT,
                )
                self._failed = self._connection is None
            inbox.receive(0)  # that the connection was made is no news for a job that is to come
            inbox.is_complete = self._connection is not None
            return self._client_id

    def unsubscribe(self) -> None:
        """Put messages nowhere: there is no job any more."""
        with self._state:
            self._inbox = None
            self._state.notify_all()

    def close(self) -> None:
        """End the connection and the thread."""
        with self._state:
            self._closed = True
            self._inbox = None
            connection, thread = self._connection, self._thread
            self._state.notify_all()
        if connection is not None:
            connection.close()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        pause = _MIN_RECONNECT
        while True:
            with self._state:
                self._state.wait_for(lambda: self._closed or self._inbox is not None)
                if self._closed:
                    return
                self._connecting = True
            if self._listen():
                pause = _MIN_RECONNECT
            with self._state:
                self._state.wait_for(lambda: self._closed, pause)
            pause = min(2 * pause, _MAX_RECONNECT)

    def _listen(self) -> bool:
        """Connect, and read until the connection ends; whether there was one."""
        opened = False
        try:
            # With a socket that is connected already, no redirect is followed: it would take the
            # headers along.
            sock = socket.create_connection(self._address.host_and_port, _OPEN_SECONDS)
            with connect(
                f"{self._address.socket_url}?clientId={self._client_id}",
                sock=sock,
                ssl=self._tls,
                additional_headers=self._address.headers,
                compression=None,
                proxy=None,
                open_timeout=_OPEN_SECONDS,
                close_timeout=_CLOSE_SECONDS,
                max_size=_MAX_FRAME,
            ) as connection:
                connection.send(_FLAGS)
                opened = True
                self._set_connection(connection)
                for frame in connection:
                    inbox = self._inbox
                    if inbox is None:
                        continue
                    inbox.frames += 1
                    if not self._is_skipped(frame) and (message := read_message(frame)):
                        inbox.put(message)
        except (OSError, EOFError, WebSocketException, ValueError):  # ValueError: a redirect
            pass  # nothing depends on it: the history decides
        self._set_connection(None)
        return opened

    def _set_connection(self, connection: ClientConnection | None) -> None:
        with self._state:
            lost = connection is None and self._connection is not None
            self._connecting = False
            self._connection = connection
            self._failed = connection is None and not lost
            if self._inbox is not None and (lost or connection is not None):
                self._inbox.connection_changed()
            self._state.notify_all()
            closed = self._closed
        if closed and connection is not None:
            connection.close()

    def _is_skipped(self, frame: str | bytes) -> bool:
        """Whether to skip a frame: a list of all nodes comes with every step of a node."""
        if isinstance(frame, bytes) or _ALL_NODES not in frame[:_HEAD]:
            return False
        now = time.monotonic()
        if now < self._all_nodes_due:
            return True
        self._all_nodes_due = now + _ALL_NODES_INTERVAL
        return False
