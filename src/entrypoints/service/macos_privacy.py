"""Folders that macOS keeps from services: which paths lie in one, and lines for the doctor.

Facts: Apple's "Controlling app access to files in macOS" (Platform Security): Desktop, Documents,
Downloads, iCloud Drive, network and removable volumes ask for consent, which a launchd job cannot
be given in passing; Full Disk Access covers all of them.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from application.ports.doctor import Check, CheckStatus
from domain.workflow_rules import workflow_subject
from entrypoints.settings import resolution
from entrypoints.settings.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from entrypoints.settings.loader import LoadedSettings

_SUBJECT = "macOS privacy"
_VOLUMES = PurePosixPath("/Volumes")
_PREFIXES = (  # second names of what is under /
    PurePosixPath("/System/Volumes/Data"),
    PurePosixPath("/Volumes/Macintosh HD"),
)
_GUARDED = {
    "Desktop": "the Desktop folder",
    "Documents": "the Documents folder",
    "Downloads": "the Downloads folder",
    "Library/Mobile Documents": "iCloud Drive",
    "Library/CloudStorage": "a cloud storage folder",
}


def privacy_checks(
    paths: Mapping[str, Path], platform: str, home: Path, interpreter: Path
) -> Iterator[Check]:
    """A warning for each path that a service may not open; nothing on other systems.

    Args:
        paths: absolute paths, by what they are ("database").
        platform: the value of ``sys.platform``.
        home: the user's folder.
        interpreter: the Python that runs the service.
    """
    if platform != "darwin":
        return
    remedy = (
        "Runs from a terminal are not affected. For 'mediagen service', move it to another folder"
        f" of your home, or add {interpreter.resolve()} under System Settings > Privacy & Security"
        " > Full Disk Access and install the service again."
    )
    guarded = False
    for what, path in paths.items():
        targets = map(PurePosixPath, (path, path.resolve()))
        places = (guarded_place(target, PurePosixPath(home)) for target in targets)
        if place := next(filter(None, places), None):
            guarded = True
            finding = f"the {what} {path} is in {place}, which macOS keeps from services"
            yield Check(_SUBJECT, CheckStatus.WARNING, finding, remedy)
    if not guarded:
        finding = "nothing lies in a folder that macOS keeps from services"
        yield Check(_SUBJECT, CheckStatus.OK, finding)


def paths_in_use(loaded: LoadedSettings, program: Path) -> dict[str, Path]:
    """The paths that a service opens, by what they are, as far as they are set.

    Args:
        loaded: the settings.
        program: the folder in which ``mediagen`` is installed.
    """
    resolvers: dict[str, Callable[[], Path]] = {
        "database": lambda: resolution.database_path(loaded),
        "ComfyUI directory": lambda: resolution.comfyui_directory(loaded),
        "interpreter": lambda: resolution.interpreter(loaded),
    }
    for workflow in resolution.workflows(loaded):
        subject = workflow_subject(workflow.key, "script")
        resolvers[subject] = partial(resolution.script, loaded, workflow)
    if resolution.storage_address(loaded) is None:
        resolvers["output folder"] = lambda: resolution.output_root(loaded)
    paths = {"program": program}
    if loaded.config_file:
        paths["configuration file"] = loaded.config_file
    for what, resolve in resolvers.items():
        with suppress(SettingsError):  # another check reports it
            paths[what] = resolve()
    return paths


def guarded_place(path: PurePosixPath, home: PurePosixPath) -> str | None:
    """The protected folder in which a path lies, as people call it, or None.

    Case is ignored, as on the disks of nearly all Macs.

    Args:
        path: an absolute path.
        home: the user's folder, absolute.
    """
    path, home = _short(path), _short(home)
    for folder, title in _GUARDED.items():
        if _inside(path, home / folder):
            return title
    if _inside(path, _VOLUMES) and len(path.parts) > len(_VOLUMES.parts):
        return f"another volume ({PurePosixPath(*path.parts[:3])})"
    return None


def _short(path: PurePosixPath) -> PurePosixPath:
    """The same path under its usual name."""
    for long in _PREFIXES:
        if _inside(path, long):
            return PurePosixPath("/", *path.parts[len(long.parts) :])
    return path


def _inside(path: PurePosixPath, folder: PurePosixPath) -> bool:
    folded = PurePosixPath(str(folder).casefold())
    return PurePosixPath(str(path).casefold()).is_relative_to(folded)
