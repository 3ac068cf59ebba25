"""The checklist for ComfyUI servers and the workflows on them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from returns.pipeline import is_successful

from adapters.comfyui_server.api import ServerApi
from adapters.comfyui_server.examining import examine
from adapters.comfyui_server.fitness import node_types
from adapters.comfyui_server.plain_text import one_line
from adapters.comfyui_server.shapes import a_dict, a_list, a_number, a_text
from adapters.comfyui_server.trouble import ServerTroubleError
from application.ports.health import Check, Health
from domain.failure import FailureCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from adapters.comfyui_server.address import ServerAddress
    from adapters.comfyui_server.renderer import Workflows
    from adapters.comfyui_server.workflow import ServerWorkflow
    from domain.kind import Kind

_GIB = 1024**3
_LITTLE_MEMORY = 0.05  # of a device's memory


class ServerProbe:
    """Examines the servers by asking them, and the workflows against what they answer.

    Args:
        workflows: how to get the workflow of each kind.
        servers: where they are.
    """

    def __init__(self, workflows: Workflows, servers: Sequence[ServerAddress]) -> None:
        self._workflows = workflows
        self._servers = servers

    def checks(self) -> Iterator[Check]:
        """One line for each server, and one for each workflow on each server that renders it."""
        with ExitStack() as opened:
            up: list[tuple[ServerAddress, ServerApi]] = []
            for address in self._servers:
                api = ServerApi(address)
                opened.callback(api.close)
                check = _server(address, api)
                if check.health is not Health.BROKEN:
                    up.append((address, api))
                yield check
            for kind in self._workflows:
                yield from self._workflow(kind, up)

    def _workflow(
        self, kind: Kind, up: Sequence[tuple[ServerAddress, ServerApi]]
    ) -> Iterator[Check]:
        subject = f"{kind.value} workflow"
        loaded = self._workflows[kind]()
        if not is_successful(loaded):
            failure = loaded.failure()
            yield Check(subject, Health.BROKEN, failure.message, failure.hint)
            return
        workflow = loaded.unwrap()
        servers = [(address, api) for address, api in up if kind in address.kinds]
        if not servers:
            finding = f"{workflow.name} can be read; no server is there to examine it against"
            yield Check(subject, Health.WARNING, finding, FailureCode.SERVER_UNREACHABLE.hint)
        for address, api in servers:
            yield _examined(subject, workflow, address, api)


def _server(address: ServerAddress, api: ServerApi) -> Check:
    subject, remedy = f"ComfyUI {address.name}", FailureCode.SERVER_UNREACHABLE.hint
    try:
        stats = api.system_stats()
        sight = api.queue()
    except ServerTroubleError as trouble:
        finding = f"{address.name} cannot be used: {trouble.reason}"
        return Check(subject, Health.BROKEN, one_line(finding), remedy)
    version = a_text(a_dict(stats.get("system")).get("comfyui_version")) or "of unknown version"
    devices = [a_dict(device) for device in a_list(stats.get("devices"))]
    parts = [f"ComfyUI {version}", *map(_device, devices)]
    if waiting := len(sight.running) + len(sight.waiting):
        parts.append(f"{waiting} in its queue")
    finding = one_line(", ".join(parts))
    if any(map(_is_full, devices)):
        return Check(subject, Health.WARNING, finding, FailureCode.OUT_OF_MEMORY.hint)
    return Check(subject, Health.WELL, finding)


def _device(device: Mapping[str, object]) -> str:
    name = a_text(device.get("name")) or a_text(device.get("type")) or "a device"
    free, total = a_number(device.get("vram_free")), a_number(device.get("vram_total"))
    if not total:
        return name
    return f"{name} with {free / _GIB:.1f} of {total / _GIB:.1f} GiB free"


def _is_full(device: Mapping[str, object]) -> bool:
    free, total = a_number(device.get("vram_free")), a_number(device.get("vram_total"))
    return bool(total) and free < _LITTLE_MEMORY * total


def _examined(
    subject: str, workflow: ServerWorkflow, address: ServerAddress, api: ServerApi
) -> Check:
    try:
        findings = examine(workflow.graph, node_types(api, workflow.graph))
    except ServerTroubleError as trouble:
        finding = f"{workflow.name} could not be examined on {address.name}: {trouble.reason}"
        remedy = FailureCode.SERVER_UNREACHABLE.hint
        return Check(subject, Health.WARNING, one_line(finding), remedy)
    if not findings:
        return Check(subject, Health.WELL, f"{workflow.name} can be run by {address.name}")
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    finding = f"{workflow.name} on {address.name}: {findings[0]}{more}"
    return Check(subject, Health.BROKEN, one_line(finding), findings[0].code.hint)
