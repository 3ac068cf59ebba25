"""Whether a server can run a workflow; examined once, and remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.comfyui_server.examining import examine
from adapters.comfyui_server.trouble import ServerTroubleError
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.comfyui_server.api import ServerApi
    from adapters.comfyui_server.graph import Graph
    from adapters.comfyui_server.pool import ServerPool
    from adapters.comfyui_server.server import Server
    from adapters.comfyui_server.workflow import ServerWorkflow

_LONGEST_DETAIL = 2_000  # characters
_MISSING = (FailureCode.NODE_MISSING, FailureCode.MODEL_MISSING)


def why_unfit(pool: ServerPool, server: Server, workflow: ServerWorkflow) -> Failure | None:
    """Why a server cannot run a workflow now, or None.

    Costs nothing when the server answered a moment ago and the same workflow was examined; one
    that does not answer is set aside.
    """
    if server.aside is not None:
        return server.aside.failure
    try:
        known = server.examined(workflow)
        if known is not None:
            if not server.is_fresh():
                server.api.system_stats()
            return known[0]
        failure = _examined(server, workflow)
    except ServerTroubleError as trouble:
        failure = unreachable(server, trouble)
        pool.set_aside(server, failure)
        return failure
    server.remember(workflow, failure)
    return failure


def unreachable(server: Server, trouble: ServerTroubleError) -> Failure:
    """The failure of whoever needs a server that does not answer."""
    return Failure(FailureCode.SERVER_UNREACHABLE, f"ComfyUI at {server.name}: {trouble.reason}")


def node_types(api: ServerApi, graph: Graph) -> Mapping[str, object]:
    """What a server knows of the node types of a graph; those that it lacks are left out."""
    types = sorted({node["class_type"] for node in graph.values()})
    found = {name: api.object_info(name) for name in types}
    return {name: info for name, info in found.items() if info is not None}


def _examined(server: Server, workflow: ServerWorkflow) -> Failure | None:
    # A node may accept more than the server tells of it: whether a value is taken is left to the
    # server. What is missing is missing.
    found = examine(workflow.graph, node_types(server.api, workflow.graph))
    findings = [finding for finding in found if finding.code in _MISSING]
    if not findings:
        return None
    first = min(findings, key=lambda finding: _MISSING.index(finding.code))
    text = f"{workflow.name} on {server.name}: {first}"
    others = "\n".join(str(finding) for finding in findings) if len(findings) > 1 else ""
    return Failure(first.code, text, others[:_LONGEST_DETAIL])
