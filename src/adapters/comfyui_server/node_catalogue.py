"""The node types that a workflow of the editor is converted with: asked, stored or bundled."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import zlib
from contextlib import closing, suppress
from datetime import UTC, datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from adapters.comfyui_graph.workflow_file import KnownNodeTypes, bundled
from adapters.comfyui_server.client import ServerClient, ServerError
from adapters.json_values import as_dict, as_text
from adapters.state_folder import make_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from adapters.comfyui_graph.node_types import ObjectInfo
    from adapters.comfyui_server.address import ServerAddress

_FOLDER: Final = "node_types"
_DIGITS: Final = 16  # of the hash of a server's address
_MAX_BYTES: Final = 128 * 1024 * 1024  # as for an answer of a server
_LEVEL: Final = 1  # of compression: it is written while a person waits


class NodeCatalogue:
    """Node types of the first server that answers, or else what one of them said last.

    Each server's answer is kept in the state folder, so that a file of the editor can be converted
    while the servers are down. Without any copy, the types that come with Media Generator have to
    do: those of a plain ComfyUI.

    Args:
        servers: the servers to ask, in this order.
        state: the state folder; None to keep nothing.
        offline: whether to ask none of them.
    """

    def __init__(
        self, servers: Sequence[ServerAddress], state: Path | None, *, offline: bool = False
    ) -> None:
        self._servers = servers
        self._folder = state / _FOLDER if state else None
        self._offline = offline

    def __call__(self) -> KnownNodeTypes:
        """The node types, and where they are from."""
        for address in () if self._offline else self._servers:
            # Also where the file with its certificate cannot be read.
            with suppress(ServerError, OSError), closing(ServerClient(address)) as client:
                if info := client.all_object_info():
                    self._store(address, info)
                    return KnownNodeTypes(info, address.name)
        return self._stored() or bundled()

    def _file(self, address: ServerAddress) -> Path | None:
        digest = hashlib.sha256(address.origin.encode() + address.path.encode()).hexdigest()
        return self._folder / f"{digest[:_DIGITS]}.json.gz" if self._folder else None

    def _store(self, address: ServerAddress, info: ObjectInfo) -> None:
        """Keep an answer; a state folder that cannot be written is no reason to fail."""
        file = self._file(address)
        if file is None:
            return
        document = {"server": address.name, "object_info": info}
        with suppress(OSError):
            make_private(file.parent)
            partial = file.with_name(f".{file.name}.{os.getpid()}")
            partial.write_bytes(gzip.compress(json.dumps(document).encode(), _LEVEL))
            partial.replace(file)

    def _stored(self) -> KnownNodeTypes | None:
        """The newest copy of one of the servers, or else of any server."""
        if self._folder is None:
            return None
        own = [file for address in self._servers if (file := self._file(address))]
        stored = self._folder.glob("*.json.gz") if self._folder.is_dir() else ()
        for file, modified in (*_newest_first(own), *_newest_first(set(stored) - set(own))):
            if known := _read(file, modified):
                return known
        return None


def _newest_first(files: Iterable[Path]) -> list[tuple[Path, float]]:
    times = []
    for file in files:
        with suppress(OSError):
            times.append((file, file.stat().st_mtime))
    return sorted(times, key=itemgetter(1), reverse=True)


def _read(file: Path, modified: float) -> KnownNodeTypes | None:
    """A stored copy; None if it is damaged, since another one or none will do as well."""
    try:
        inflater = zlib.decompressobj(wbits=31)
        content = inflater.decompress(file.read_bytes(), _MAX_BYTES)
        document = as_dict(json.loads(content))
    except (OSError, zlib.error, ValueError, RecursionError):
        return None
    info = as_dict(document.get("object_info"))
    day = datetime.fromtimestamp(modified, UTC).date().isoformat()
    server = as_text(document.get("server"))
    return KnownNodeTypes(info, f"{server}, as stored on {day}") if info else None
