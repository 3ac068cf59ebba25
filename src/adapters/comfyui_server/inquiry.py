"""Asking a server what it knows of the node types of a workflow."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

import urllib3
from returns.result import Failure as Refused
from returns.result import Result, Success

from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.comfyui_server.node_types import ObjectInfo

_OK: Final = 200
_SECONDS = urllib3.Timeout(connect=3.0, read=15.0)
_LARGEST_ANSWER: Final = 64 * 1024 * 1024  # bytes; all node types of a rich server have some 10 MB


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What a server said of itself.

    Attributes:
        versions: of ComfyUI, Python and PyTorch, by these names, as far as it told.
        info: what it knows of node types; those that it lacks are left out.
    """

    versions: dict[str, str]
    info: ObjectInfo


class _TroubleError(Exception):
    """The server does not answer as ComfyUI does."""


def ask(url: str, node_types: Iterable[str]) -> Result[Knowledge, Failure]:
    """The server's versions, and its word on these node types; or ``server_unreachable``.

    Where a type is not known, all types are asked for: the nearest name helps whoever reads it.

    Args:
        url: of the server; a user's name and password in it are used, and never shown.
        node_types: as the graph names them.
    """
    with urllib3.PoolManager(timeout=_SECONDS, retries=False) as pool:
        try:
            return Success(_asked(pool, url, sorted(set(node_types))))
        except (urllib3.exceptions.HTTPError, _TroubleError) as error:
            reason = str(error) if isinstance(error, _TroubleError) else "it does not answer"
            message = f"the server {shown(url)} cannot be asked: {reason}"
            return Refused(Failure(FailureCode.SERVER_UNREACHABLE, message))


def shown(url: str) -> str:
    """An address without the name and the password that it may hold."""
    scheme, mark, rest = url.rpartition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}".rstrip("/")


def _asked(pool: urllib3.PoolManager, url: str, node_types: list[str]) -> Knowledge:
    system = _got(pool, url, "/system_stats").get("system")
    if not isinstance(system, dict):
        raise _TroubleError("its answer is not ComfyUI's")
    info: dict[str, object] = {}
    for node_type in node_types:
        info |= _got(pool, url, f"/object_info/{quote(node_type, safe='')}")
    if not info.keys() >= set(node_types):
        info = _got(pool, url, "/object_info") | info
    names = {"ComfyUI": "comfyui_version", "Python": "python_version", "PyTorch": "pytorch_version"}
    told = {name: system.get(key) for name, key in names.items()}
    return Knowledge(
        {name: said.split(" ")[0] for name, said in told.items() if isinstance(said, str)}, info
    )


def _got(pool: urllib3.PoolManager, url: str, path: str) -> dict[str, object]:
    # An Origin of ours would be refused as foreign: none is sent.
    parts = urllib3.util.parse_url(url.rstrip("/") + path)
    headers = urllib3.make_headers(basic_auth=unquote(parts.auth)) if parts.auth else None
    answer = pool.request(
        "GET", parts._replace(auth=None).url, headers=headers, preload_content=False
    )
    try:
        content = answer.read(_LARGEST_ANSWER + 1)
    finally:
        answer.release_conn()
    if answer.status != _OK:
        raise _TroubleError(f"it answers {answer.status} to {path}")
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _TroubleError("its answer is not ComfyUI's")
    return found
