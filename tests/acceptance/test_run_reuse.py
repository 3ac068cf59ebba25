"""``media.reuse``: prompts that are answered with the files of earlier ones."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.mediagen import wait_until
from tests.acceptance.served import SAMPLER, Served, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.object_store.server import TestBucket

pytestmark = pytest.mark.slow

FOX = json.dumps({"prompt": "a fox", "seed": 3})
WOLF = json.dumps({"prompt": "a wolf", "seed": 3})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    """A server, and an installation that reuses files."""
    with served(tmp_path) as made:
        reusing(made)
        yield made


def reusing(server: Served, storage: dict[str, object] | None = None, **comfyui: object) -> None:
    """Configure the installation to reuse files."""
    media: dict[str, object] = {
        "renderer": {"image": "server", "audio": "server"},
        "workflows": {"image": "picture.json", "audio": "song.json"},
        "size": {"megapixels": 0.1},
        "reuse": True,
    }
    media |= storage or {}
    server.configure(
        comfyui, media=media, paths={"state": str(server.installation.folder / "state")}
    )


def test_reusable_prompts_do_not_wait_for_a_server_that_is_down(
    server: Served,
) -> None:
    """They are published; the others wait, and the pause of the queue remains."""
    installation = server.installation
    installation.poet.write(FOX)
    assert installation.run().returncode == 0
    reusing(server, host="http://127.0.0.1:9")
    for content in (WOLF, FOX, "no brief", FOX):
        installation.poet.write(content)
    ended = installation.run()
    assert ended.returncode == 3
    assert "server_unreachable" in ended.stderr
    fox = {1: "ready", 3: "ready", 5: "ready"}
    assert installation.statuses() == {**fox, 2: "pending", 4: "pending"}
    [original], [copy] = installation.rows(1), installation.rows(5)
    assert copy["metadata"]["reused_from"]["prompt_id"] == 1
    assert copy["metadata"]["sha256"] == original["metadata"]["sha256"]
    installation.check()
    again = installation.run()  # with what it knows from before
    assert (again.returncode, installation.statuses()[2]) == (3, "pending")
    with installation.started("daemon") as daemon:
        installation.poet.write(FOX)
        wait_until(lambda: installation.statuses()[6] == "ready")
        daemon.terminate()
        daemon.communicate(timeout=60)
    assert installation.statuses()[2] == "pending"
    assert server.posts() == 1
    # A copy shows nothing about the server.
    assert installation.poet.execute("SELECT code FROM media_generator_pauses") == [
        ("server_unreachable",)
    ]
    reusing(server)
    assert installation.run().returncode == 1  # for the prompt without a brief
    assert installation.statuses()[2] == "ready"
    assert server.posts() == 2
    installation.check()


@pytest.mark.parametrize("first", ["succeeds", "fails", "is killed"])
def test_prompts_that_ask_for_the_same_wait_for_the_one_that_is_rendered(
    server: Served, first: str
) -> None:
    """Others are rendered meanwhile; if the first one comes to nothing, the second is rendered."""
    installation = server.installation
    held = server.hold()
    for content in (FOX, FOX, WOLF):
        installation.poet.write(content)
    with installation.started("run") as process:
        wait_until(lambda: held.times == 0)
        wait_until(lambda: server.posts() == 2)  # the wolf waits in the server's queue
        assert installation.statuses()[2] == "pending"
        if first == "is killed":
            process.kill()
        elif first == "fails":
            server.double.behaviour.fail(SAMPLER, "exception", step=1)
        server.double.release()
        process.communicate(timeout=60)
    if first == "is killed":
        assert installation.run().returncode == 0
    assert {status for number, status in installation.statuses().items() if number > 1} == {"ready"}
    [row] = installation.rows(2)
    if first == "succeeds":
        assert server.posts() == 2
        assert row["metadata"]["reused_from"]["prompt_id"] == 1
    installation.check()


@pytest.mark.parametrize("change", ["hidden", "wastebasket", "purged", "damaged", "missing"])
def test_a_hidden_or_changed_original(server: Served, change: str) -> None:
    """A hidden file is still complete and reused; a missing or changed one is rendered again."""
    installation = server.installation
    installation.poet.write(FOX)
    assert installation.run().returncode == 0
    file = installation.root / installation.rows(1)[0]["file_path"]
    if change == "hidden":
        assert installation.shell.run("hide", "1").returncode == 0
    elif change in {"wastebasket", "purged"}:
        assert installation.shell.run("purge", "1").returncode == 0
        if change == "purged":
            assert installation.shell.run("purge", "1", "--now", "--yes").returncode == 0
        assert file.exists() == (change == "wastebasket")
    elif change == "damaged":
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    else:
        file.unlink()
    installation.poet.write(FOX)
    assert installation.run().returncode == 0
    [copy] = installation.rows(2)
    is_reused = change in {"hidden", "wastebasket"}
    assert ("reused_from" in copy["metadata"]) == is_reused
    assert server.posts() == (1 if is_reused else 2)
    assert (installation.root / copy["file_path"]).is_file()


def test_a_worker_killed_during_a_copy(server: Served) -> None:
    """Whenever it is killed, every prompt ends with one complete copy."""
    installation = server.installation
    installation.poet.write(FOX)
    assert installation.run().returncode == 0
    copies = range(2, 42)
    for _ in copies:
        installation.poet.write(FOX)

    def ready() -> int:
        return list(installation.statuses().values()).count("ready")

    for delay in range(8):
        most = min(ready() + 1, len(copies) + 1)
        with installation.started("daemon") as daemon:
            wait_until(partial(lambda most: ready() >= most, most))
            time.sleep(delay / 200)  # somewhere in one of the next copies
            daemon.kill()
            daemon.communicate(timeout=60)
    assert installation.run().returncode == 0
    assert set(installation.statuses().values()) == {"ready"}
    assert all(len(installation.rows(prompt_id)) == 1 for prompt_id in copies)
    installation.check()
    assert server.posts() == 1


def test_files_in_a_bucket_are_copied(server: Served, bucket: TestBucket) -> None:
    """Through this machine; the copy is an object of its own."""
    reusing(server, {"storage": bucket.section})
    installation = server.installation
    for _ in range(2):
        installation.poet.write(FOX)
        ended = installation.run()
        assert ended.returncode == 0, ended.stderr
    original, copy = bucket.objects().values()
    assert original == copy
    assert installation.rows(2)[0]["metadata"]["reused_from"]["prompt_id"] == 1
    assert server.posts() == 1
