"""``media.reuse``: prompts that are answered with the files of earlier ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.mediagen import until
from tests.acceptance.served import Served, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOX = json.dumps({"prompt": "a fox", "seed": 3})
WOLF = json.dumps({"prompt": "a wolf", "seed": 3})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    """A server, and an installation that reuses."""
    with served(tmp_path) as made:
        reusing(made)
        yield made


def reusing(server: Served, **comfyui: object) -> None:
    """Configure the installation."""
    media = {
        "renderer": {"image": "server", "audio": "server"},
        "workflows": {"image": "picture.json", "audio": "song.json"},
        "size": {"megapixels": 0.1},
        "reuse": True,
    }
    server.configure(comfyui, media=media)


@pytest.mark.slow
def test_prompts_that_can_be_answered_do_not_wait_for_a_server_that_is_away(
    server: Served,
) -> None:
    """They are published; the others wait, and the queue is as stopped as it was."""
    place = server.place
    place.poet.write(FOX)
    assert place.run().returncode == 0
    reusing(server, host="http://127.0.0.1:9")
    for content in (WOLF, FOX, "no brief", FOX):
        place.poet.write(content)
    ended = place.run()
    assert ended.returncode == 3
    assert "server_unreachable" in ended.stderr
    fox = {1: "ready", 3: "ready", 5: "ready"}
    assert place.statuses() == {**fox, 2: "pending", 4: "pending"}
    [original], [copy] = place.rows(1), place.rows(5)
    assert copy["metadata"]["reused_from"]["prompt_id"] == 1
    assert copy["metadata"]["sha256"] == original["metadata"]["sha256"]
    place.check()
    again = place.run()  # with what it knows from before
    assert (again.returncode, place.statuses()[2]) == (3, "pending")
    with place.started("daemon") as daemon:
        place.poet.write(FOX)
        until(lambda: place.statuses()[6] == "ready")
        daemon.terminate()
        daemon.communicate(timeout=60)
    assert place.statuses()[2] == "pending"
    assert server.posts() == 1
    # A copy shows nothing about the server.
    assert place.poet.execute("SELECT code FROM media_generator_pauses") == [
        ("server_unreachable",)
    ]
    reusing(server)
    assert place.run().returncode == 1  # for the prompt without a brief
    assert place.statuses()[2] == "ready"
    assert server.posts() == 2
    place.check()
