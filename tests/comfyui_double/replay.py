"""Replay: a server that answers with a recording, and sends its events in the recorded order.

It executes nothing. The client's ids replace the recorded ones; all else is unchanged. The history
shows the job from the recorded moment on: after success or error, before ``executing null``. If a
recording has a second socket of the same client, the first one is dropped, and the rest is sent
once the client is back, or after a minute.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any

from tests.comfyui_double import replayed_media
from tests.comfyui_double.http_server import HttpServer
from tests.comfyui_double.recordings import recording as load
from tests.comfyui_double.requests import BROKEN, NOT_FOUND, Answer, Request, as_json, as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.comfyui_double.recordings import Recording
    from tests.comfyui_double.websocket import WebSocket

_AGAIN = "ws_reconnected_same_client_id"
_RETURN_SECONDS = 60.0


class Replay:
    """A server that replays one recording.

    Attributes:
        recorded: the recording.
        requests: every request, in order.
        prompt_id: the posted job's id; the recorded one before that.
        finished: set when the history shows the job.
        released: set to send the rest after a message that is held.
    """

    def __init__(
        self, recorded: Recording, pace: float, held: Callable[[dict[str, Any]], bool]
    ) -> None:
        self.recorded = recorded
        self.requests: list[Request] = []
        self.finished = Event()
        self.released = Event()
        self._names: dict[str, str] = {}
        self._pace = pace
        self._held = held
        self._answers = _recorded_answers(recorded)
        self._sockets: list[WebSocket] = []
        self._returned = Event()
        self._closed = Event()
        self._lock = Lock()
        self._player: Thread | None = None
        self._server = HttpServer(0, self._answer, self._listener)

    @property
    def url(self) -> str:
        """Its address, without a trailing slash."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def prompt_id(self) -> str:
        """The id of the job, as the client knows it."""
        response = self.recorded["response"]
        recorded: str = response.get("prompt_id", "") if isinstance(response, dict) else ""
        return self._names.get(recorded, recorded)

    def close(self) -> None:
        """Close all connections and threads."""
        self._closed.set()
        self._returned.set()
        self.released.set()
        if self._player:
            self._player.join()
        self._server.close()
        for mistake in self._server.mistakes:
            raise mistake

    def _answer(self, request: Request) -> Answer:
        self.requests.append(request)
        name, _, rest = request.path.strip("/").partition("/")
        if request.method == "GET":
            return self._look(name, rest, request)
        if name == "prompt":
            return self._post(request)
        return Answer(200) if name in {"interrupt", "queue", "free"} else NOT_FOUND

    def _look(self, name: str, rest: str, request: Request) -> Answer:
        match name:
            case "history":
                entry = self.recorded.get("history", {}) if self.finished.is_set() else {}
                mine = rest in {"", self.prompt_id}
                return as_json(self._renamed(entry) if mine else {})
            case "queue":
                return as_json(self._queue())
            case "object_info":
                return as_json(replayed_media.object_info(self.recorded, rest))
            case "view":
                return replayed_media.view(request)
            case _:
                return NOT_FOUND

    def _post(self, request: Request) -> Answer:
        with self._lock:
            if not self._answers:
                return BROKEN
            status, recorded = self._answers.pop(0)
            if isinstance(recorded, str):
                return as_text(recorded, status)
            self._learn(request.json, recorded)
            if status == 200 and self._player is None:
                self._player = Thread(target=self._play, name="comfyui-double-replay")
                self._player.start()
            return as_json(self._renamed(recorded), status)

    def _learn(self, asked: dict[str, Any], recorded: dict[str, Any]) -> None:
        """Learn which ids replace the recorded ones."""
        if "prompt_id" in asked and "prompt_id" in recorded:
            self._names[recorded["prompt_id"]] = asked["prompt_id"]

    def _renamed(self, value: object) -> Any:  # noqa: ANN401 (any JSON)
        text = json.dumps(value)
        for recorded, actual in self._names.items():
            text = text.replace(recorded, actual)
        return json.loads(text)

    def _queue(self) -> dict[str, Any]:
        entries = self.recorded.get("history", {}).values()
        running = self._player is not None and not self.finished.is_set()
        rows = [self._renamed(each["prompt"]) for each in entries] if running else []
        return {"queue_running": rows, "queue_pending": []}

    def _listener(self, request: Request) -> Callable[[WebSocket], None]:
        recorded = self.recorded["ws"][0]["data"]["sid"]
        self._names[recorded] = request.query.get("clientId", recorded)
        return self._listen

    def _listen(self, socket: WebSocket) -> None:
        again = bool(self._sockets) and _AGAIN in self.recorded
        told = self.recorded[_AGAIN][:2] if again else self.recorded["ws"][:1]
        self._sockets.append(socket)
        if not socket.accept():
            return
        for message in told:
            self._send(socket, message)
        if again:
            self._returned.set()
        flags = self.recorded["ws"][1:2]
        for text in socket.received():
            if "feature_flags" in text and flags and flags[0].get("type") == "feature_flags":
                self._send(socket, flags[0])

    def _play(self) -> None:
        """Send the recorded messages, each at its time."""
        first = [each for each in self.recorded["ws"][1:] if each.get("type") != "feature_flags"]
        self._tell(first, self.recorded["t_post"])
        if _AGAIN in self.recorded:
            # A fast client may be back already.
            self._sockets[0].drop()
            self._returned.wait(_RETURN_SECONDS)
            self._tell(self.recorded[_AGAIN][2:], self.recorded[_AGAIN][1]["t"])
        self.finished.set()

    def _tell(self, messages: list[dict[str, Any]], before: float) -> None:
        ends = ("execution_success", "execution_error", "execution_interrupted")
        began = time.monotonic()
        last = max((n for n, each in enumerate(messages) if each.get("type") in ends), default=-2)
        for number, message in enumerate(messages):
            due = (message["t"] - before) * self._pace - (time.monotonic() - began)
            if due > 0:
                self._closed.wait(due)
            if number == last + 1:
                self.finished.set()
            for socket in self._sockets[-1:]:
                self._send(socket, message)
            if self._held(message):
                self.released.wait()

    def _send(self, socket: WebSocket, message: dict[str, Any]) -> None:
        if message.get("binary"):
            socket.send(replayed_media.preview(self._renamed(message)))
        else:
            told = {"type": message["type"], "data": message["data"]}
            socket.send(json.dumps(self._renamed(told)))


@contextmanager
def replaying(
    recorded: Recording | str,
    pace: float = 0.0,
    held: Callable[[dict[str, Any]], bool] = lambda _: False,
) -> Iterator[Replay]:
    """A server that replays a recording for the duration of the block.

    Args:
        recorded: a recording, or its name.
        pace: factor for the recorded times; 0 is without delay, 1 as recorded.
        held: whether nothing is sent after a message until the replay is released.
    """
    replay = Replay(load(recorded) if isinstance(recorded, str) else recorded, pace, held)
    try:
        yield replay
    finally:
        replay.close()


def _recorded_answers(recorded: Recording) -> list[tuple[int, Any]]:
    """The recorded answers to each post, in order."""
    later = [*recorded.get("more", ()), *([recorded["second"]] if "second" in recorded else ())]
    return [(recorded["http_status"], recorded["response"]), *((200, each) for each in later)]
