"""How what renders is built from the settings."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adapters.comfyui_script.workflow import ScriptWorkflow
    from adapters.comfyui_server.address import ServerAddress
    from adapters.comfyui_server.health import ServerProbe
    from adapters.comfyui_server.pool import ServerPool
    from adapters.comfyui_server.renderer import ServerRenderer
    from adapters.comfyui_server.workflow_source import WorkflowSource
    from adapters.sqlite.connection import Connection
    from adapters.sqlite.server_jobs import SqliteServerJobs
    from application.ports.clock import Clock
    from application.ports.events import EventListener
    from application.ports.media_renderer import MediaRenderer
    from application.recover import ForsakenJobs
    from domain.failure import Failure
    from entrypoints.settings.loading import LoadedSettings


def served_kinds(loaded: LoadedSettings) -> frozenset[Kind]:
    """The kinds that a ComfyUI server renders."""
    from entrypoints.settings import resolution

    return frozenset(kind for kind in Kind if resolution.renderer(loaded, kind) == "server")


def workflow_name(loaded: LoadedSettings, kind: Kind) -> str:
    """The file name of what renders a kind. Raises SettingsError when it is not set."""
    from entrypoints.settings import resolution

    if kind in served_kinds(loaded):
        return resolution.workflow_file(loaded, kind).name
    return build_workflow(loaded, kind).script.name


def build_workflows(loaded: LoadedSettings) -> Mapping[Kind, ScriptWorkflow]:
    """The script of each kind that none of the servers renders.

    Raises:
        SettingsError: something that one of them needs is not set.
    """
    served = served_kinds(loaded)
    return {kind: build_workflow(loaded, kind) for kind in Kind if kind not in served}


def build_workflow(loaded: LoadedSettings, kind: Kind) -> ScriptWorkflow:
    """The script that renders one kind. Raises SettingsError when something is not set."""
    from pathlib import Path

    from adapters.comfyui_script.workflow import ArgumentStyle, ScriptWorkflow
    from adapters.sketch.workflows import ARGUMENTS, SCRIPTS
    from entrypoints.settings import resolution

    comfyui = loaded.settings.comfyui
    sketched = resolution.renderer(loaded, kind) == "sketch"
    script = SCRIPTS[kind] if sketched else resolution.script(loaded, kind)
    return ScriptWorkflow(
        renderer="sketch" if sketched else "script",
        interpreter=Path(sys.executable) if sketched else resolution.interpreter(loaded),
        script=script,
        working_directory=script.parent if sketched else resolution.comfyui_directory(loaded),
        arguments=ARGUMENTS[kind] if sketched else resolution.arguments(loaded, kind),
        extra_arguments=() if sketched else resolution.extra_arguments(loaded, kind),
        argument_style=ArgumentStyle(
            "equals" if sketched else loaded.settings.media.argument_style
        ),
        queue_size=comfyui.queue_size,
        time_limit_seconds=comfyui.timeout_seconds,
        stall_seconds=comfyui.stall_seconds,
        grace_seconds=comfyui.grace_seconds,
    )


def build_server_renderer(
    loaded: LoadedSettings, clock: Clock, events: EventListener
) -> ServerRenderer | None:
    """What renders on ComfyUI servers; None when nothing is rendered there."""
    kinds = served_kinds(loaded)
    if not kinds:
        return None
    from adapters.comfyui_server.limits import ServerLimits
    from adapters.comfyui_server.renderer import ServerRenderer

    comfyui = loaded.settings.comfyui
    limits = ServerLimits(
        seconds=comfyui.timeout_seconds,
        stall_seconds=comfyui.stall_seconds,
        unreachable_seconds=comfyui.unreachable_seconds,
        free_memory=comfyui.free_memory,
        max_files=loaded.settings.media.limits.max_files,
        max_bytes=loaded.settings.media.limits.max_bytes,
    )
    pool = build_pool(loaded, clock, events)
    return ServerRenderer(_sources(loaded), pool, limits, clock)


def build_server_probe(loaded: LoadedSettings) -> ServerProbe:
    """What examines the servers, and the graphs on them."""
    from adapters.comfyui_server.health import ServerProbe

    return ServerProbe(_sources(loaded), _addresses(loaded))


@contextmanager
def servers_in_use(renderer: ServerRenderer | None) -> Iterator[None]:
    """While it lasts, connections to servers may be open; none of them afterwards."""
    try:
        yield
    finally:
        if renderer is not None:
            renderer.close()


def build_pool(loaded: LoadedSettings, clock: Clock, events: EventListener) -> ServerPool:
    """The ComfyUI servers."""
    from adapters.comfyui_server.pool import ServerPool
    from application.ports.events import ServerReturned, ServerSetAside

    def tell(server: str, failure: Failure | None) -> None:
        if failure is None:
            events.notice(ServerReturned(server))
        else:
            events.notice(ServerSetAside(server, failure.code.value, failure.message))

    return ServerPool(_addresses(loaded), clock, tell)


def _addresses(loaded: LoadedSettings) -> tuple[ServerAddress, ...]:
    from adapters.comfyui_server.address import ServerAddress
    from entrypoints.settings import resolution

    kinds = served_kinds(loaded)
    return tuple(
        ServerAddress(host.url, host.slots, host.kinds & kinds)
        for host in resolution.servers(loaded)
        if host.kinds & kinds
    )


def _sources(loaded: LoadedSettings) -> Mapping[Kind, WorkflowSource]:
    from adapters.comfyui_server.workflow_source import WorkflowSource
    from entrypoints.settings import resolution

    return {
        kind: WorkflowSource(
            resolution.workflow_file(loaded, kind), kind, resolution.workflow_inputs(loaded, kind)
        )
        for kind in Kind
        if kind in served_kinds(loaded)
    }


def build_renderer(
    workflows: Mapping[Kind, ScriptWorkflow], server: ServerRenderer | None, clock: Clock
) -> MediaRenderer:
    """Whatever makes media: scripts, servers, or each for its kind."""
    from adapters.comfyui_script.renderer import ScriptRenderer

    scripts = ScriptRenderer(workflows, clock)
    if server is None:
        return scripts
    if not workflows:
        return server
    from adapters.renderers_by_kind import RenderersByKind

    return RenderersByKind({kind: scripts if kind in workflows else server for kind in Kind})


def build_server_jobs(loaded: LoadedSettings, connection: Connection) -> SqliteServerJobs | None:
    """The book of jobs on servers; None when nothing is rendered there."""
    if not served_kinds(loaded):
        return None
    from adapters.sqlite.server_jobs import SqliteServerJobs

    return SqliteServerJobs(connection)


def build_forsaken_jobs(
    jobs: SqliteServerJobs | None, server: ServerRenderer | None
) -> ForsakenJobs | None:
    """Ends jobs that nobody goes on with; None when nothing is rendered on servers."""
    if jobs is None or server is None:
        return None
    from application.recover import ForsakenJobs

    return ForsakenJobs(jobs, server)
