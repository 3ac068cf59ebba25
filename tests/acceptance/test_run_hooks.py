"""Hooks from the configuration, delivered by ``mediagen run`` without delaying it."""

from __future__ import annotations

import base64
import json
import re
import shlex
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.mediagen import image, wait_until
from tests.integration.hooks.receiver import Receiver, answering, hanging, receiving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.acceptance.mediagen import Installation

SECRET = "s3cret"  # noqa: S105 - of a test
OUTBOX = "SELECT count(*), count(given_up_at) FROM media_generator_notices"
STANDARD_SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"  # noqa: S105 - of a test
EXAMPLES = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that answers 204."""
    with receiving() as listening:
        yield listening


def _hooks(installation: Installation, **hooks: Any) -> None:  # noqa: ANN401 - whatever a file can hold
    settings = {"secret": SECRET, "timeout_seconds": 60, "base_seconds": 0.1, **hooks}
    installation.configure({"hooks": settings})


def _append_to(file: Path) -> list[str]:
    """A command that appends each payload to a file as one line."""
    return ["/bin/sh", "-c", f"cat >> {shlex.quote(str(file))}; echo >> {shlex.quote(str(file))}"]


def _messages(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_both_transports_get_both_events(installation: Installation, receiver: Receiver) -> None:
    """A ready picture and an invalid brief, each to the hooks of its event."""
    ready, broken = installation.folder / "ready", installation.folder / "broken"
    _hooks(
        installation,
        published={"command": _append_to(ready), "webhook": receiver.address},
        error={"command": _append_to(broken)},
    )
    installation.poet.write(image("a secret lake"))
    installation.poet.write("no JSON at all")
    assert installation.run().returncode == 1
    [published], [error] = _messages(ready), _messages(broken)
    [posted] = receiver.requests
    [row] = installation.rows(1)
    [artifact] = published["artifacts"]
    assert (published["event"], published["prompt_id"], published["kind"]) == (
        "published",
        1,
        "image",
    )
    assert published["error"] is None
    assert (artifact["file_path"], artifact["preview_path"]) == (
        row["file_path"],
        row["preview_path"],
    )
    assert artifact["sha256"] == row["metadata"]["sha256"]
    assert (error["event"], error["prompt_id"], error["artifacts"]) == ("error", 2, [])
    assert error["error"]["code"] == "brief_not_json"
    assert error["error"]["hint"]
    payload = json.loads(posted.body)
    assert payload["id"] == posted.headers["webhook-id"] != published["id"]
    assert {**payload, "id": ""} == {**published, "id": ""}
    assert "secret lake" not in ready.read_text("utf-8") + posted.body.decode()
    assert installation.poet.execute(OUTBOX) == [(0, 0)]
    installation.check()


def test_a_receiver_can_verify_a_webhook_as_the_docs_say(
    installation: Installation, receiver: Receiver, pytestconfig: pytest.Config
) -> None:
    """The docs' two examples are executed unchanged, for each form of a secret."""
    document = (pytestconfig.rootpath / "docs" / "hooks.md").read_text("utf-8")
    plain_form = "whsec_" + base64.b64encode(SECRET.encode()).decode()
    names: dict[str, Any] = {}
    for example in EXAMPLES.findall(document):
        exec(example, names)  # noqa: S102 - our own documentation
    by_hand, by_package = names["verify"], names["verify_with_package"]
    unpadded = "whsec_" + base64.b64encode(b"u" * 31).decode().rstrip("=")
    secrets = ((SECRET, plain_form), (STANDARD_SECRET, STANDARD_SECRET), (unpadded, unpadded))
    for secret, receiver_secret in secrets:
        _hooks(installation, published={"webhook": receiver.address}, secret=secret)
        installation.poet.write(image("a lake"))
        assert installation.run().returncode == 0
        posted = receiver.requests[-1]
        old = {**posted.headers, "webhook-timestamp": str(int(time.time()) - 3600)}
        for verify in (by_hand, by_package):
            assert verify(receiver_secret, posted.headers, posted.body)
            assert not verify("whsec_b3RoZXI=", posted.headers, posted.body)
            assert not verify(receiver_secret, posted.headers, posted.body + b" ")
            assert not verify(receiver_secret, old, posted.body)
            assert not verify(receiver_secret, {}, posted.body)


def test_a_failed_delivery_is_retried_by_the_next_run(
    installation: Installation, receiver: Receiver
) -> None:
    """With the same id each time; a delivered message is not sent again."""
    receiver.behaviours = [answering(503), answering(500)]
    _hooks(installation, published={"webhook": receiver.address}, base_seconds=0)
    installation.poet.write(image("a lake"))
    assert installation.run().returncode == 0
    assert installation.run().returncode == 0
    messages = [json.loads(posted.body) for posted in receiver.requests]
    assert [each["attempts"] for each in messages] == [1, 2, 3]
    assert len({each["id"] for each in messages}) == 1
    assert installation.poet.execute(OUTBOX) == [(0, 0)]


@pytest.mark.slow
def test_a_hanging_receiver_delays_neither_renders_nor_the_end(
    installation: Installation, receiver: Receiver
) -> None:
    """Everything is rendered; the messages are kept for the next run, and a note says so."""
    receiver.behaviours = [hanging] * 9
    ready = installation.folder / "ready"
    _hooks(
        installation,
        published={"command": _append_to(ready), "webhook": receiver.address},
        timeout_seconds=3600,
    )
    for _ in range(3):
        installation.poet.write(image("a lake"))
    ended = installation.run()
    assert ended.returncode == 0
    assert "hook deliveries still waiting: 3;" in ended.stderr
    assert set(installation.statuses().values()) == {"ready"}
    assert len(_messages(ready)) == 3
    receiver.behaviours = []
    assert installation.run().returncode == 0
    assert len({posted.headers["webhook-id"] for posted in receiver.requests}) == 3
    assert installation.poet.execute(OUTBOX) == [(0, 0)]


def test_a_run_that_is_killed_during_a_delivery_repeats_it(
    installation: Installation, receiver: Receiver
) -> None:
    """A later run delivers it with the same id, once the lease of the dead run has expired."""
    receiver.behaviours = [hanging]
    _hooks(installation, published={"webhook": receiver.address})
    installation.poet.write(image("a lake"))
    with installation.started("run") as process:
        wait_until(lambda: receiver.requests)
        process.kill()
        process.wait()
    assert installation.statuses() == {1: "ready"}
    assert installation.run().returncode == 0
    assert len(receiver.requests) == 1
    installation.poet.execute("UPDATE media_generator_notices SET next_try_at = '2026'")
    assert installation.run().returncode == 0
    first, second = (posted.headers["webhook-id"] for posted in receiver.requests)
    assert first == second
    assert installation.poet.execute(OUTBOX) == [(0, 0)]


def test_an_undeliverable_message_is_given_up(installation: Installation) -> None:
    """After the configured number of attempts, with the reason."""
    failing = [sys.executable, "-c", "import sys; sys.exit('no such channel')"]
    _hooks(installation, error={"command": failing}, max_attempts=2, base_seconds=0)
    installation.poet.write("no JSON at all")
    assert installation.run().returncode == 1
    assert installation.poet.execute(OUTBOX) == [(1, 1)]
    [(error,)] = installation.poet.execute("SELECT last_error FROM media_generator_notices")
    assert error == "the command ended with exit code 1: no such channel"


def test_without_hooks_nothing_mentions_them(installation: Installation) -> None:
    """Neither a table nor a text."""
    installation.poet.write(image("a lake"))
    ended = installation.run()
    assert (ended.returncode, "hook" in ended.stderr) == (0, False)
    named = "SELECT 1 FROM sqlite_schema WHERE name LIKE '%notices%'"
    assert installation.poet.execute(named) == []


def test_a_command_gets_the_output_root(installation: Installation) -> None:
    """The paths in the payload are relative to that folder."""
    file = installation.folder / "root"
    command = ["/bin/sh", "-c", f'printf %s "$MEDIAGEN_OUTPUT_ROOT" > {shlex.quote(str(file))}']
    _hooks(installation, published={"command": command})
    installation.poet.write(image("a lake"))
    assert installation.run().returncode == 0
    assert file.read_text("utf-8") == str(installation.root)


def test_hooks_and_workflows_do_not_inherit_secrets(installation: Installation) -> None:
    """Whatever the variable's name is; other variables reach both."""
    installation.shell.environment |= {
        "OF_THE_PAGE": "page-canary-1234",
        "OF_HOOKS": "hook-canary-1234",
        "LOGIN": "login-canary-1234",
        "HARMLESS": "no secret at all",
    }
    hook, script = installation.folder / "hook", installation.folder / "script"
    (installation.scripts / "tells.py").write_text(
        f"import os\nopen({str(script)!r}, 'w').write(repr(os.environ))\nraise SystemExit(1)\n"
    )
    command = ["/bin/sh", "-c", f"env > {shlex.quote(str(hook))}"]
    installation.configure(
        {
            "hooks": {"secret": "pre-$OF_HOOKS", "error": {"command": command}},
            "web": {"token": "${OF_THE_PAGE}"},
            "comfyui": {"hosts": [{"url": "http://127.0.0.1:9", "headers": {"X-A": "${LOGIN}"}}]},
            "media": {"scripts": installation.script_paths("tells.py")},
        }
    )
    installation.poet.write(image("a lake"))
    installation.run()
    for inherited in (hook.read_text("utf-8"), script.read_text("utf-8")):
        assert "no secret at all" in inherited
        assert "canary" not in inherited
