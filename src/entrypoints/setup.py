"""The first configuration: finds ComfyUI, its Python, its workflows and the database."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

from adapters.comfyui_script.doctor import run_probe
from adapters.comfyui_script.exported_source import exported_graph
from adapters.comfyui_script.script_source import script_source
from adapters.comfyui_script.workflow import DEFAULT_ARGUMENTS, FIELDS
from adapters.system_clock import SystemClock
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DEFAULT_SERVER: Final = "http://127.0.0.1:8188"
_SCRIPTS: Final = {
    Kind.IMAGE: "poets_service/image_workflow.py",
    Kind.AUDIO: "poets_service/audio_workflow.py",
}
_SETTINGS: Final = {Kind.IMAGE: "image", Kind.AUDIO: "music"}  # of media.scripts
_MEDIA: Final = {Kind.IMAGE: "pictures", Kind.AUDIO: "songs"}
# Where installers and guides put ComfyUI, below the home folder.
_HOMES: Final = (
    *("ComfyUI", "comfyui", "comfy/ComfyUI", "comfy_env/ComfyUI", "Documents/ComfyUI"),
    *("Desktop/ComfyUI", "src/ComfyUI", "git/ComfyUI", "projects/ComfyUI", "ai/ComfyUI"),
    *("StabilityMatrix/Data/Packages/ComfyUI", "pinokio/api/comfy.git/app"),
)
_SHARED_HOMES: Final = ("/opt/ComfyUI", "/srv/ComfyUI", "/workspace/ComfyUI")
_ENVIRONMENTS: Final = ("venv", ".venv", "env", "comfy_env", "comfyui_env", "ComfyUI-venv")
_CONDA: Final = ("miniconda3", "anaconda3", "miniforge3", "mambaforge")
_HAS_TORCH: Final = (
    "import importlib.util as util, sys;"
    "print(bool(util.find_spec('torch')), sys.version.split()[0])"
)
_PROBE_SECONDS: Final = 30.0
_EXPORT_MARK: Final = b"add_comfyui_directory_to_sys_path"
_MAX_FILES: Final = 300  # that are looked at in one folder
_MAX_WORKFLOWS: Final = 30
_NEW_DATABASE: Final = "musings.db"
_MAX_NAME: Final = 60  # characters of the name of a workflow, which may get a number
_NO_NAME: Final = re.compile(r"[^\w.+-]+")
_MAX_SCRIPT_BYTES: Final = 4 * 1024 * 1024
_SQLITE_MARK: Final = b"SQLite format 3\0"
_OPTION: Final = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")
# What scripts call the fields of a brief, besides the field's own name; the likeliest first.
_ARGUMENT_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "prompt": ("prompt", "positive-prompt", "positive", "text", "description", "caption"),
    "negative_prompt": ("negative-prompt", "negative", "neg-prompt", "neg", "uncond"),
    "lyrics": ("lyrics", "lyric", "text", "words"),
    "tags": ("tags", "style-tags", "style", "styles", "caption", "description", "prompt"),
    "output": (
        *("output", "output-directory", "output-dir", "output-path", "output-folder"),
        *("out", "out-dir", "outdir", "save-dir", "save-path", "dest"),
    ),
    "queue_size": ("queue-size", "batch-count", "count", "num-images", "repeat"),
    "seed": ("seed", "noise-seed", "random-seed"),
    "seconds": ("seconds", "duration", "duration-seconds", "length"),
    "tempo": ("tempo", "bpm"),
    "comfyui_directory": ("comfyui-directory", "comfyui-dir", "comfyui-path", "comfyui"),
}


@dataclass(frozen=True, slots=True)
class Found:
    """One part of the installation.

    Attributes:
        path: the file or folder; None if none was found.
        about: where it was found or what is special about it, as the end of a line.
    """

    path: Path | None
    about: str = ""


@dataclass(frozen=True, slots=True)
class KindSetup:
    """How one kind of media will be rendered.

    Attributes:
        renderer: "script" or "server"; "" if nothing was found.
        file: the script or the workflow file; None if none was found.
        further: further workflow files that the server can run, the newest first.
        arguments: a script's argument names by field where they are not the default ones; None
            for a field that it does not take.
        about: what was found, as the end of a line.
    """

    renderer: str = ""
    file: Path | None = None
    arguments: Mapping[str, str | None] = field(default_factory=dict)
    about: str = ""
    further: tuple[Path, ...] = ()

    def workflows(self) -> str | list[dict[str, Any]]:
        """The value for ``media.workflows``: the file, or a list of named ones.

        The newest renders every prompt for which no other is chosen by its name.
        """
        if not self.further:
            return str(self.file)
        named: dict[str, dict[str, Any]] = {}
        for file in (self.file, *self.further):
            stem = file.stem if file else ""
            stem = _NO_NAME.sub(" ", stem).strip(" .+-")[:_MAX_NAME].strip(" .+-") or "workflow"
            name, number = stem, 1
            while name.casefold() in named:
                number += 1
                name = f"{stem} {number}"
            when = {"when": {"config_name": name}} if named else {}
            named[name.casefold()] = {"name": name, "file": str(file), **when}
        default, *more = named.values()
        return [*more, default]


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user named, so that it is not searched for; None for what is to be found."""

    comfyui: Path | None = None
    python: Path | None = None
    database: Path | None = None
    database_url: str | None = None
    output: Path | None = None
    server: str | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """What was found, from which the configuration follows.

    Attributes:
        comfyui: the ComfyUI directory.
        python: the interpreter of ComfyUI's environment.
        database: the shared database; it does not exist yet if ``creates_database``.
        creates_database: whether a new database, or its tables, have to be created.
        database_url: of a PostgreSQL database, without a password; it replaces the file.
        output: the output root, absolute.
        server: address of the server.
        server_version: its version; "" if none answers.
        kinds: how each kind is rendered.
    """

    comfyui: Found
    python: Found
    database: Found
    creates_database: bool
    output: Path
    server: str
    server_version: str
    kinds: Mapping[Kind, KindSetup]
    database_url: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether neither ComfyUI nor a server was found."""
        return self.comfyui.path is None and not self.server_version

    def configuration(self) -> dict[str, Any]:
        """The content of the configuration file."""
        comfyui: dict[str, Any] = {}
        if self.python.path:
            comfyui["python"] = str(self.python.path)
        if self.comfyui.path:
            comfyui["comfyui_directory"] = str(self.comfyui.path)
        comfyui["output_directory"] = str(self.output)
        if self.server != DEFAULT_SERVER:
            comfyui["host"] = self.server
        media: dict[str, dict[str, Any]] = {}
        for kind, setup in self.kinds.items():
            if setup.renderer == "server":
                media.setdefault("renderer", {})[kind.value] = "server"
                media.setdefault("workflows", {})[kind.value] = setup.workflows()
            elif setup.file and setup.file != self._default_script(kind):
                media.setdefault("scripts", {})[_SETTINGS[kind]] = str(setup.file)
            if setup.arguments:
                media.setdefault("arguments", {})[kind.value] = dict(setup.arguments)
        database = {"path": str(self.database.path)}
        if self.database_url:
            database = {"url": self.database_url}
        tree: dict[str, Any] = {"database": database, "comfyui": comfyui}
        return tree | ({"media": media} if media else {})

    def lines(self) -> list[tuple[str, str, str]]:
        """What was found, for people: name, value and remark."""
        server = f"ComfyUI {self.server_version}" if self.server_version else "does not answer"
        new = "does not exist yet and will be created" if self.creates_database else ""
        if self.database_url:
            new = "has no tables yet; they will be created" if self.creates_database else ""
        rows = [
            ("ComfyUI", str(self.comfyui.path or "not found"), self.comfyui.about),
            ("Python", str(self.python.path or "not found"), self.python.about),
            ("server", self.server, server),
            ("database", self.database_url or str(self.database.path), new or self.database.about),
        ]
        rows += [
            (_MEDIA[kind], str(setup.file or "no workflow found"), setup.about)
            for kind, setup in self.kinds.items()
        ]
        return [*rows, ("output", str(self.output), "" if self.output.is_dir() else "will be made")]

    def _default_script(self, kind: Kind) -> Path | None:
        return self.comfyui.path / _SCRIPTS[kind] if self.comfyui.path else None


def find_installation(choices: Choices, environ: Mapping[str, str], cwd: Path) -> Proposal:
    """Look for everything that the user did not name; nothing is changed.

    Args:
        choices: what the user named, as absolute paths.
        environ: the environment.
        cwd: the working folder.

    Raises:
        RepositoryError: the PostgreSQL database that the user named cannot be used.
    """
    home = Path(environ.get("HOME") or Path.home())
    comfyui, running = _comfyui(choices.comfyui, environ, home, cwd)
    python = Found(choices.python) if choices.python else _python(comfyui.path, running, home)
    url = choices.server or (running.server if running else DEFAULT_SERVER)
    version = _server_version(url)
    server = url if version else ""
    data = _data_folder()
    database_url: str | None = None
    if choices.database_url:
        database = Found(data, "PostgreSQL")
        database_url, creates = _postgres_database(choices.database_url)
    else:
        database = Found(choices.database) if choices.database else _database(environ, home, cwd)
        creates = database.path is None or (
            database.path == choices.database and not os.path.lexists(database.path)
        )
    if database.path is None:
        database = Found(data / _NEW_DATABASE)
    output = choices.output
    if output is None:
        output = comfyui.path / "output" / "poets" if comfyui.path else data / "output"
    return Proposal(
        comfyui,
        python,
        database,
        creates,
        output,
        url,
        version,
        {kind: _kind(kind, comfyui.path, python.path, server) for kind in Kind},
        database_url,
    )


def _data_folder() -> Path:
    from platformdirs import user_data_path

    return user_data_path("media-generator", appauthor=False)


# ----------------------------------------------------------------------------- ComfyUI and Python


def _is_comfyui(folder: Path) -> bool:
    try:
        return (folder / "main.py").is_file() and (folder / "comfy").is_dir()
    except OSError:
        return False


def _comfyui(
    named: Path | None, environ: Mapping[str, str], home: Path, cwd: Path
) -> tuple[Found, _Running | None]:
    """The ComfyUI directory, and the process that runs it now."""
    processes = {process.directory: process for process in _running()}
    if named is not None:
        return Found(named), processes.get(named)
    if processes:
        process = next(iter(processes.values()))
        return Found(process.directory, "a process of it is running"), process
    from_environment = environ.get("COMFYUI_DIR")
    candidates = [Path(from_environment)] if from_environment else []
    candidates += [cwd, cwd / "ComfyUI", *(home / name for name in _HOMES)]
    candidates += [Path(name) for name in _SHARED_HOMES]
    with suppress(OSError):
        candidates += [path / "ComfyUI" for path in islice(sorted(home.iterdir()), _MAX_FILES)]
    return Found(next(filter(_is_comfyui, candidates), None)), None


@dataclass(frozen=True, slots=True)
class _Running:
    """A ComfyUI process: its directory, its interpreter and the address of its server."""

    directory: Path
    python: Path
    server: str


def _running() -> Iterator[_Running]:
    """Every ComfyUI process that we may look at."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            command = process.cmdline()
            main = next((word for word in command[1:] if Path(word).name == "main.py"), None)
            if main is None or "python" not in Path(command[0]).name.lower():
                continue
            folder = Path(process.cwd(), main).parent
            if _is_comfyui(folder):
                # Not the executable, which a virtual environment's Python is a link to.
                started = shutil.which(command[0], path=process.environ().get("PATH"))
                python = os.path.abspath(started or process.exe())  # noqa: PTH100 - keeps links
                yield _Running(folder, Path(python), _served_at(command))


def _served_at(command: Sequence[str]) -> str:
    """The address that the command line of a ComfyUI process gives its server."""
    match = re.search(r"(?:^|\0)--port[=\0](\d+)", "\0".join(command))
    return f"http://127.0.0.1:{match[1]}" if match else DEFAULT_SERVER


def _python(comfyui: Path | None, running: _Running | None, home: Path) -> Found:
    """The first interpreter that finds PyTorch; else the first there is."""
    candidates = [running.python] if running else []
    for folder in [comfyui, comfyui.parent] if comfyui else []:
        candidates += [folder / name / "bin" / "python" for name in _ENVIRONMENTS]
    if comfyui:  # which may lie inside its environment
        candidates.append(comfyui.parent / "bin" / "python")
    candidates += [home / name / "bin" / "python" for name in _ENVIRONMENTS[3:]]
    candidates += [
        home / conda / "envs" / name / "bin" / "python"
        for conda in _CONDA
        for name in ("comfyui", "ComfyUI", "comfy")
    ]
    if system := shutil.which("python3"):
        candidates.append(Path(system))
    existing = [path for path in dict.fromkeys(candidates) if os.access(path, os.X_OK)]
    clock, directory = SystemClock(), comfyui or home
    first: Found | None = None
    for path in existing:
        result = run_probe((str(path), "-c", _HAS_TORCH), directory, _PROBE_SECONDS, clock)
        has_torch, _, version = result.text.partition(" ")
        if has_torch == "True":
            return Found(path, f"Python {version}, finds PyTorch")
        if version and first is None:
            first = Found(path, f"Python {version}, but it does not find PyTorch")
    return first or Found(None)


# --------------------------------------------------------------------------- server and database


def _server_version(url: str) -> str:
    """The version of the ComfyUI server at an address; "" if none answers."""
    from adapters.comfyui_server.address import ServerAddress
    from adapters.comfyui_server.client import ServerClient, ServerError
    from adapters.json_values import as_dict, as_text

    with closing(ServerClient(ServerAddress(url.rstrip("/")))) as client, suppress(ServerError):
        system = as_dict(client.system_stats().get("system"))
        return as_text(system.get("comfyui_version")) or "of unknown version"
    return ""


def _database(environ: Mapping[str, str], home: Path, cwd: Path) -> Found:
    """The shared database: that of the environment, or the newest in the usual places."""
    if named := environ.get("MUSINGS_DB_PATH"):
        return Found(Path(named).expanduser().absolute(), "from MUSINGS_DB_PATH")
    folders = [cwd, home, *(home / name for name in ("Desktop", "Documents", "data"))]
    files = [file for folder in folders for file in _files(folder, (".db", ".sqlite", ".sqlite3"))]
    shared = [file for file in dict.fromkeys(files) if _is_shared_database(file)]
    if not shared:
        own = _data_folder() / _NEW_DATABASE
        return Found(own, "made by an earlier setup") if _is_shared_database(own) else Found(None)
    newest = max(shared, key=lambda file: file.stat().st_mtime)
    older = ", ".join(str(file) for file in shared if file != newest)
    return Found(newest, f"the newest; there is also {older}" if older else "")


def _postgres_database(url: str) -> tuple[str, bool]:
    """A PostgreSQL database that answers: its URL without the password, whether it lacks tables.

    Raises:
        RepositoryError: it cannot be reached, refuses the login, or has other tables.
    """
    from adapters.postgres.address import PostgresAddress
    from adapters.postgres.database import PostgresDatabase

    address = PostgresAddress(url)
    with closing(PostgresDatabase(address, 5.0)) as database:
        if "prompts" not in database.connection.names("table"):
            return str(address), True
        _ = database.catalogue  # which checks the shared tables
    return str(address), False


def _is_shared_database(file: Path) -> bool:
    from adapters.sqlite.database import SqliteDatabase
    from application.ports.prompt_repository import RepositoryError

    try:
        with file.open("rb") as opened:
            if opened.read(len(_SQLITE_MARK)) != _SQLITE_MARK:
                return False
        with closing(SqliteDatabase(file, 1.0)) as database:
            _ = database.catalogue  # which checks the shared tables
    except (OSError, RepositoryError):
        return False
    return True


def _files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    try:
        paths = sorted(islice(folder.iterdir(), 10 * _MAX_FILES))
        return [path for path in paths if path.suffix in suffixes and path.is_file()][:_MAX_FILES]
    except OSError:
        return []


# -------------------------------------------------------------------------------------- workflows


def _kind(kind: Kind, comfyui: Path | None, python: Path | None, server: str) -> KindSetup:
    """The script of a kind, or else a workflow file if a server runs; empty without either."""
    script = _script(kind, comfyui) if comfyui else None
    if script is not None:
        source = script_source(script)
        if source.export is not None:
            return KindSetup("script", script, about="an export; its arguments are worked out")
        if python is None or comfyui is None:
            return KindSetup("script", script)
        options = script_options(script, python, comfyui)
        if options is None:
            return KindSetup("script", script, about="its --help could not be read")
        arguments = propose_arguments(kind, options)
        about = "takes the usual arguments"
        if arguments:
            about = ", ".join(f"{name} by {option}" for name, option in arguments.items() if option)
        return KindSetup("script", script, arguments, about)
    files = _workflow_files(kind, comfyui, server) if server and comfyui else []
    if not files:
        return KindSetup()
    about = f"rendered by the server {server}"
    if further := files[1:]:
        names = ", ".join(file.name for file in further)
        about += f"; by name also {names} ('mediagen submit --workflow')"
    return KindSetup("server", files[0], about=about, further=tuple(further))


def _script(kind: Kind, comfyui: Path) -> Path | None:
    """The script of the usual name, or the newest export that makes media of this kind."""
    usual = comfyui / _SCRIPTS[kind]
    if usual.is_file():
        return usual
    exports = [
        file
        for folder in (comfyui / "poets_service", comfyui, comfyui / "workflows")
        for file in _files(folder, (".py",))
        if _exported_kind(file) is kind
    ]
    return max(exports, key=lambda file: file.stat().st_mtime, default=None)


def _exported_kind(file: Path) -> Kind | None:
    """The kind of media that an export makes; None for any other script."""
    from adapters.comfyui_graph.output_nodes import likely_kind, media_outputs

    try:
        if file.stat().st_size > _MAX_SCRIPT_BYTES:
            return None
        if _EXPORT_MARK not in file.read_bytes():
            return None
    except OSError:
        return None
    export = script_source(file).export
    if export is None or not export.document:
        return None
    graph = exported_graph(export)
    kind = likely_kind(graph)
    return kind if media_outputs(graph, kind) else None


def script_options(script: Path, python: Path, comfyui: Path) -> frozenset[str] | None:
    """The options that a script's ``--help`` names; None if it does not print any help."""
    command = (str(python), str(script), "--help")
    result = run_probe(command, comfyui, _PROBE_SECONDS, SystemClock())
    return frozenset(_OPTION.findall(result.text)) if result.text else None


def propose_arguments(kind: Kind, options: frozenset[str]) -> dict[str, str | None]:
    """The argument names that differ from the default ones, by field; None for "not taken".

    Args:
        kind: the kind of media that the script makes.
        options: the option names that the script knows.
    """
    known = {option.lstrip("-").replace("_", "-").lower(): option for option in sorted(options)}
    proposed: dict[str, str | None] = {}
    taken: set[str] = set()
    defaults = {name: names[0] for name, names in DEFAULT_ARGUMENTS[kind].items()}
    # What must be passed chooses first, so that --text is the lyrics and not a caption.
    for name in [*defaults, *sorted(FIELDS[kind] - defaults.keys())]:
        if name == "prompt_id":
            continue
        names = _ARGUMENT_NAMES.get(name, (name.replace("_", "-"),))
        option = next((known[n] for n in names if n in known and known[n] not in taken), None)
        if option:
            taken.add(option)
        if option != defaults.get(name):
            proposed[name] = option
    return proposed


def _workflow_files(kind: Kind, comfyui: Path, server: str) -> list[Path]:
    """Workflows of ComfyUI's own folder that the server can run for this kind, the newest first."""
    from adapters.comfyui_graph.output_nodes import media_outputs
    from adapters.comfyui_graph.workflow_file import bundled, load_workflow
    from adapters.comfyui_server.address import ServerAddress
    from entrypoints.workflow_check import check_workflow

    servers = (ServerAddress(server.rstrip("/")),)
    folder = comfyui / "user" / "default" / "workflows"
    files = sorted(_files(folder, (".json",)), key=lambda file: file.stat().st_mtime, reverse=True)
    usable = []
    for file in files[:_MAX_WORKFLOWS]:
        checked = check_workflow(
            str(file), load_workflow(file, bundled), kind, {}, servers, bundled
        )
        if (
            checked.is_valid
            and not checked.is_unanswered
            and media_outputs(checked.graph, kind)
            and checked.targets.get("prompt" if kind is Kind.IMAGE else "lyrics")
        ):
            usable.append(file)
    return usable


def write_configuration(file: Path, content: str) -> Path | None:
    """Write the configuration file; the path of the copy of an older one, or None.

    Raises:
        OSError: it cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    copy = None
    if os.path.lexists(file):
        copy = file.with_name(f"{file.name}.old")
        shutil.copy2(file, copy)
    temporary = file.with_name(f".{file.name}.new")
    temporary.write_text(content, "utf-8")
    temporary.replace(file)
    return copy
