"""What others see of a daemon: its log, its metrics, its health, its live state, its hooks."""

from __future__ import annotations

import json
import signal
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.mediagen import Installation, image, until

if TYPE_CHECKING:
    from collections.abc import Iterator

CANARY = "a canary that nobody must hear of"


class Observed:
    """A daemon, its log, and where it answers."""

    def __init__(self, place: Installation, **sections: Any) -> None:  # noqa: ANN401 - as in the file
        self.place = place
        self.file = place.shell.home / "daemon.log"
        place.configure(
            {"logging": {"file": str(self.file)}, "web": {"health_port": 0}, **sections}
        )

    @contextmanager
    def running(self, *arguments: str) -> Iterator[None]:
        """While it works; then it ends in good order."""
        with self.place.started("daemon", *arguments) as process:
            yield
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=90)
        assert process.returncode == 0

    def lines(self) -> list[dict[str, Any]]:
        """What it logged."""
        if not self.file.exists():
            return []
        return [json.loads(line) for line in self.file.read_text("utf-8").splitlines()]

    def wait_for(self, event: str) -> dict[str, Any]:
        """The first line of that event."""
        until(lambda: any(line["event"] == event for line in self.lines()))
        return next(line for line in self.lines() if line["event"] == event)

    def get(self, path: str) -> tuple[int, str]:
        """Ask it over HTTP."""
        address = urlsplit(str(self.wait_for("health.listening")["url"]))
        connection = HTTPConnection(str(address.hostname), address.port, timeout=60)
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def samples(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        """Its metrics, by name and labels."""
        families = text_string_to_metric_families(self.get("/metrics")[1])
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }


def test_each_transition_is_a_line_without_a_word_of_the_prompt(place: Installation) -> None:
    """JSON, since it is no terminal; with prompt, render, kind and seconds."""
    observed = Observed(place)
    prompt_id = place.poet.write(image(CANARY))
    broken = place.poet.write('{"prompt": {"' + CANARY + '": 1}}')
    with observed.running():
        until(lambda: place.statuses() == {prompt_id: "ready", broken: "error"})
    named = [line["event"] for line in observed.lines()]
    assert named[0] == "daemon.started" or named[1] == "daemon.started"
    assert named[-2:] == ["daemon.stopping", "daemon.stopped"]
    ready = next(line for line in observed.lines() if line["event"] == "prompt.ready")
    assert (ready["prompt"], ready["kind"]) == (prompt_id, "image")
    assert ready["seconds"] > 0
    assert "canary" not in observed.file.read_text("utf-8")


def test_health_and_metrics_answer_while_it_works(place: Installation) -> None:
    """Counts by kind and outcome, the queue's depth, and whether it is up."""
    observed = Observed(place)
    ready, failed = place.poet.write(image("a lake")), place.poet.write("no JSON at all")
    with observed.running():
        until(lambda: {place.statuses()[n] for n in (ready, failed)} == {"ready", "error"})
        assert observed.get("/healthz")[0] == 200
        assert observed.get("/readyz")[0] == 200
        assert observed.get("/elsewhere")[0] == 404
        until(
            lambda: (
                observed.samples()[
                    ("mediagen_prompts_total", (("kind", "image"), ("outcome", "published")))
                ]
                == 1
            )
        )
        samples = observed.samples()
        assert samples[("mediagen_failures_total", (("code", "brief_not_json"),))] == 1
        assert samples[("mediagen_up", ())] == 1


def test_a_queue_that_the_environment_stopped_is_not_ready_but_healthy(place: Installation) -> None:
    """Whoever balances load sends nothing, and nobody restarts it for that."""
    (place.comfyui / "broken").touch()
    media = {"scripts": place.named("unready.py")}
    observed = Observed(place, media=media, retry={"probe_seconds": 1})
    ids = [place.poet.write(image(f"lake {n}")) for n in range(4)]
    with observed.running():
        paused = observed.wait_for("queue.paused")
        assert paused["code"] == "comfyui_import"
        until(lambda: observed.get("/readyz")[0] == 503)
        assert observed.get("/healthz")[0] == 200
        (place.comfyui / "broken").unlink()
        observed.wait_for("queue.resumed")
        until(lambda: {place.statuses()[n] for n in ids} == {"ready"})
        until(lambda: observed.get("/readyz")[0] == 200)


def test_live_progress_is_seen_from_other_processes(place: Installation) -> None:
    """And is gone with the daemon."""
    observed = Observed(place, media={"scripts": place.named("waits.py")})
    prompt_id = place.poet.write(image("a lake"))
    with observed.running():
        until((place.comfyui / "began").exists)
        # The daemon writes what it shows a moment after the render has begun.
        until(lambda: any(each["slot"] for each in place.shell.json("status")["rendering"]))
        status = place.shell.json("status")
        assert [worker["command"] for worker in status["workers"]] == ["daemon"]
        [render] = status["rendering"]
        assert (render["prompt_id"], render["slot"]) == (prompt_id, "shared-1")
        place.go()
        until(lambda: place.statuses()[prompt_id] == "ready")
    assert place.shell.json("status")["workers"] == []


class _Receiver(BaseHTTPRequestHandler):
    answers: ClassVar[list[int]]
    got: ClassVar[list[dict[str, Any]]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append(json.loads(body))
        self.send_response(self.answers.pop(0) if self.answers else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing to say."""


def test_a_hook_that_fails_twice_is_told_in_the_end(place: Installation) -> None:
    """Each prompt once, as far as the receiver can tell by the id; no render waits for it."""
    _Receiver.answers, _Receiver.got = [500, 503], []
    server = HTTPServer(("127.0.0.1", 0), _Receiver)
    Thread(target=server.serve_forever, daemon=True).start()
    hooks = {
        "published": {"webhook": f"http://127.0.0.1:{server.server_port}/ready"},
        "base_seconds": 0.1,
    }
    observed = Observed(place, hooks=hooks)
    ids = [place.poet.write(image(f"lake {n}")) for n in range(3)]
    try:
        with observed.running():
            until(lambda: len({got["prompt_id"] for got in _Receiver.got}) == len(ids))
            until(lambda: len(_Receiver.got) >= len(ids) + 2)
            until(lambda: [line["event"] for line in observed.lines()].count("hook.told") == 3)
    finally:
        server.shutdown()
        server.server_close()
    assert len({got["id"] for got in _Receiver.got}) == len(ids)
    assert [line["event"] for line in observed.lines()].count("hook.postponed") == 2
    place.check()


def test_the_page_is_shown_by_the_daemon_too(place: Installation) -> None:
    """On the port of the settings, from the first moment to the last."""
    observed = Observed(place, web={"port": 0})
    prompt_id = place.poet.write(image("a lake"))
    with observed.running("--serve"):
        until(lambda: place.statuses()[prompt_id] == "ready")
        address = urlsplit(str(observed.wait_for("page.listening")["url"]))
        connection = HTTPConnection(str(address.hostname), address.port, timeout=60)
        connection.request("GET", f"/api/prompts/{prompt_id}/artifacts")
        answer = connection.getresponse()
        assert answer.status == 200
        [artifact] = json.loads(answer.read())["artifacts"]
        connection.request("GET", f"/api/media/{artifact['file_path']}")
        content = connection.getresponse().read()
        connection.close()
        assert content == (place.root / artifact["file_path"]).read_bytes()
