"""What a slot on a node of a Ray cluster renders with; composed there, from plain data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from entrypoints.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from adapters.comfyui_graph.mapping import ConfiguredInputs
    from adapters.comfyui_script.workflow import ScriptWorkflow
    from application.ports.media_renderer import MediaRenderer
    from application.ports.system import Processes
    from domain.workflow_rules import WorkflowKey


class VersionError(Exception):
    """The node has another version of Media Generator than the worker."""


@dataclass(frozen=True, slots=True)
class NodeWorkflows:
    """What the slots render: scripts, or graphs on the ComfyUI server of their node.

    Attributes:
        version: of the worker's Media Generator.
        scripts: each script, as it is found on the nodes; empty if servers render.
        graphs: the file name of each graph, and the inputs that the settings name.
        server: the address of a node's server, as the node sees it.
        seconds: the time limit of a job.
        stall_seconds: the longest time without progress; 0 for no limit.
        unreachable_seconds: how long a server may not answer.
        preview_method: for ComfyUI, or "".
        free_memory: whether a server that runs out of memory is asked to free it.
        keep_negative_prompt: whether a graph keeps its own where the brief has none.
        max_files: how many files a job may leave.
        max_bytes: how many bytes these may hold together.
        warm_prompts: after how many prompts a warm host is replaced.
        warm_bytes: of memory after which a warm host is replaced; None for a share of the node's.
        warm_seconds: after how long without a prompt a warm host ends.
    """

    version: str
    scripts: Mapping[WorkflowKey, ScriptWorkflow]
    graphs: Mapping[WorkflowKey, tuple[str, ConfiguredInputs]]
    server: str
    seconds: float
    stall_seconds: float
    unreachable_seconds: float
    preview_method: str
    free_memory: bool
    keep_negative_prompt: bool
    max_files: int
    max_bytes: int
    warm_prompts: int
    warm_bytes: int | None
    warm_seconds: float


def make_renderer(workflows: NodeWorkflows, folder: Path) -> MediaRenderer:
    """The renderer of a slot, on its node.

    Args:
        workflows: what it renders.
        folder: private to the slot.

    Raises:
        VersionError: the worker has another version.
    """
    if workflows.version != VERSION:
        raise VersionError(
            f"it has Media Generator {VERSION}, and the worker {workflows.version}: install the"
            " same version on all of them"
        )
    if workflows.scripts:
        return _script_renderer(workflows, folder)
    return _server_renderer(workflows, folder)


def _script_renderer(workflows: NodeWorkflows, folder: Path) -> MediaRenderer:
    from adapters.comfyui_script.host_pool import HostLimits, HostPool
    from adapters.comfyui_script.host_records import HostRecords
    from adapters.comfyui_script.renderer import ScriptRenderer
    from adapters.system_clock import SystemClock
    from application.ports.events import EventFanout

    clock = SystemClock()
    limits = HostLimits(workflows.warm_prompts, workflows.warm_bytes, workflows.warm_seconds)
    hosts = HostPool(HostRecords(folder, _processes), limits, clock, EventFanout())
    return ScriptRenderer(workflows.scripts, clock, hosts)


def _server_renderer(workflows: NodeWorkflows, folder: Path) -> MediaRenderer:
    from adapters.comfyui_server.address import ServerAddress
    from adapters.comfyui_server.deadlines import ServerLimits
    from adapters.comfyui_server.node_catalogue import NodeCatalogue
    from adapters.comfyui_server.pool import ServerPool
    from adapters.comfyui_server.renderer import ServerRenderer
    from adapters.comfyui_server.server_workflow import WorkflowSource
    from adapters.ray_cluster.messages import graph_path
    from adapters.system_clock import SystemClock

    clock = SystemClock()
    server = ServerAddress(workflows.server, kinds=frozenset(kind for kind, _ in workflows.graphs))
    limits = ServerLimits(
        seconds=workflows.seconds,
        stall_seconds=workflows.stall_seconds,
        unreachable_seconds=workflows.unreachable_seconds,
        preview_method=workflows.preview_method,
        free_memory=workflows.free_memory,
        max_files=workflows.max_files,
        max_bytes=workflows.max_bytes,
    )
    sources = {
        key: WorkflowSource(
            graph_path(folder, key, name),
            key[0],
            inputs,
            NodeCatalogue([server], folder),
            keep_negative_prompt=workflows.keep_negative_prompt,
            label=key[1],
        )
        for key, (name, inputs) in workflows.graphs.items()
    }
    return ServerRenderer(sources, ServerPool([server], clock), limits, clock)


@cache
def _processes() -> Processes:
    from adapters.processes.system_processes import SystemProcesses
    from adapters.system_clock import SystemClock

    return SystemProcesses(SystemClock())
