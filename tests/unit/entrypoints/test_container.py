"""The composition root: every part can be built from a file with the least in it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from adapters.comfyui_script.renderer import ScriptRenderer
from adapters.comfyui_server.renderer import ServerRenderer
from adapters.filesystem.artifact_store import FilesystemArtifactStore
from adapters.memory.events import EventRecorder
from adapters.processes.system_processes import SystemProcesses
from adapters.render_logs.files import RenderLogFiles
from adapters.renderers_by_kind import RenderersByKind
from adapters.sqlite.connection import Connection
from adapters.sqlite.notices import SqliteNotices
from adapters.sqlite.prompt_catalogue import SqlitePromptCatalogue
from adapters.sqlite.prompt_intake import SqlitePromptIntake
from adapters.sqlite.prompt_repository import SqlitePromptRepository
from adapters.sqlite.queue_controls import SqliteQueueControls
from adapters.sqlite.queue_watch import SqliteQueueWatch
from adapters.sqlite.render_leases import SqliteRenderLeases
from adapters.sqlite.server_jobs import SqliteServerJobs
from adapters.system_clock import SystemClock
from application.admission import Admission
from application.drain import Drain
from application.housekeeping import Housekeeping
from application.leases import LeaseKeeper
from application.notify import Notifier
from application.ports.prompt_repository import RepositoryError, Selection
from application.recover import ForsakenJobs, Recovery
from application.render_prompt import PromptRenderer
from application.settle import Settlement
from application.slot import RenderSlot
from application.stopping import StopRequest
from domain.kind import Kind
from entrypoints.container import Container
from tests.databases import Poet
from tests.fresh_databases import fresh_database
from tests.settings_places import Place, make_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Build = Callable[..., Container]

PARTS = {
    "clock": SystemClock,
    "connection": Connection,
    "catalogue": SqlitePromptCatalogue,
    "intake": SqlitePromptIntake,
    "processes": SystemProcesses,
    "repository": SqlitePromptRepository,
    "lease_connection": Connection,
    "watch": SqliteQueueWatch,
    "leases": SqliteRenderLeases,
    "keeper": LeaseKeeper,
    "controls": SqliteQueueControls,
    "notice_connection": Connection,
    "notices": SqliteNotices,
    "notifier": Notifier,
    "renderer": ScriptRenderer,
    "store": FilesystemArtifactStore,
    "render_logs": RenderLogFiles,
    "prompt_renderer": PromptRenderer,
    "settlement": Settlement,
    "recovery": Recovery,
    "admission": Admission,
    "drain": Drain,
    "housekeeping": Housekeeping,
}
OF_SERVERS = {
    "server_jobs": SqliteServerJobs,
    "server_renderer": ServerRenderer,
    "forsaken_jobs": ForsakenJobs,
}
MADE_ANEW = {"slot": RenderSlot}  # each thread that renders has one of its own
GIVEN = {"settings", "events"}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A configuration folder, a ComfyUI folder and a database with everything in it."""
    made = make_place(tmp_path)
    fresh_database(tmp_path / "musings.db", "wide")
    (tmp_path / "ComfyUI" / "output" / "poets").mkdir(parents=True)
    return made


@pytest.fixture
def build(place: Place, tmp_path: Path) -> Iterator[Build]:
    """Makes containers, and closes their databases."""
    made: list[Container] = []

    def with_settings(**sections: dict[str, Any]) -> Container:
        minimal: dict[str, dict[str, Any]] = {
            "database": {"path": str(tmp_path / "musings.db")},
            "comfyui": {
                "python": sys.executable,
                "comfyui_directory": str(tmp_path / "ComfyUI"),
            },
        }
        for name, section in sections.items():
            minimal.setdefault(name, {}).update(section)
        container = Container(settings=place.load(minimal), events=EventRecorder())
        made.append(container)
        return container

    yield with_settings
    for container in made:
        container.connection().close()


def test_every_provider_resolves(build: Build) -> None:
    """From the smallest file that works; each part is built once."""
    container = build()
    named = set(PARTS) | set(MADE_ANEW) | set(OF_SERVERS) | GIVEN | {"workflows"}
    assert set(container.providers) == named
    for name, part in PARTS.items():
        built = container.providers[name]()
        assert isinstance(built, part), name
        assert container.providers[name]() is built
    for name, part in MADE_ANEW.items():
        one, other = container.providers[name](), container.providers[name]()
        assert isinstance(one, part)
        assert one is not other
    assert set(container.workflows()) == set(Kind)
    assert [container.providers[name]() for name in OF_SERVERS] == [None, None, None]


@pytest.mark.parametrize("audio", ["script", "server"])
def test_servers_bring_parts_of_their_own(build: Build, audio: str) -> None:
    """For one kind or for both; each part is built once."""
    container = build(
        media={
            "renderer": {"image": "server", "audio": audio},
            "workflows": {"image": "a.json", "audio": "b.json"},
        }
    )
    for name, part in OF_SERVERS.items():
        built = container.providers[name]()
        assert isinstance(built, part), name
        assert container.providers[name]() is built
    alone = audio == "server"
    assert isinstance(container.renderer(), ServerRenderer if alone else RenderersByKind)
    assert set(container.workflows()) == (set() if alone else {Kind.AUDIO})


def test_two_containers_share_nothing(build: Build) -> None:
    """A test, or a second command in one process, gets parts of its own."""
    first, second = build(), build()
    assert all(first.providers[name]() is not second.providers[name]() for name in PARTS)


def test_settings_reach_the_parts(build: Build) -> None:
    """Limits and choices of the file stand in the workflows."""
    container = build(
        comfyui={"timeout_seconds": 77, "queue_size": 3},
        media={
            "renderer": {"audio": "sketch"},
            "argument_style": "separate",
            "arguments": {"image": {"prompt": "--text4"}},
        },
    )
    image, audio = (container.workflows()[kind] for kind in Kind)
    assert (image.renderer, audio.renderer) == ("script", "sketch")
    assert (image.time_limit_seconds, image.queue_size) == (77, 3)
    assert image.argument_style.value == "separate"
    assert image.arguments["prompt"] == "--text4"


def test_the_sketch_needs_no_comfyui(place: Place, tmp_path: Path) -> None:
    """Its scripts are there, and run with this very interpreter."""
    settings = place.load(
        {
            "database": {"path": str(tmp_path / "musings.db")},
            "comfyui": {"output_directory": str(tmp_path)},
            "media": {"renderer": {"image": "sketch", "audio": "sketch"}},
        }
    )
    container = Container(settings=settings, events=EventRecorder())
    for workflow in container.workflows().values():
        assert str(workflow.interpreter) == sys.executable
        assert workflow.script.is_file()
    assert [container.renderer().preflight(kind) for kind in Kind] == [None, None]


@pytest.mark.parametrize("create_indexes", [True, False])
def test_indexes_are_made_as_the_file_says(
    build: Build, tmp_path: Path, *, create_indexes: bool
) -> None:
    """The one thing on a shared table can be turned off."""
    build(database={"create_indexes": create_indexes}).repository()
    found = Poet(tmp_path / "musings.db").execute(
        "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'media_generator_pending%'"
    )
    assert found == [(2 if create_indexes else 0,)]


def test_the_parts_work_together(build: Build, tmp_path: Path) -> None:
    """A drain of a queue whose script is missing stops with that reason and touches nothing."""
    poet = Poet(tmp_path / "musings.db")
    poet.write('{"prompt": "a lake"}')
    report = build().drain().run(Selection(), StopRequest())
    assert report.stopped_by is not None
    assert report.stopped_by.code.value == "script_missing"
    assert poet.status(1) == ("pending", None)


def test_a_missing_database_is_an_error_of_the_part_that_needs_it(
    place: Place, tmp_path: Path
) -> None:
    """Building the container opens nothing; asking for the catalogue does."""
    settings = place.load({"database": {"path": str(tmp_path / "none.db")}})
    container = Container(settings=settings, events=EventRecorder())
    with pytest.raises(RepositoryError, match="no database"):
        container.catalogue()


_LOADED = """
import sys
from pathlib import Path
from entrypoints.container import Container
assert not [name for name in sys.modules if name.startswith("adapters")], "adapters are loaded"
from entrypoints.settings import load_settings
loaded = load_settings(config_file=Path(sys.argv[1]), environ={}, cwd=Path.cwd())
container = Container(settings=loaded, events=None)
container.catalogue().summary()
container.connection().close()
heavy = {"PIL", "av", "numpy", "psutil", "adapters.comfyui_script", "adapters.filesystem"}
print(sorted(heavy & sys.modules.keys()))
"""


def test_looking_loads_nothing_that_renders(place: Place, tmp_path: Path) -> None:
    """Importing the container imports no adapter; the catalogue needs no library of media."""
    place.write({"database": {"path": str(tmp_path / "musings.db")}})
    told = subprocess.run(  # noqa: S603 - a fresh interpreter is what is looked into
        [sys.executable, "-c", _LOADED, str(place.file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.stdout, told.stderr) == ("[]\n", "")


def test_the_systems_clock_tells_utc_and_never_runs_backwards() -> None:
    """What the manual clock imitates."""
    clock = SystemClock()
    before = clock.monotonic()
    clock.sleep(0)
    assert clock.monotonic() >= before
    offset = clock.now().utcoffset()
    assert offset is not None
    assert offset.total_seconds() == 0
