"""What a daemon shows to the outside: log, metrics, health, live state and hooks."""

from __future__ import annotations

import json
import signal
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.mediagen import Installation, image, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

CANARY = "a canary that must not be logged"


class Observed:
    """A daemon, its log, and its HTTP address."""

    def __init__(self, installation: Installation, **sections: Any) -> None:  # noqa: ANN401 - as in the file
        self.installation = installation
        self.file = installation.shell.home / "daemon.log"
        installation.configure(
            {"logging": {"file": str(self.file)}, "web": {"health_port": 0}, **sections}
        )

    @contextmanager
    def running(self, *arguments: str) -> Iterator[None]:
        """Run the daemon for the duration of the block, then stop it in order."""
        with self.installation.started("daemon", *arguments) as process:
            yield
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=90)
        assert process.returncode == 0

    def lines(self) -> list[dict[str, Any]]:
        """The lines of its log."""
        if not self.file.exists():
            return []
        return [json.loads(line) for line in self.file.read_text("utf-8").splitlines()]

    def wait_for(self, event: str) -> dict[str, Any]:
        """Wait for the first log line of an event."""
        wait_until(lambda: any(line["event"] == event for line in self.lines()))
        return next(line for line in self.lines() if line["event"] == event)

    def get(self, path: str) -> tuple[int, str]:
        """Send it a GET request."""
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


def test_each_transition_is_logged_without_the_prompt_text(installation: Installation) -> None:
    """As JSON, since it is no terminal; with prompt, render, kind and seconds."""
    observed = Observed(installation)
    prompt_id = installation.poet.write(image(CANARY))
    broken = installation.poet.write('{"prompt": {"' + CANARY + '": 1}}')
    with observed.running():
        wait_until(lambda: installation.statuses() == {prompt_id: "ready", broken: "error"})
    events = [line["event"] for line in observed.lines()]
    assert events[0] == "daemon.started" or events[1] == "daemon.started"
    assert events[-2:] == ["daemon.stopping", "daemon.stopped"]
    ready = next(line for line in observed.lines() if line["event"] == "prompt.ready")
    assert (ready["prompt"], ready["kind"]) == (prompt_id, "image")
    assert ready["seconds"] > 0
    assert "canary" not in observed.file.read_text("utf-8")


def test_health_and_metrics_during_work(installation: Installation) -> None:
    """Counts by kind and outcome, the queue's depth, and whether it is up."""
    observed = Observed(installation)
    ready, failed = (
        installation.poet.write(image("a lake")),
        installation.poet.write("no JSON at all"),
    )
    with observed.running():
        wait_until(
            lambda: {installation.statuses()[n] for n in (ready, failed)} == {"ready", "error"}
        )
        assert observed.get("/healthz")[0] == 200
        assert observed.get("/readyz")[0] == 200
        assert observed.get("/elsewhere")[0] == 404
        wait_until(
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


def test_a_queue_paused_by_the_environment_is_healthy_but_not_ready(
    installation: Installation,
) -> None:
    """A load balancer sends nothing, and no supervisor restarts it for that."""
    (installation.comfyui / "broken").touch()
    media = {"scripts": installation.script_paths("lacks_modules.py")}
    observed = Observed(installation, media=media, retry={"probe_seconds": 1})
    ids = [installation.poet.write(image(f"lake {n}")) for n in range(4)]
    with observed.running():
        paused = observed.wait_for("queue.paused")
        assert paused["code"] == "comfyui_import"
        wait_until(lambda: observed.get("/readyz")[0] == 503)
        assert observed.get("/healthz")[0] == 200
        (installation.comfyui / "broken").unlink()
        observed.wait_for("queue.resumed")
        wait_until(lambda: {installation.statuses()[n] for n in ids} == {"ready"})
        wait_until(lambda: observed.get("/readyz")[0] == 200)


def test_live_progress_is_visible_to_other_processes(installation: Installation) -> None:
    """And gone together with the daemon."""
    observed = Observed(installation, media={"scripts": installation.script_paths("waits.py")})
    prompt_id = installation.poet.write(image("a lake"))
    with observed.running():
        wait_until((installation.comfyui / "began").exists)
        # The daemon writes its live state a moment after the render has begun.
        wait_until(
            lambda: any(each["slot"] for each in installation.shell.json("status")["rendering"])
        )
        status = installation.shell.json("status")
        assert [worker["command"] for worker in status["workers"]] == ["daemon"]
        [render] = status["rendering"]
        assert (render["prompt_id"], render["slot"]) == (prompt_id, "shared-1")
        installation.release()
        wait_until(lambda: installation.statuses()[prompt_id] == "ready")
    assert installation.shell.json("status")["workers"] == []


class _Receiver(BaseHTTPRequestHandler):
    answers: ClassVar[list[int]]
    got: ClassVar[list[dict[str, Any]]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append(json.loads(body))
        self.send_response(self.answers.pop(0) if self.answers else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.mark.slow
def test_a_hook_that_fails_twice_is_delivered_in_the_end(installation: Installation) -> None:
    """Each prompt once, judged by the message's id; no render waits for it."""
    _Receiver.answers, _Receiver.got = [500, 503], []
    server = HTTPServer(("127.0.0.1", 0), _Receiver)
    Thread(target=server.serve_forever, daemon=True).start()
    hooks = {
        "published": {"webhook": f"http://127.0.0.1:{server.server_port}/ready"},
        "base_seconds": 0.1,
    }
    observed = Observed(installation, hooks=hooks)
    ids = [installation.poet.write(image(f"lake {n}")) for n in range(3)]
    try:
        with observed.running():
            wait_until(lambda: len({got["prompt_id"] for got in _Receiver.got}) == len(ids))
            wait_until(lambda: len(_Receiver.got) >= len(ids) + 2)
            wait_until(lambda: [line["event"] for line in observed.lines()].count("hook.told") == 3)
    finally:
        server.shutdown()
        server.server_close()
    assert len({got["id"] for got in _Receiver.got}) == len(ids)
    assert [line["event"] for line in observed.lines()].count("hook.postponed") == 2
    installation.check()


def test_the_daemon_serves_the_web_page_too(installation: Installation) -> None:
    """On the configured port, from start to end."""
    observed = Observed(installation, web={"port": 0})
    prompt_id = installation.poet.write(image("a lake"))
    with observed.running("--serve"):
        wait_until(lambda: installation.statuses()[prompt_id] == "ready")
        address = urlsplit(str(observed.wait_for("page.listening")["url"]))
        connection = HTTPConnection(str(address.hostname), address.port, timeout=60)
        connection.request("GET", f"/api/prompts/{prompt_id}/artifacts")
        answer = connection.getresponse()
        assert answer.status == 200
        [artifact] = json.loads(answer.read())["artifacts"]
        connection.request("GET", f"/api/media/{artifact['file_path']}")
        content = connection.getresponse().read()
        connection.close()
        assert content == (installation.root / artifact["file_path"]).read_bytes()
