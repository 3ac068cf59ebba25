"""What the doctor examines, as far as the settings say where it is."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from application.doctor import Findings
from application.ports.health import Check, Health
from domain.kind import Kind
from entrypoints.building_renderers import build_workflow, served_kinds
from entrypoints.settings import resolution
from entrypoints.settings.errors import Problem, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from adapters.comfyui_script.workflow import ScriptWorkflow
    from application.ports.health import HealthProbe
    from entrypoints.settings.loading import LoadedSettings

T = TypeVar("T")

INTEGRITY_SECONDS: Final = 10.0
_RENDERERS: Final = {
    "script": "a workflow script of ComfyUI",
    "sketch": "the sketch: a program that draws and sings, no model",
    "server": "a ComfyUI server",
}


def probes(
    loaded: LoadedSettings,
    problems: Sequence[Problem] = (),
    integrity_seconds: float = INTEGRITY_SECONDS,
) -> Iterator[HealthProbe]:
    """Everything that can be examined; what is wrong with the settings is a finding too.

    Args:
        loaded: the settings.
        problems: with them.
        integrity_seconds: how long to look for damage in the database.
    """
    from adapters.filesystem.health import OutputRootProbe, RoomProbe

    yield Findings((_program(), *_settings(loaded, problems)))
    missing: list[Problem] = []
    database = _attempt(lambda: resolution.database_path(loaded), missing)
    root = _attempt(lambda: resolution.output_root(loaded), missing)
    workflows = dict(_workflows(loaded, missing))
    told = {problem.key for problem in problems}
    yield Findings(tuple(map(_broken, _distinct(missing, told))))
    floor = loaded.settings.media.limits.min_free_bytes
    if database is not None:
        from adapters.sqlite.health import DatabaseProbe

        timeout = loaded.settings.database.timeout
        by_priority = loaded.settings.workers.order == "priority"
        yield DatabaseProbe(database, timeout, root, integrity_seconds, by_priority=by_priority)
        if database.exists():
            yield RoomProbe("database free space", database.resolve().parent, floor)
    yield Findings(tuple(_renderers(loaded)))
    if workflows:
        from adapters.comfyui_script.health import ScriptProbe
        from adapters.system_clock import SystemClock

        yield ScriptProbe(workflows, SystemClock())
    if served_kinds(loaded):
        from entrypoints.building_renderers import build_server_probe

        yield build_server_probe(loaded)
    if root is not None:
        yield OutputRootProbe(root, floor)
    yield Findings(tuple(_privacy(loaded)))


def _privacy(loaded: LoadedSettings) -> Iterator[Check]:
    from entrypoints.checkup.privacy import paths_in_use, privacy_checks

    paths = paths_in_use(loaded, Path(sys.prefix))
    return privacy_checks(paths, sys.platform, Path.home(), Path(sys.executable))


def _program() -> Check:
    from importlib.metadata import version

    finding = (
        f"mediagen {version('media-generator')} on Python {platform.python_version()}"
        f" ({sys.executable}), {platform.system()} {platform.machine()}"
    )
    return Check("program", Health.WELL, finding)


def _settings(loaded: LoadedSettings, problems: Iterable[Problem]) -> Iterator[Check]:
    if loaded.config_file:
        yield Check("configuration", Health.WELL, f"the file is {loaded.config_file}")
    else:
        finding = "there is no configuration file; defaults and the environment count"
        yield Check("configuration", Health.WELL, finding)
    for note in loaded.notes:
        yield Check("configuration", Health.WELL, note)
    yield from map(_broken, problems)


def _broken(problem: Problem) -> Check:
    return Check("settings", Health.BROKEN, f"{problem.where}: {problem.what}", problem.fix)


def _distinct(problems: Iterable[Problem], told: set[str]) -> Iterator[Problem]:
    """Each missing key once, and none that was found to be wrong before."""
    for problem in problems:
        if problem.key not in told:
            told.add(problem.key)
            yield problem


def _attempt(find: Callable[[], T], missing: list[Problem]) -> T | None:
    try:
        return find()
    except SettingsError as error:
        missing += error.problems
        return None


def _workflows(
    loaded: LoadedSettings, missing: list[Problem]
) -> Iterator[tuple[Kind, ScriptWorkflow]]:
    """The workflow of each kind whose settings are complete."""
    scripted = [kind for kind in Kind if resolution.renderer(loaded, kind) == "script"]
    if scripted:
        _attempt(lambda: resolution.interpreter(loaded), missing)
        _attempt(lambda: resolution.comfyui_directory(loaded), missing)
    for kind in sorted(frozenset(Kind) - served_kinds(loaded), key=list(Kind).index):
        found = _attempt(lambda kind=kind: build_workflow(loaded, kind), missing)  # type: ignore[misc]
        if found is not None:
            yield kind, found


def _renderers(loaded: LoadedSettings) -> Iterator[Check]:
    for kind in Kind:
        chosen = resolution.renderer(loaded, kind)
        what = _RENDERERS[chosen]
        limits = loaded.settings.comfyui
        finding = f"{what}; it is ended after {limits.timeout_seconds:g} seconds"
        if limits.stall_seconds:
            finding += f", or {limits.stall_seconds:g} without a sign of life"
        yield Check(f"{kind.value} renderer", Health.WELL, finding)
