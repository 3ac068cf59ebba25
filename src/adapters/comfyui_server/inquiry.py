"""Asking a server what it is, and what it knows of the node types of a workflow."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from returns.result import Failure as Refused
from returns.result import Result, Success

from adapters.comfyui_server.api import ServerApi
from adapters.comfyui_server.fitness import node_types
from adapters.comfyui_server.shapes import a_dict
from adapters.comfyui_server.trouble import ServerTroubleError
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.comfyui_server.address import ServerAddress
    from adapters.comfyui_server.graph import Graph
    from adapters.comfyui_server.node_types import ObjectInfo

_VERSIONS = {
    "ComfyUI": "comfyui_version",
    "Python": "python_version",
    "PyTorch": "pytorch_version",
}


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What a server said of itself.

    Attributes:
        versions: of ComfyUI, Python and PyTorch, by these names, as far as it told.
        info: what it knows of node types; those that it lacks are left out.
    """

    versions: Mapping[str, str]
    info: ObjectInfo


def ask(address: ServerAddress, graph: Graph) -> Result[Knowledge, Failure]:
    """The server's versions, and its word on the node types of a graph.

    Where it lacks one, all types are asked for: the nearest name helps whoever reads it. Fails
    with ``server_unreachable``.
    """
    with closing(ServerApi(address)) as api:
        try:
            return Success(Knowledge(_versions(api), _info(api, graph)))
        except ServerTroubleError as trouble:
            message = f"ComfyUI at {address.name}: {trouble.reason}"
            return Refused(Failure(FailureCode.SERVER_UNREACHABLE, message))


def _versions(api: ServerApi) -> dict[str, str]:
    system = a_dict(api.system_stats().get("system"))
    told = {name: system.get(key) for name, key in _VERSIONS.items()}
    # Python tells its compiler too, behind a space.
    return {name: said.split(" ")[0] for name, said in told.items() if isinstance(said, str)}


def _info(api: ServerApi, graph: Graph) -> ObjectInfo:
    info = node_types(api, graph)
    if all(node["class_type"] in info for node in graph.values()):
        return info
    return {**api.every_object_info(), **info}
