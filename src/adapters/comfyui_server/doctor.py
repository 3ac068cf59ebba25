"""Checks of ComfyUI servers and their workflows, for ``doctor`` and ``workflow check``."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from returns.pipeline import is_successful
from returns.result import Failure as Refused
from returns.result import Result, Success

from adapters.comfyui_graph.graph import class_types
from adapters.comfyui_graph.validation import validate_offline
from adapters.comfyui_server.client import ServerClient, ServerError
from adapters.comfyui_server.pool import no_server
from adapters.comfyui_server.responses import one_line
from adapters.comfyui_server.server_workflow import input_types, validate_workflow
from adapters.json_values import as_dict, as_list, as_number, as_text
from application.ports.doctor import Check, CheckStatus
from domain.failure import Failure, FailureCode
from domain.workflow_rules import workflow_subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from adapters.comfyui_graph.graph import Graph, Problem
    from adapters.comfyui_graph.node_types import ObjectInfo
    from adapters.comfyui_server.address import ServerAddress
    from adapters.comfyui_server.renderer import Workflows
    from adapters.comfyui_server.server_workflow import ServerWorkflow
    from application.ports.doctor import PendingBriefs
    from domain.workflow_rules import WorkflowKey

_VERSIONS = {
    "ComfyUI": "comfyui_version",
    "Python": "python_version",
    "PyTorch": "pytorch_version",
}
_GIB = 1024**3
_TITLES_REMEDY = "Run 'mediagen workflow check': it shows which input takes which text."
_MAX_NAMED = 10  # prompts in a finding
_MIN_FREE_MEMORY = 0.05  # share of a device's memory

_ELSEWHERE_REMEDY = (
    "Install there what is missing, or name the server's workflows in comfyui.hosts."
)


class ServerChecks:
    """Checks the servers, and the workflows on each of them.

    Args:
        workflows: functions that load each workflow.
        servers: the addresses of the servers.
        pending: reads the ids and briefs of the first pending prompts of a workflow.
    """

    def __init__(
        self,
        workflows: Workflows,
        servers: Sequence[ServerAddress],
        pending: PendingBriefs = lambda _: (),
    ) -> None:
        self._workflows = workflows
        self._servers = servers
        self._pending = pending

    def checks(self) -> Iterator[Check]:
        """One check for each server, and one for each workflow on each server that renders it."""
        with ExitStack() as opened:
            up: list[tuple[ServerAddress, ServerClient]] = []
            checks: list[Check] = []
            for address in self._servers:
                client = ServerClient(address)
                opened.callback(client.close)
                check = _server_check(address, client)
                if check.status is not CheckStatus.ERROR:
                    up.append((address, client))
                checks.append(check)
            for check in checks:
                if up and check.status is CheckStatus.ERROR:
                    finding = f"{check.finding}; the others are used meanwhile"
                    yield replace(check, status=CheckStatus.WARNING, finding=finding)
                else:
                    yield check
            for key in self._workflows:
                for check in self._workflow_checks(key, up):
                    yield replace(check, workflow=key)

    def _workflow_checks(
        self, key: WorkflowKey, up: Sequence[tuple[ServerAddress, ServerClient]]
    ) -> Iterator[Check]:
        subject = workflow_subject(key, "workflow")
        loaded = self._workflows[key]()
        if not is_successful(loaded):
            failure = loaded.failure()
            yield Check(subject, CheckStatus.ERROR, failure.message, failure.hint)
            return
        workflow = loaded.unwrap()
        rendering = [
            address
            for address in self._servers
            if key[0] in address.kinds
            and (not address.workflows or workflow.label in address.workflows)
        ]
        servers = [(address, client) for address, client in up if address in rendering]
        if not rendering and self._servers:
            failure = no_server(workflow)
            yield Check(subject, CheckStatus.ERROR, failure.message, failure.hint)
        elif not servers and up:
            finding = f"{workflow.name}: no server that may render it can be reached"
            yield Check(subject, CheckStatus.ERROR, finding, FailureCode.SERVER_UNREACHABLE.hint)
        elif not servers:
            yield _offline_check(subject, workflow)
        checks = [_workflow_check(subject, workflow, *server) for server in servers]
        can_run = any(check.status is not CheckStatus.ERROR for check in checks)
        for check in checks:
            if can_run and check.status is CheckStatus.ERROR:
                finding = f"{check.finding}; other servers render it"
                yield replace(
                    check, status=CheckStatus.WARNING, finding=finding, remedy=_ELSEWHERE_REMEDY
                )
            else:
                yield check
        if can_run and len(servers) < len(rendering) and (waiting := self._waiting(key, servers)):
            yield Check(subject, CheckStatus.WARNING, waiting, FailureCode.SERVER_UNREACHABLE.hint)

    def _waiting(
        self, key: WorkflowKey, servers: Sequence[tuple[ServerAddress, ServerClient]]
    ) -> str:
        """Which pending prompts name what only servers may offer that do not answer, or ""."""
        workflow = self._workflows[key]().unwrap()
        if not workflow.paths:
            return ""
        try:
            types = [
                input_types(workflow, client.object_info(class_types(workflow.graph)))
                for _, client in servers
            ]
        except ServerError:
            return ""  # another check reports it
        waiting = {
            prompt_id: values
            for prompt_id, brief in self._pending(key)
            if (values := workflow.chosen_values(brief))
            and all(workflow.models_with(values, one) is None for one in types)
        }
        if not waiting:
            return ""
        named = ", ".join(
            f"{prompt_id} ({', '.join(f'{name} {value!r}' for name, value in values)})"
            for prompt_id, values in tuple(waiting.items())[:_MAX_NAMED]
        )
        more = " ..." if len(waiting) > _MAX_NAMED else ""
        return one_line(
            "pending prompts that name what no server that answers offers wait for the others:"
            f" {named}{more}"
        )


def _server_check(address: ServerAddress, client: ServerClient) -> Check:
    subject, remedy = f"ComfyUI {address.name}", FailureCode.SERVER_UNREACHABLE.hint
    try:
        stats = client.system_stats()
        queue = client.queue()
    except ServerError as error:
        finding = f"cannot be reached: {error.reason}"
        return Check(subject, CheckStatus.ERROR, one_line(finding), remedy)
    version = as_text(as_dict(stats.get("system")).get("comfyui_version")) or "of unknown version"
    devices = [as_dict(device) for device in as_list(stats.get("devices"))]
    parts = [f"ComfyUI {version}", *map(_device_text, devices)]
    if jobs := len(queue.running) + len(queue.waiting):
        parts.append(f"{jobs} in its queue")
    finding = one_line(", ".join(parts))
    if any(map(_is_full, devices)):
        return Check(subject, CheckStatus.WARNING, finding, FailureCode.OUT_OF_MEMORY.hint)
    return Check(subject, CheckStatus.OK, finding)


def _device_text(device: Mapping[str, object]) -> str:
    name = as_text(device.get("name")) or as_text(device.get("type")) or "a device"
    free, total = as_number(device.get("vram_free")), as_number(device.get("vram_total"))
    if not total:
        return name
    return f"{name} with {free / _GIB:.1f} of {total / _GIB:.1f} GiB free"


def _is_full(device: Mapping[str, object]) -> bool:
    free, total = as_number(device.get("vram_free")), as_number(device.get("vram_total"))
    return bool(total) and free < _MIN_FREE_MEMORY * total


def _offline_check(subject: str, workflow: ServerWorkflow) -> Check:
    if problems := validate_offline(workflow.graph, workflow.kind, workflow.filled()):
        return _problem_check(subject, workflow.name, problems)
    finding = f"{workflow.name} can be read, but there is no server to check it against"
    return Check(subject, CheckStatus.WARNING, finding, FailureCode.SERVER_UNREACHABLE.hint)


def _workflow_check(
    subject: str, workflow: ServerWorkflow, address: ServerAddress, client: ServerClient
) -> Check:
    try:
        problems = validate_workflow(workflow, client.object_info(class_types(workflow.graph)))
    except ServerError as error:
        finding = f"{workflow.name} could not be checked on {address.name}: {error.reason}"
        remedy = FailureCode.SERVER_UNREACHABLE.hint
        return Check(subject, CheckStatus.WARNING, one_line(finding), remedy)
    if problems:
        return _problem_check(subject, f"{workflow.name} on {address.name}", problems)
    if workflow.warnings:
        finding = f"{workflow.name} can run on {address.name}, but {workflow.warnings[0]}"
        return Check(subject, CheckStatus.WARNING, one_line(finding), _TITLES_REMEDY)
    return Check(subject, CheckStatus.OK, f"{workflow.name} can run on {address.name}")


def _problem_check(subject: str, which: str, problems: Sequence[Problem]) -> Check:
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    finding = f"{which}: {problems[0]}{more}"
    return Check(subject, CheckStatus.ERROR, one_line(finding), problems[0].code.hint)


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """A server's versions and node types.

    Attributes:
        versions: the versions of ComfyUI, Python and PyTorch, by these names; those that it does
            not report are missing.
        info: its description of node types; those that it lacks are missing.
    """

    versions: Mapping[str, str]
    info: ObjectInfo


def server_info(address: ServerAddress, graph: Graph) -> Result[ServerInfo, Failure]:
    """Ask a server for its versions, and for the node types of a graph.

    If it lacks one of them, all its types are requested, so that the nearest name can be
    suggested. Fails with ``server_unreachable``.
    """
    with closing(ServerClient(address)) as client:
        try:
            system = as_dict(client.system_stats().get("system"))
            types = class_types(graph)
            info = client.object_info(types)
            if not types <= info.keys():
                info = {**client.all_object_info(), **info}
        except ServerError as error:
            message = f"ComfyUI at {address.name}: {error.reason}"
            return Refused(Failure(FailureCode.SERVER_UNREACHABLE, message))
    values = {name: as_text(system.get(key)) for name, key in _VERSIONS.items()}
    # Python tells its compiler too, behind a space.
    versions = {name: value.split(" ")[0] for name, value in values.items() if value}
    return Success(ServerInfo(versions, info))
