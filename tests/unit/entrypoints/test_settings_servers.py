"""ComfyUI servers in the settings, and errors in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapters.comfyui_server.address import ServerAddress, basic_login
from domain.prompt import Kind
from entrypoints.settings.hosts import server_addresses
from entrypoints.settings.loader import describe
from entrypoints.settings.resolution import workflow_file, workflows
from tests.config_folder import ConfigFolder, make_config_folder

if TYPE_CHECKING:
    from pathlib import Path

    from entrypoints.settings.loader import LoadedSettings

BOTH = frozenset(Kind)


def _served(**comfyui: object) -> dict[str, Any]:
    return {
        "comfyui": comfyui,
        "media": {
            "renderer": {"image": "server", "audio": "server"},
            "workflows": {"image": "flux.json", "audio": "/graphs/song.json"},
        },
    }


def _servers(loaded: LoadedSettings, *kinds: Kind) -> tuple[ServerAddress, ...]:
    return server_addresses(loaded.settings.comfyui, kinds or BOTH)


def _complaints(config: ConfigFolder, settings: dict[str, Any]) -> str:
    problems = config.refuse(settings).problems
    return "\n".join(f"{problem.what} / {problem.fix}" for problem in problems)


@pytest.fixture
def config(tmp_path: Path) -> ConfigFolder:
    """An empty configuration file."""
    return make_config_folder(tmp_path)


def test_one_host_is_one_server_for_everything(config: ConfigFolder) -> None:
    """The seed's key is sufficient."""
    loaded = config.load(_served(host="http://gpu:8188/"))
    assert _servers(loaded) == (ServerAddress("http://gpu:8188", 1, BOTH),)


def test_hosts_are_addresses_or_objects(config: ConfigFolder) -> None:
    """Each with its own slots and kinds."""
    hosts = [
        "http://a:8188",
        {"url": "https://b/comfy", "slots": 3},
        {"url": "http://c:8188", "kinds": ["audio"]},
    ]
    loaded = config.load(_served(hosts=hosts))
    a = ServerAddress("http://a:8188", 1, BOTH)
    b = ServerAddress("https://b/comfy", 3, BOTH)
    c = ServerAddress("http://c:8188", 1, frozenset({Kind.AUDIO}))
    assert _servers(loaded) == (a, b, c)
    assert [server.name for server in _servers(loaded, Kind.IMAGE)] == [a.name, b.name]
    assert [server.kinds for server in _servers(loaded, Kind.AUDIO)] == [{Kind.AUDIO}] * 3


def test_workflow_paths_are_relative_to_the_file(config: ConfigFolder) -> None:
    """Like all paths in the file."""
    loaded = config.load(_served())
    assert workflow_file(loaded, *workflows(loaded, [Kind.IMAGE])) == config.folder / "flux.json"
    assert str(workflow_file(loaded, *workflows(loaded, [Kind.AUDIO]))) == "/graphs/song.json"


def test_inputs_are_one_several_or_none(config: ConfigFolder) -> None:
    """They override the mapping suggested by the graph."""
    settings = _served()
    given = {"prompt": ["6.text", "Positive prompt.text"], "width": None, "seed": "3.seed"}
    settings["media"]["inputs"] = {"image": given}
    found = config.load(settings).settings.media.inputs.image
    assert found == {"prompt": ("6.text", "Positive prompt.text"), "width": None, "seed": "3.seed"}


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ({"slots": 2}, "entry 1: it has no url"),
        ({"url": "gpu1:8188"}, "is not an address that begins with http://"),
        ({"url": "http://x:99999"}, "is not an address"),
        ({"url": "http://me:secret@x:8188"}, "holds a user name or a password"),
        ({"url": "http://x:8188?a=1"}, "more than a host"),
        ({"url": "http://x:8188", "slot": 2}, 'Did you mean "slots"?'),
        ({"url": "http://x:8188", "slots": 0}, "slots is 0"),
        ({"url": "http://x:8188", "slots": "2"}, 'slots is "2"'),
        ({"url": "http://x:8188", "kinds": ["pictures"]}, "kinds is a list"),
        ({"url": "http://x:8188", "kinds": []}, "kinds is a list"),
        ({"url": "http://x:8188", "workflows": "photo"}, "workflows is"),
        ({"url": "http://x:8188", "workflows": ["photo"]}, "has no workflow 'photo'"),
        ({"url": "http://x:8188", "token": ""}, "token is not a text, or is empty"),
        ({"url": "http://x:8188", "token": "secret\n"}, "token holds a character"),
        ({"url": "http://x:8188", "token": "secret", "user": "me"}, "token and user are both"),
        ({"url": "http://x:8188", "password": "secret"}, "a password and no user"),
        ({"url": "http://x:8188", "user": "me:secret"}, "user holds a colon"),
        ({"url": "http://x:8188", "headers": {"A B": "secret"}}, "cannot be set as a header"),
        ({"url": "http://x:8188", "headers": {"Host": "secret"}}, "cannot be set as a header"),
        ({"url": "http://x:8188", "headers": {"A": "secret\r\nB: c"}}, "the value of the header A"),
        ({"url": "http://x:8188", "token": "$NO_SUCH_SECRET"}, "NO_SUCH_SECRET is not set"),
        ({"url": "http://x:8188", "token": "@no-such-file"}, "cannot be read (No such file"),
        ({"url": "https://x:8188", "ca_file": "no-such-file"}, "cannot be read (No such file"),
    ],
    ids=str,
)
def test_an_error_in_a_host_is_explained(
    config: ConfigFolder, host: dict[str, object], words: str
) -> None:
    """Which entry, what is wrong, and what to write instead."""
    complaints = _complaints(config, _served(hosts=[host]))
    assert words in complaints
    assert "secret" not in complaints


def test_logins_come_from_the_environment_and_from_files(config: ConfigFolder) -> None:
    """The configuration file need not hold them; ``$$`` and ``@@`` are plain characters."""
    (config.folder / "token").write_text("from-file\n")
    config.environ["GPU_LOGIN"] = "pa:ss"
    hosts = [
        {"url": "http://a:1", "token": "@token"},
        {"url": "http://b:1", "user": "me", "password": "${GPU_LOGIN}"},
        {"url": "http://c:1", "headers": {"X-Id": "@@me$$", "X-Key": "$GPU_LOGIN"}},
    ]
    loaded = config.load(_served(hosts=hosts))
    assert [dict(server.headers) for server in _servers(loaded)] == [
        {"Authorization": "Bearer from-file"},
        {"Authorization": basic_login("me", "pa:ss")},
        {"X-Id": "@me$", "X-Key": "pa:ss"},
    ]
    shown = next(row.value for row in describe(loaded) if row.key == "comfyui.hosts")
    assert "pa:ss" not in shown
    assert "from-file" not in shown
    assert "X-Key" in shown


def test_a_server_is_named_once(config: ConfigFolder) -> None:
    """A duplicate would be taken for two servers."""
    hosts = ["http://x:8188", {"url": "http://x:8188/", "slots": 2}]
    assert "is listed twice" in _complaints(config, _served(hosts=hosts))


def test_a_kind_needs_a_server_and_a_workflow(config: ConfigFolder) -> None:
    """Otherwise every prompt of that kind would fail."""
    settings = _served(hosts=[{"url": "http://x:8188", "kinds": ["image"]}])
    del settings["media"]["workflows"]["image"]
    complaints = _complaints(config, settings)
    assert 'no entry of comfyui.hosts has the kind "audio"' in complaints
    assert "media.workflows.image is not set" in complaints


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"promt": "6.text"}, 'Did you mean "prompt"?'),
        ({"prompt": "text"}, "not a node and an input joined by a dot"),
        ({"prompt": 6}, "must be an input of a node"),
        ({"prompt": ["6.text", ""]}, "is empty"),
    ],
    ids=str,
)
def test_an_error_in_an_input_is_explained(
    config: ConfigFolder, inputs: dict[str, object], words: str
) -> None:
    """Unknown fields, and texts that name no input."""
    settings = _served()
    settings["media"]["inputs"] = {"image": inputs}
    assert words in _complaints(config, settings)
