"""Hooks as a user sets them: told by ``mediagen run``, never in its way."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import shlex
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.mediagen import image, until
from tests.integration.hooks.receiver import Receiver, answering, hanging, receiving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.acceptance.mediagen import Installation

SECRET = "s3cret"  # noqa: S105 - of a test
NOTICES = "SELECT count(*), count(given_up_at) FROM media_generator_notices"
# A receiver's own check, as docs/hooks.md has it.
CHECK = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """One that listens."""
    with receiving() as listening:
        yield listening


def _hooks(place: Installation, **hooks: Any) -> None:  # noqa: ANN401 - whatever a file can hold
    settings = {"secret": SECRET, "timeout_seconds": 5, "base_seconds": 0.1, **hooks}
    place.configure({"hooks": settings})


def _keeping(file: Path) -> list[str]:
    """A command that adds what it is told to a file, a line for each."""
    return ["/bin/sh", "-c", f"cat >> {shlex.quote(str(file))}; echo >> {shlex.quote(str(file))}"]


def _told(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_both_ways_are_told_of_both_ends(place: Installation, receiver: Receiver) -> None:
    """A picture that became ready and a brief that is none, each where it is wanted."""
    ready, broken = place.folder / "ready", place.folder / "broken"
    _hooks(
        place,
        published={"command": _keeping(ready), "webhook": receiver.address},
        error={"command": _keeping(broken)},
    )
    place.poet.write(image("a secret lake"))
    place.poet.write("no JSON at all")
    assert place.run().returncode == 1
    [published], [error] = _told(ready), _told(broken)
    [posted] = receiver.got
    [row] = place.rows(1)
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
    told = json.loads(posted.body)
    assert told["id"] == posted.headers["X-Mediagen-Delivery"] != published["id"]
    assert {**told, "id": ""} == {**published, "id": ""}
    assert "secret lake" not in ready.read_text("utf-8") + posted.body.decode()
    assert place.poet.execute(NOTICES) == [(0, 0)]
    place.check()


def test_a_receiver_can_check_the_signature_as_the_docs_say(
    place: Installation, receiver: Receiver, pytestconfig: pytest.Config
) -> None:
    """The example of the docs is run as it stands there."""
    _hooks(place, published={"webhook": receiver.address})
    place.poet.write(image("a lake"))
    assert place.run().returncode == 0
    [posted] = receiver.got
    [example] = CHECK.findall((pytestconfig.rootpath / "docs" / "hooks.md").read_text("utf-8"))
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 - our own documentation
    header = posted.headers["X-Mediagen-Signature"]
    is_ours = names["is_ours"]
    assert is_ours(SECRET, header, posted.body)
    assert not is_ours("another", header, posted.body)
    assert not is_ours(SECRET, header, posted.body + b" ")
    old = int(time.time()) - 3600
    digest = hmac.new(SECRET.encode(), b"%d.%b" % (old, posted.body), hashlib.sha256).hexdigest()
    assert not is_ours(SECRET, f"t={old},v1={digest}", posted.body)
    assert not is_ours(SECRET, "nonsense", posted.body)


def test_a_receiver_that_fails_twice_is_told_in_the_end(
    place: Installation, receiver: Receiver
) -> None:
    """By the runs that follow, with the same name each time; nothing is told again then."""
    receiver.behaviours = [answering(503), answering(500)]
    _hooks(place, published={"webhook": receiver.address}, base_seconds=0)
    place.poet.write(image("a lake"))
    assert place.run().returncode == 0
    assert place.run().returncode == 0
    told = [json.loads(posted.body) for posted in receiver.got]
    assert [each["attempts"] for each in told] == [1, 2, 3]
    assert len({each["id"] for each in told}) == 1
    assert place.poet.execute(NOTICES) == [(0, 0)]


def test_a_receiver_that_hangs_holds_up_neither_renders_nor_the_end(
    place: Installation, receiver: Receiver
) -> None:
    """All is rendered and the run ends in good time; the notices are kept, and it says so."""
    receiver.behaviours = [hanging] * 9
    ready = place.folder / "ready"
    _hooks(
        place,
        published={"command": _keeping(ready), "webhook": receiver.address},
        timeout_seconds=3600,
    )
    for _ in range(3):
        place.poet.write(image("a lake"))
    ended = place.run()
    assert ended.returncode == 0
    assert "notices that hooks are still to get: 3;" in ended.stderr
    assert set(place.statuses().values()) == {"ready"}
    assert len(_told(ready)) == 3
    receiver.behaviours = []
    assert place.run().returncode == 0
    assert len({posted.headers["X-Mediagen-Delivery"] for posted in receiver.got}) == 3
    assert place.poet.execute(NOTICES) == [(0, 0)]


def test_who_is_killed_while_he_tells_tells_once_more(
    place: Installation, receiver: Receiver
) -> None:
    """The next run does, under the same name, once the dead one's time is over."""
    receiver.behaviours = [hanging]
    _hooks(place, published={"webhook": receiver.address})
    place.poet.write(image("a lake"))
    with place.started("run") as process:
        until(lambda: receiver.got)
        process.kill()
        process.wait()
    assert place.statuses() == {1: "ready"}
    assert place.run().returncode == 0
    assert len(receiver.got) == 1
    place.poet.execute("UPDATE media_generator_notices SET next_try_at = '2026'")
    assert place.run().returncode == 0
    first, second = (posted.headers["X-Mediagen-Delivery"] for posted in receiver.got)
    assert first == second
    assert place.poet.execute(NOTICES) == [(0, 0)]


def test_what_cannot_be_told_is_given_up(place: Installation) -> None:
    """After as many tries as are set, with the reason."""
    failing = [sys.executable, "-c", "import sys; sys.exit('no such room')"]
    _hooks(place, error={"command": failing}, max_attempts=2, base_seconds=0)
    place.poet.write("no JSON at all")
    assert place.run().returncode == 1
    assert place.poet.execute(NOTICES) == [(1, 1)]
    [(error,)] = place.poet.execute("SELECT last_error FROM media_generator_notices")
    assert error == "the command ended with exit code 1: no such room"


def test_without_hooks_there_is_no_trace_of_them(place: Installation) -> None:
    """Neither a table, nor a word."""
    place.poet.write(image("a lake"))
    ended = place.run()
    assert (ended.returncode, "hook" in ended.stderr) == (0, False)
    named = "SELECT 1 FROM sqlite_schema WHERE name LIKE '%notices%'"
    assert place.poet.execute(named) == []


def test_a_command_knows_where_the_files_are(place: Installation) -> None:
    """Their paths in the payload are relative to that folder."""
    file = place.folder / "root"
    command = ["/bin/sh", "-c", f'printf %s "$MEDIAGEN_OUTPUT_ROOT" > {shlex.quote(str(file))}']
    _hooks(place, published={"command": command})
    place.poet.write(image("a lake"))
    assert place.run().returncode == 0
    assert file.read_text("utf-8") == str(place.root)
