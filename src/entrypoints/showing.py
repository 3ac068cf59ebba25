"""What a worker shows of itself, and what is kept of its workflows' output: built from settings."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adapters.live_state.reader import LiveStateFiles
    from adapters.live_state.worker_state import WorkerState
    from adapters.live_state.writer import LiveStateWriter
    from adapters.render_logs.files import RenderLogFiles
    from application.admission import Standing
    from application.ports.clock import Clock
    from application.ports.processes import Processes
    from entrypoints.settings.loading import LoadedSettings

FLUSH_SECONDS = 0.25  # between two looks at whether there is news to show
OBSERVE_SECONDS = 0.5  # between two looks at why nothing is claimed


def state_place(loaded: LoadedSettings) -> Path:
    """The folder for whatever is kept of the database. Raises SettingsError without a database."""
    from adapters.state_folder import state_folder
    from entrypoints.settings.resolution import database_path

    chosen = loaded.settings.paths.state
    return state_folder(Path(chosen) if chosen else _usual_place(), database_path(loaded))


def _usual_place() -> Path:
    from platformdirs import user_state_path

    return user_state_path("mediagen", appauthor=False)


def build_worker_state(command: str, slots: int = 1) -> WorkerState:
    """What a worker shows; a listener."""
    from adapters.live_state.worker_state import WorkerState
    from adapters.system_clock import SystemClock

    return WorkerState(command, SystemClock(), slots)


def build_live_writer(
    loaded: LoadedSettings, state: WorkerState, processes: Processes, clock: Clock
) -> LiveStateWriter:
    """Whatever shows it to others."""
    from adapters.live_state.writer import LiveStateWriter

    return LiveStateWriter(state, state_place(loaded), processes, clock)


def build_live_reader(loaded: LoadedSettings) -> LiveStateFiles:
    """What the workers of the database show. Raises SettingsError without a database."""
    from adapters.live_state.reader import LiveStateFiles
    from entrypoints.building import build_clock, build_processes

    clock = build_clock()
    found: list[Processes] = []

    def processes() -> Processes:
        if not found:  # costs as much as all the rest of a look, and is needed only now
            found.append(build_processes(clock))
        return found[0]

    return LiveStateFiles(state_place(loaded), processes, clock)


def build_render_logs(loaded: LoadedSettings) -> RenderLogFiles:
    """What workflows print. Raises SettingsError without a database."""
    from adapters.render_logs.files import RenderLogFiles

    folder = state_place(loaded) / "renders"
    return RenderLogFiles(folder, loaded.settings.logging.workflow_bytes)


@contextmanager
def shown_to_others(
    state: WorkerState, writer: LiveStateWriter, standing: Callable[[], Standing]
) -> Iterator[None]:
    """Show what a worker does for as long as the block lasts.

    Two threads: asking why nothing is claimed may wait for whoever claims, and progress may not.
    """
    from adapters.heartbeat import beating

    try:
        with (
            beating(writer.flush, FLUSH_SECONDS),
            beating(lambda: state.observe(standing()), OBSERVE_SECONDS),
        ):
            yield
    finally:
        writer.close()
