"""Repeats the recordings' requests to a real ComfyUI, and compares its answers.

    python -m tests.comfyui_double.recorder http://127.0.0.1:8188            # prints what changed
    python -m tests.comfyui_double.recorder http://127.0.0.1:8188 --write    # keeps the answers

Kept answers are in a folder named after the server's version; paths of the machine are replaced.
Only this program's jobs are touched, but others must not run meanwhile: their events would be
recorded too.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import json
import re
import sys
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tests.comfyui_double.client import Listener, Reply, listening, send_request
from tests.comfyui_double.normalization import exact, messages, plain
from tests.comfyui_double.recordings import BEFORE, FOLDER, VERSIONS, names, recording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.comfyui_double.recordings import Recording

say = partial(print, flush=True)

# These need more than one request: a second socket, several jobs, or a file on the server.
_BY_HAND = frozenset(
    {
        "interrupt",
        "ksampler_tiny_interrupt",
        "queue_delete",
        "queue_three",
        "reconnect_same_client_id",
        "upload_and_load",
    }
)
_ROOT = re.compile(r"/[^\s\"'\\]*?/(ComfyUI|site-packages|output|temp)(?=/)")
_SETTLE_SECONDS = 0.3  # after a refusal there should be no message
_FREE_SECONDS = 1.0  # until the server has emptied its cache; it does so between two jobs
_POLL_SECONDS = 0.05
_MAX_LINES = 40  # of a difference


class Recorder:
    """Sends the requests to one server.

    Args:
        url: the server's address.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.version: str = send_request(url, "/system_stats").json["system"]["comfyui_version"]

    def record(self, name: str, earlier: Recording) -> Recording | None:
        """The answers to a recording's request; None if the server lacks a model for it."""
        if self._missing_model(earlier["request"]):
            return None
        request = earlier["request"]
        if isinstance(request, dict):
            request = {**request, **({"client_id": uuid4().hex} if "client_id" in request else {})}
        client_id = request.get("client_id") if isinstance(request, dict) else None
        if not name.startswith("val_") or name in BEFORE:
            self._prepare(name)
        with ExitStack() as opened:
            began = time.monotonic()
            listener = _timed(
                opened.enter_context(listening(self._url, client_id or uuid4().hex)), began
            )
            if any(message.get("type") == "feature_flags" for message in earlier["ws"]):
                listener.request_metadata()
                listener.receive()
            extra: dict[str, Any] = {}
            posted = time.monotonic() - began
            reply = send_request(self._url, "/prompt", request)
            content = _content(reply)
            accepted = reply.status == 200
            if accepted:
                _STORIES.get(name, _nothing)(self._url, content["prompt_id"], listener, extra)
                _until_end(listener)
            else:
                listener.receive(_SETTLE_SECONDS)
            listener.rest()
            history = (
                send_request(self._url, f"/history/{content['prompt_id']}").json if accepted else {}
            )
        made = {
            "scenario": name,
            "note": earlier.get("note"),
            "request": request,
            "http_status": reply.status,
            "content_type": reply.headers.get("content-type"),
            "response": content,
            "t_post": round(posted, 4),
            "finished": accepted,
            "history": history,
            "ws": listener.messages,
            **extra,
        }
        cleaned: Recording = json.loads(_ROOT.sub(r"/\1", json.dumps(made)))
        return cleaned

    def _prepare(self, name: str) -> None:
        """Empty the server's cache, and execute the graphs that ran before."""
        send_request(self._url, "/free", {"unload_models": True, "free_memory": True})
        time.sleep(_FREE_SECONDS)
        if name in BEFORE:
            request = dict(recording(BEFORE[name])["request"])
            job = request["prompt_id"] = str(uuid4())
            del request["client_id"]
            send_request(self._url, "/prompt", request)
            while job not in send_request(self._url, f"/history/{job}").json:
                time.sleep(_POLL_SECONDS)

    def _missing_model(self, request: object) -> bool:
        graph = request.get("prompt", {}) if isinstance(request, dict) else {}
        names = {
            node["inputs"]["ckpt_name"]
            for node in graph.values()
            if isinstance(node, dict) and "ckpt_name" in node.get("inputs", {})
        } - {"nope.safetensors"}
        if not names:
            return False
        info = send_request(self._url, "/object_info/CheckpointLoaderSimple").json
        text = json.dumps(info)
        return not all(name in text for name in names)


def _timed(listener: Listener, began: float) -> Listener:
    receive = listener.receive

    def timed(seconds: float = 10.0) -> dict[str, Any] | None:
        message = receive(seconds)
        if message is not None:
            listener.messages[-1]["t"] = round(time.monotonic() - began, 4)
        return message

    for message in listener.messages:
        message["t"] = 0.0
    listener.receive = timed  # type: ignore[method-assign]
    return listener


def _until_end(listener: Listener) -> None:
    if any(_is_done(message) for message in listener.messages):
        return
    with contextlib.suppress(TimeoutError):  # there are no events for a job without a client
        listener.until(_is_done)


def _is_done(message: dict[str, Any]) -> bool:
    return message.get("type") == "executing" and message["data"]["node"] is None


def _nothing(_url: str, _job: str, _listener: Listener, _extra: dict[str, Any]) -> None:
    pass


def _interrupt(url: str, job: str, listener: Listener, extra: dict[str, Any]) -> None:
    """First with an unknown id, then with the job's own, while its third node runs."""
    listener.until(lambda message: message.get("data", {}).get("node") == "3")
    other = send_request(url, "/interrupt", {"prompt_id": str(uuid4())})
    extra["interrupt_other"] = {"status": other.status}
    extra["interrupt"] = {"status": send_request(url, "/interrupt", {"prompt_id": job}).status}


_STORIES: dict[str, Callable[[str, str, Listener, dict[str, Any]], None]] = {
    "interrupt_targeted": _interrupt,
}


def _content(reply: Reply) -> Any:  # noqa: ANN401 (any JSON)
    try:
        return reply.json
    except ValueError:
        return reply.body.decode()


def differences(earlier: Recording, later: Recording) -> Iterator[str]:
    """A line for each difference: "-" for the earlier recording, "+" for the later one."""
    for part in ("http_status", "content_type", "response", "history", "ws"):
        before, after = (_comparable(which, part) for which in (earlier, later))
        lines = difflib.unified_diff(
            before, after, f"{part} before", f"{part} now", n=1, lineterm=""
        )
        yield from list(lines)[:_MAX_LINES]


def _comparable(recorded: Recording, part: str) -> list[str]:
    response = recorded["response"]
    job = response.get("prompt_id", "") if isinstance(response, dict) else ""
    client = (
        recorded["request"].get("client_id", "") if isinstance(recorded["request"], dict) else ""
    )
    if part == "ws":
        texts = messages([m for m in recorded["ws"] if m.get("type") != "status"], job)
        text = "\n".join(texts)
    else:
        text = exact(plain(recorded.get(part) or {}, job))
    return (text.replace(client, "THE-CLIENT") if len(client) > 1 else text).splitlines()


def main() -> int:
    """Compare every recording; returns 1 if something changed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--write", action="store_true", help="keep the answers")
    parser.add_argument("--name", action="append", help="only this recording; may be repeated")
    options = parser.parse_args()
    recorder = Recorder(options.url)
    newest = VERSIONS[-1]
    say(f"ComfyUI {recorder.version}, compared with recordings of {newest}")
    changed, skipped = [], []
    for name in options.name or sorted({n for v in VERSIONS for n in names(v)} - _BY_HAND):
        earlier = recording(name, newest if name in names(newest) else VERSIONS[0])
        later = recorder.record(name, earlier)
        if later is None:
            skipped.append(name)
            continue
        if lines := list(differences(earlier, later)):
            changed.append(name)
            say(f"\n=== {name}", *lines, sep="\n")
        if options.write:
            folder = FOLDER / recorder.version
            folder.mkdir(exist_ok=True)
            text = json.dumps(later, indent=1, ensure_ascii=False)
            (folder / f"{name}.json").write_text(f"{text}\n", "utf-8")
    say(f"\nchanged: {', '.join(changed) or 'nothing'}")
    say(f"not asked, since the server lacks their model: {', '.join(skipped) or 'nothing'}")
    say(f"not asked, since they need more than one question: {', '.join(sorted(_BY_HAND))}")
    return int(bool(changed))


if __name__ == "__main__":
    sys.exit(main())
