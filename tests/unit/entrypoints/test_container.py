"""The composition root: every part can be built from a minimal configuration file."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from dependency_injector import providers

from adapters.comfyui_script.renderer import ScriptRenderer
from adapters.comfyui_server.renderer import ServerRenderer
from adapters.filesystem.artifact_store import FilesystemArtifactStore
from adapters.filesystem.object_artifact_store import ObjectArtifactStore
from adapters.filesystem.output_root_checks import FreeSpaceChecks, OutputRootChecks
from adapters.live_state.reader import LiveStateFiles
from adapters.live_state.worker_state import WorkerState
from adapters.live_state.writer import LiveStateWriter
from adapters.media_files.derived_files import DerivedFileCache, SingleFlight
from adapters.media_files.media_file import MediaFolder
from adapters.media_files.object_media import ObjectMedia
from adapters.media_files.thumbnails import Thumbnails
from adapters.media_files.waveforms import Waveforms
from adapters.media_marks.marker import Marker
from adapters.object_store.bucket import S3Bucket
from adapters.object_store.doctor import ObjectStorageChecks
from adapters.processes.system_processes import SystemProcesses
from adapters.render_logs import RenderLogFiles
from adapters.renderers_by_workflow import RenderersByWorkflow
from adapters.sql_queue.controls import SqlQueueControls
from adapters.sql_queue.hook_outbox import SqlHookOutbox
from adapters.sql_queue.intake import SqlPromptIntake
from adapters.sql_queue.known_paths import KnownPaths
from adapters.sql_queue.prompt_catalogue import SqlPromptCatalogue
from adapters.sql_queue.prompt_repository import SqlPromptRepository
from adapters.sql_queue.renders import SqlRenderLeases, SqlServerJobs
from adapters.sql_queue.reuse import SqlReuseIndex
from adapters.sqlite.connection import Connection, LockState
from adapters.sqlite.database import SqliteDatabase, SqliteQueueWatch
from adapters.sqlite.doctor import DatabaseChecks
from adapters.system_clock import SystemClock, SystemJitter
from application.admission import Admission
from application.drain import Drain
from application.housekeeping import Housekeeping
from application.leases import LeaseKeeper
from application.outbox_relay import HookDispatcher
from application.ports.prompt_repository import RepositoryError, Selection
from application.prompt_render import PromptRenderer, RenderFinalizer
from application.recovery import OrphanedJobs, Recovery
from application.registration import Registration
from application.reuse import AnswerablePrompts, JobKeys, ReusingRenderer
from application.signals import StopRequest
from application.slot import RenderSlot
from domain.picture_size import SizeRule
from domain.prompt import Kind
from entrypoints.container import Container, compose
from entrypoints.factories import open_database
from entrypoints.lazy_import import Lazy
from entrypoints.renderer_setup import ScriptSetup
from entrypoints.renderers import RENDERERS
from tests.config_folder import ConfigFolder, make_config_folder
from tests.databases import Poet
from tests.fakes.events import EventRecorder
from tests.fresh_databases import fresh_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from adapters.comfyui_script.workflow import ScriptWorkflow
    from application.ports import media_files
    from application.ports.artifact_store import ArtifactStore
    from application.ports.database import Database, QueueControls, QueueWatch
    from application.ports.hooks import HookOutbox
    from application.ports.intake import PromptIntake
    from application.ports.live_state import LiveStateReader
    from application.ports.object_storage import ObjectStorage
    from application.ports.prompt_catalogue import PromptCatalogue
    from application.ports.prompt_repository import PromptRepository
    from application.ports.render_logs import RenderLogs
    from application.ports.renders import RenderLeases, ServerJobs
    from application.ports.reuse import ReuseIndex
    from application.ports.system import Clock, Processes
    from entrypoints.renderer_setup import RendererSetup

    Build = Callable[..., Container]

# One of each part; mypy checks the adapters against their ports.
CLOCK: type[Clock] = SystemClock
PROCESSES: type[Processes] = SystemProcesses
CATALOGUE: type[PromptCatalogue] = SqlPromptCatalogue
INTAKE: type[PromptIntake] = SqlPromptIntake
REPOSITORY: type[PromptRepository] = SqlPromptRepository
LEASES: type[RenderLeases] = SqlRenderLeases
CONTROLS: type[QueueControls] = SqlQueueControls
WATCH: type[QueueWatch] = SqliteQueueWatch
HOOK_OUTBOX: type[HookOutbox] = SqlHookOutbox
REUSE_INDEX: type[ReuseIndex] = SqlReuseIndex
SERVER_JOBS: type[ServerJobs] = SqlServerJobs
STORE: type[ArtifactStore] = FilesystemArtifactStore
OBJECT_STORAGE: type[ObjectStorage] = S3Bucket
OBJECT_STORE: type[ArtifactStore] = ObjectArtifactStore
OBJECT_MEDIA: type[media_files.PublishedMedia] = ObjectMedia
LOGS: type[RenderLogs] = RenderLogFiles
LIVE_READER: type[LiveStateReader] = LiveStateFiles
PUBLISHED_MEDIA: type[media_files.PublishedMedia] = MediaFolder
THUMBNAILS: type[media_files.Thumbnails] = Thumbnails
WAVEFORMS: type[media_files.Waveforms] = Waveforms
DATABASE: type[Database] = SqliteDatabase

ONCE: dict[str, type[object]] = {
    "clock": CLOCK,
    "jitter": SystemJitter,
    "processes": PROCESSES,
    "database": DATABASE,
    "connection": Connection,
    "catalogue": CATALOGUE,
    "intake": INTAKE,
    "controls": CONTROLS,
    "lease_database": DATABASE,
    "lease_connection": Connection,
    "outbox_database": DATABASE,
    "outbox_connection": Connection,
    "repository": REPOSITORY,
    "reuse_index": REUSE_INDEX,
    "job_keys": JobKeys,
    "leases": LEASES,
    "renderer": ScriptRenderer,
    "own_renderer": ScriptRenderer,
    "store": STORE,
    "object_storage": OBJECT_STORAGE,
    "marker": Marker,
    "render_logs": LOGS,
    "keeper": LeaseKeeper,
    "prompt_renderer": PromptRenderer,
    "finalizer": RenderFinalizer,
    "recovery": Recovery,
    "admission": Admission,
    "drain": Drain,
    "housekeeping": Housekeeping,
    "hook_dispatcher": HookDispatcher,
    "worker_state": WorkerState,
    "live_writer": LiveStateWriter,
    "registration": Registration,
    "live_reader": LIVE_READER,
    "derived_files": DerivedFileCache,
    "single_flight": SingleFlight,
    "published_media": PUBLISHED_MEDIA,
    "thumbnails": THUMBNAILS,
    "waveforms": WAVEFORMS,
    "known_paths": KnownPaths,
    "lock_state": LockState,
}
IN_BUCKET: dict[str, type[object]] = {
    "object_storage": OBJECT_STORAGE,
    "store": OBJECT_STORE,
    "published_media": OBJECT_MEDIA,
}
OF_SERVERS: dict[str, type[object]] = {"server_jobs": SERVER_JOBS, "orphaned_jobs": OrphanedJobs}
MADE_ANEW: dict[str, type[object]] = {
    "slot": RenderSlot,  # one for each thread that renders
    "watch": WATCH,
    "page_database": DATABASE,
    "size_rule": SizeRule,
    "database_checks": DatabaseChecks,
    "database_space_checks": FreeSpaceChecks,
    "staging_space_checks": FreeSpaceChecks,
    "object_storage_checks": ObjectStorageChecks,
    "output_root_checks": OutputRootChecks,
}
GIVEN = {"settings", "events", "command", "slots"}
VALUES = {
    "marker",
    "published_root",
    "staging_folder",
    "store_limits",
    "other_folders",
    "sections",
    "me",
    "database_path",
    "output_root",
    "state_folder",
    "all_variants",
    "by_priority",
    "subscriptions",
    "has_server_jobs",
    "lanes",
    "min_free_bytes",
    "lease_seconds",
    "setups",
    "renderers",
    "outbox_relays",
}


@pytest.fixture
def config(tmp_path: Path) -> ConfigFolder:
    """A configuration folder, a ComfyUI folder and a database with everything in it."""
    made = make_config_folder(tmp_path)
    fresh_database(tmp_path / "musings.db", "wide")
    (tmp_path / "ComfyUI" / "output" / "poets").mkdir(parents=True)
    return made


@pytest.fixture
def build(config: ConfigFolder, tmp_path: Path) -> Iterator[Build]:
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
        container = Container(settings=config.load(minimal), events=EventRecorder())
        made.append(container)
        return container

    yield with_settings
    for container in made:
        for name in ("connection", "lease_connection", "outbox_connection"):
            container.providers[name]().close()


def test_every_provider_resolves(build: Build, config: ConfigFolder) -> None:
    """From the smallest valid file; each part is built once, or each time where intended."""
    container = build()
    named = (
        ONCE.keys()
        | MADE_ANEW.keys()
        | OF_SERVERS.keys()
        | GIVEN
        | VALUES
        | {
            "derived_media",
            "hook_outbox",
            "marker",
            "plans",
            "prompt_chooser",
            "workflow_choices",
            "workflow_holds",
        }
        | {"answerable", "twins"}
    )
    assert set(container.providers) == named
    for name in VALUES:
        container.providers[name]()
    for name, part in ONCE.items():
        built = container.providers[name]()
        assert isinstance(built, part), name
        assert container.providers[name]() is built
    for name, part in MADE_ANEW.items():
        given = {"folder": config.folder} if name == "staging_space_checks" else {}
        one, other = (container.providers[name](**given) for _ in range(2))
        assert isinstance(one, part), name
        assert one is not other
        for made in (one, other):
            getattr(made, "close", lambda: None)()
    assert list(container.renderers()) == ["script"]
    assert [
        container.providers[name]()
        for name in (
            *(*OF_SERVERS, "hook_outbox", "workflow_choices", "workflow_holds", "answerable"),
        )
    ] == ([None] * 6)


def test_reuse_is_built_if_configured(build: Build) -> None:
    """A renderer around the other one, and the finder of prompts that need no render."""
    container = build(media={"reuse": True})
    assert isinstance(container.renderer(), ReusingRenderer)
    assert isinstance(container.own_renderer(), ScriptRenderer)
    assert isinstance(container.answerable(), AnswerablePrompts)
    assert isinstance(container.admission(), Admission)


def test_a_bucket_replaces_the_folder(build: Build) -> None:
    """No folder is opened, and a ComfyUI directory is not needed to locate files."""
    storage = {"url": "s3://media/poets/", "access_key_id": "a", "secret_access_key": "b"}
    container = build(media={"storage": storage})
    for name, part in IN_BUCKET.items():
        built = container.providers[name]()
        assert isinstance(built, part), name
        assert container.providers[name]() is built
    assert container.published_root() == container.object_storage().address == "s3://media/poets"


def test_every_import_path_is_callable() -> None:
    """Including those of parts that few settings use."""
    parts = providers.traverse(*Container.providers.values())
    named = (getattr(part, "provides", None) for part in parts)
    paths = {path for path in named if isinstance(path, Lazy)}
    assert len(paths) > len(ONCE) // 2
    for lazy in (*paths, *(entry.setup for entry in RENDERERS.values())):
        assert callable(lazy.resolve()), lazy


def test_a_wrong_import_path_is_reported() -> None:
    """Both kinds of error; nothing is imported before."""
    with pytest.raises(ImportError, match="no_such_module"):
        Lazy("adapters.no_such_module:Thing")()
    with pytest.raises(AttributeError, match="NoSuchClock"):
        Lazy("adapters.system_clock:NoSuchClock")()


def _workflow(setup: RendererSetup, kind: Kind) -> ScriptWorkflow:
    assert isinstance(setup, ScriptSetup)
    return setup.workflow(next(one for one in setup.workflows if one.kind is kind))


@pytest.mark.parametrize("audio", ["script", "sketch", "server"])
def test_servers_need_additional_parts(build: Build, audio: str) -> None:
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
    assert isinstance(container.renderer(), ServerRenderer if alone else RenderersByWorkflow)
    assert {name: setup.kinds for name, setup in container.setups().items()} == (
        {"server": tuple(Kind)} if alone else {"server": (Kind.IMAGE,), audio: (Kind.AUDIO,)}
    )
    container.renderer().close()


def test_two_containers_share_nothing(build: Build) -> None:
    """A test, or a second command in one process, gets separate parts."""
    first, second = build(), build()
    assert all(first.providers[name]() is not second.providers[name]() for name in ONCE)


def test_a_given_part_replaces_the_default(build: Build) -> None:
    """Parts that depend on it use the replacement."""
    loaded = build().settings()
    with closing(open_database(loaded)) as database:
        container = compose(loaded, database=database)
        assert container.connection() is database.connection
        assert container.catalogue() is database.catalogue
        assert container.repository().count_pending(Selection()) == 0


def test_settings_reach_the_parts(build: Build) -> None:
    """Limits and choices of the file are in the workflows."""
    container = build(
        comfyui={"timeout_seconds": 77, "queue_size": 3},
        media={
            "renderer": {"audio": "sketch"},
            "argument_style": "separate",
            "arguments": {"image": {"prompt": "--text4"}},
        },
    )
    setups = container.setups()
    image, audio = (
        _workflow(setups[name], kind)
        for name, kind in (("script", Kind.IMAGE), ("sketch", Kind.AUDIO))
    )
    assert (image.renderer, audio.renderer) == ("script", "sketch")
    assert (image.time_limit_seconds, image.queue_size) == (77, 3)
    assert image.argument_style.value == "separate"
    assert image.arguments["prompt"] == ("--text4",)


def test_the_sketch_needs_no_comfyui(config: ConfigFolder, tmp_path: Path) -> None:
    """Its scripts are installed, and run with this interpreter."""
    settings = config.load(
        {
            "database": {"path": str(tmp_path / "musings.db")},
            "comfyui": {"output_directory": str(tmp_path)},
            "media": {"renderer": {"image": "sketch", "audio": "sketch"}},
        }
    )
    container = Container(settings=settings, events=EventRecorder())
    for kind in Kind:
        workflow = _workflow(container.setups()["sketch"], kind)
        assert str(workflow.interpreter) == sys.executable
        assert workflow.script.is_file()
    assert [container.renderer().preflight(kind) for kind in Kind] == [None, None]


@pytest.mark.parametrize("create_indexes", [True, False])
def test_indexes_are_made_as_the_file_says(
    build: Build, tmp_path: Path, *, create_indexes: bool
) -> None:
    """The only change to a shared table can be turned off."""
    build(database={"create_indexes": create_indexes}).repository()
    found = Poet(tmp_path / "musings.db").execute(
        "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'media_generator_pending%'"
    )
    assert found == [(2 if create_indexes else 0,)]


def test_the_parts_work_together(build: Build, tmp_path: Path) -> None:
    """A drain of a queue whose script is missing stops with that reason and changes nothing."""
    poet = Poet(tmp_path / "musings.db")
    poet.write('{"prompt": "a lake"}')
    report = build().drain().run(Selection(), StopRequest())
    assert report.stopped_by is not None
    assert report.stopped_by.code.value == "script_missing"
    assert poet.status(1) == ("pending", None)


def test_a_missing_database_is_an_error_of_the_part_that_needs_it(
    config: ConfigFolder, tmp_path: Path
) -> None:
    """Building the container opens nothing; asking for the catalogue does."""
    settings = config.load({"database": {"path": str(tmp_path / "none.db")}})
    container = Container(settings=settings, events=EventRecorder())
    with pytest.raises(RepositoryError, match="no database"):
        container.catalogue()


_LOADED = """
import sys
from pathlib import Path
from entrypoints.container import Container
assert not [name for name in sys.modules if name.startswith("adapters")], "adapters are loaded"
from entrypoints.settings.loader import load_settings
loaded = load_settings(config_file=Path(sys.argv[1]), environ={}, cwd=Path.cwd())
container = Container(settings=loaded, events=None)
container.catalogue().summary()
container.connection().close()
heavy = {"PIL", "av", "numpy", "psutil", "adapters.comfyui_script", "adapters.filesystem"}
print(sorted(heavy & sys.modules.keys()))
"""


def test_reading_commands_import_no_renderer(config: ConfigFolder, tmp_path: Path) -> None:
    """Importing the container imports no adapter; the catalogue needs no media library."""
    config.write({"database": {"path": str(tmp_path / "musings.db")}})
    told = subprocess.run(  # noqa: S603 - a fresh interpreter is what is looked into
        [sys.executable, "-c", _LOADED, str(config.file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.stdout, told.stderr) == ("[]\n", "")


def test_the_system_clock_uses_utc_and_never_runs_backwards() -> None:
    """The manual clock imitates this behaviour."""
    clock = SystemClock()
    before = clock.monotonic()
    clock.sleep(0)
    assert clock.monotonic() >= before
    offset = clock.now().utcoffset()
    assert offset is not None
    assert offset.total_seconds() == 0
