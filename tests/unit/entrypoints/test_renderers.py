"""The registry of renderers, and everything derived from it."""

from __future__ import annotations

import sys
from contextlib import closing
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import pytest

from adapters.system_clock import SystemClock
from application.ports.events import EventFanout
from domain.prompt import Kind
from entrypoints.renderer_setup import (
    RendererSetup,
    chosen_setups,
    require_complete,
    server_names,
    workflow_names,
)
from entrypoints.renderers import RENDERERS, names_for
from entrypoints.settings.errors import SettingsError
from entrypoints.settings.resolution import workflows
from entrypoints.settings.schema import keys
from tests.config_folder import make_config_folder

if TYPE_CHECKING:
    from adapters.comfyui_server.renderer import ServerRenderer
    from entrypoints.settings.loader import LoadedSettings

DOCUMENTS = Path(__file__).parents[3] / "docs"
HOSTS = [
    {"url": "http://render-1:8188/"},
    {"url": "http://render-2:8188", "kinds": ["audio"]},
]


def _loaded(folder: Path, image: str, audio: str = "sketch", **comfyui: Any) -> LoadedSettings:  # noqa: ANN401
    """Settings with everything that a renderer may need, and no more."""
    graph = folder / "graph.json"
    graph.write_text("{}", "utf-8")
    return make_config_folder(folder).load(
        {
            "database": {"path": "/x.db"},
            "comfyui": {"python": "/usr/bin/python3", "comfyui_directory": str(folder), **comfyui},
            "media": {
                "renderer": {"image": image, "audio": audio},
                "workflows": {"image": str(graph), "audio": str(graph)},
                "ray": {"address": "gpu-head:6379"},
            },
        }
    )


@pytest.mark.parametrize("name", RENDERERS)
@pytest.mark.parametrize("document", ["configuration.md", "architecture.md"])
def test_the_documents_name_every_renderer(name: str, document: str) -> None:
    """Where its setting is explained, and where the parts of the program are listed."""
    text = (DOCUMENTS / document).read_text("utf-8")
    assert f"`{name}`" in text or f'`"{name}"`' in text


@pytest.mark.parametrize("kind", Kind)
def test_the_settings_accept_exactly_the_renderers_of_the_kind(kind: Kind, tmp_path: Path) -> None:
    """Neither an unknown name, nor one that cannot make the kind."""
    key = f"media.renderer.{kind.value}"
    config = make_config_folder(tmp_path)
    for name in names_for(kind):
        assert f'"{name}"' in keys()[key].expected
        media = {
            "renderer": {kind.value: name},
            "workflows": {kind.value: "graph.json"},
            "ray": {"address": "gpu-head:6379"},
        }
        loaded = config.load({"media": media})
        assert workflows(loaded, [kind])[0].renderer == name
    with pytest.raises(SettingsError, match='must be "script"'):
        config.load({"media": {"renderer": {kind.value: "scripts"}}})


@pytest.fixture
def _with_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that the extra is installed; building a renderer imports nothing of it."""
    ray = ModuleType("ray")
    ray.__spec__ = ModuleSpec("ray", None)
    monkeypatch.setitem(sys.modules, "ray", ray)


@pytest.mark.usefixtures("_with_ray")
@pytest.mark.parametrize("name", RENDERERS)
def test_each_is_set_up_from_the_settings_for_its_kinds_alone(name: str, tmp_path: Path) -> None:
    """It renders, the doctor checks it, and metrics have a name for what it runs."""
    other = "sketch" if name != "sketch" else "script"
    loaded = _loaded(tmp_path, name, other)
    setups = chosen_setups(loaded)
    assert {one: setup.kinds for one, setup in setups.items()} == {
        name: (Kind.IMAGE,),
        other: (Kind.AUDIO,),
    }
    setup: RendererSetup = setups[name]
    assert setup.problems() == []
    assert setup.doctor_checks(SystemClock(), lambda _: ()) is not None
    assert workflow_names(loaded)[Kind.IMAGE, ""] == setup.workflow_file(setup.workflows[0]).name
    require_complete(loaded)
    with closing(setup.renderer(SystemClock(), EventFanout())):
        pass


def test_ray_is_needed_only_where_it_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra, the command to install it is named before anything starts."""
    monkeypatch.setitem(sys.modules, "ray", None)
    for name in ("script", "ray"):
        (tmp_path / name).mkdir()
    require_complete(_loaded(tmp_path / "script", "script"))
    with pytest.raises(SettingsError, match=r"pip install 'media-generator\[ray\]'"):
        require_complete(_loaded(tmp_path / "ray", "ray"))


def test_all_missing_settings_are_named_at_once(tmp_path: Path) -> None:
    """And none for a kind that needs none."""
    config = make_config_folder(tmp_path)
    with pytest.raises(SettingsError) as raised:
        require_complete(config.load({}))
    assert {problem.key for problem in raised.value.problems} == {
        "database.path",
        "comfyui.python",
        "comfyui.comfyui_directory",
    }
    assert {problem.where for problem in raised.value.problems} == {str(config.file)}
    assert "MEDIA_GENERATOR_DATABASE__PATH" in str(raised.value)
    settings: dict[str, Any] = {
        "database": {"path": "/x.db"},
        "comfyui": {"output_directory": "/out"},
        "media": {"renderer": dict.fromkeys((kind.value for kind in Kind), "sketch")},
    }
    require_complete(config.load(settings))
    settings["media"]["renderer"]["audio"] = "script"
    with pytest.raises(SettingsError, match=r"comfyui\.python is not set"):
        require_complete(config.load(settings))


def test_metrics_and_events_use_the_same_server_names(
    tmp_path: Path,
) -> None:
    """A server for songs alone is not used while a script makes the songs."""
    loaded = _loaded(tmp_path, "server", "script", hosts=HOSTS)
    setup = chosen_setups(loaded)["server"]
    made = cast("ServerRenderer", setup.renderer(SystemClock(), EventFanout()))
    with closing(made):
        pool = made._pool  # noqa: SLF001 - the events say its names
        assert server_names(loaded) == tuple(each.name for each in pool.servers)
    assert server_names(loaded) == ("http://render-1:8188",)


def test_scripts_and_the_sketch_have_no_servers(tmp_path: Path) -> None:
    """Whatever hosts the settings name."""
    assert server_names(_loaded(tmp_path, "script", hosts=HOSTS)) == ()
