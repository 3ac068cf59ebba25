"""What macOS privacy keeps from a service: lines for the doctor."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from application.ports.health import Check, Health
from entrypoints.service.privacy import guarded_place
from entrypoints.settings.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from entrypoints.settings.loading import LoadedSettings

_SUBJECT = "macOS privacy"


def privacy_checks(
    paths: Mapping[str, Path], platform: str, home: Path, interpreter: Path
) -> Iterator[Check]:
    """A warning for each path that a service may not open; nothing where it is no Mac.

    Args:
        paths: absolute, by what they are ("database").
        platform: as ``sys.platform`` has it.
        home: the user's folder.
        interpreter: the Python that runs the service.
    """
    if platform != "darwin":
        return
    found = False
    for what, path in paths.items():
        place = _place(path, home)
        if place:
            found = True
            finding = f"the {what} {path} is in {place}, which macOS keeps from services"
            yield Check(_SUBJECT, Health.WARNING, finding, _remedy(interpreter.resolve()))
    if not found:
        finding = "nothing lies in a folder that macOS keeps from services"
        yield Check(_SUBJECT, Health.WELL, finding)


def paths_in_use(loaded: LoadedSettings, program: Path) -> dict[str, Path]:
    """What a service opens, as far as the settings tell.

    Args:
        loaded: the settings.
        program: the folder that ``mediagen`` is installed in.
    """
    from domain.kind import Kind
    from entrypoints.settings import resolution

    finders: dict[str, Callable[[], Path]] = {
        "database": lambda: resolution.database_path(loaded),
        "output folder": lambda: resolution.output_root(loaded),
        "ComfyUI directory": lambda: resolution.comfyui_directory(loaded),
        "interpreter": lambda: resolution.interpreter(loaded),
        "image script": lambda: resolution.script(loaded, Kind.IMAGE),
        "audio script": lambda: resolution.script(loaded, Kind.AUDIO),
    }
    found = {"program": program}
    if loaded.config_file:
        found["configuration file"] = loaded.config_file
    for what, find in finders.items():
        try:
            found[what] = find()
        except SettingsError:  # told by another check
            continue
    return found


def _place(path: Path, home: Path) -> str | None:
    """Where the path itself lies, or what it leads to."""
    for each in (path, path.resolve()):
        place = guarded_place(PurePosixPath(each), PurePosixPath(home))
        if place:
            return place
    return None


def _remedy(interpreter: Path) -> str:
    return (
        "Runs from a terminal are not affected. For 'mediagen service', move it to another folder"
        " of your home, or add"
        f" {interpreter} under System Settings > Privacy & Security > Full Disk Access and install"
        " the service again."
    )
