"""The names that metrics have for servers are those that events will say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.system_clock import SystemClock
from application.audience import Audience
from entrypoints.building_renderers import build_pool
from entrypoints.observing.server_names import server_names
from tests.settings_places import make_place

if TYPE_CHECKING:
    from pathlib import Path

HOSTS = [
    {"url": "http://render-1:8188/"},
    {"url": "http://render-2:8188", "kinds": ["audio"]},
]


def test_they_are_those_of_the_pool(tmp_path: Path) -> None:
    """A server for songs alone is none of ours while songs are made by a script."""
    graph = tmp_path / "graph.json"
    graph.write_text("{}", "utf-8")
    media = {
        "renderer": {"image": "server", "audio": "script"},
        "workflows": {"image": str(graph)},
    }
    loaded = make_place(tmp_path).load({"comfyui": {"hosts": HOSTS}, "media": media})
    pool = build_pool(loaded, SystemClock(), Audience())
    try:
        assert server_names(loaded) == tuple(each.name for each in pool.servers)
        assert server_names(loaded) == ("http://render-1:8188",)
    finally:
        pool.close()


def test_without_servers_there_are_none(tmp_path: Path) -> None:
    """Scripts and the sketch are no servers, whatever hosts the settings name."""
    loaded = make_place(tmp_path).load({"comfyui": {"hosts": HOSTS}})
    assert server_names(loaded) == ()
