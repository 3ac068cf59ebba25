"""ComfyUI's front end, served from its package with a stub of the server.

The stub answers the front end's requests at its start; ``/object_info`` is the stored one, so that
the front end and the conversion know the same node types.
"""

from __future__ import annotations

import json
import mimetypes
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from adapters.json_values import as_dict, as_list

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PACKAGE: Final = "comfyui_frontend_package"
_SYSTEM: Final = {
    "os": "linux",
    "ram_total": 1,
    "ram_free": 1,
    "comfyui_version": "0.33.0",
    "python_version": "3.11",
    "pytorch_version": "2",
    "embedded_python": False,
    "argv": [],
}
_ANSWERS: Final[Mapping[str, object]] = {
    "/api/extensions": [],
    "/api/settings": {},
    "/api/users": {"storage": "server", "migrated": True},
    "/api/userdata": [],
    "/api/i18n": {},
    "/api/features": {},
    "/api/queue": {"queue_running": [], "queue_pending": []},
    "/api/history": {},
    "/api/jobs": {"jobs": [], "pagination": {"total": 0, "has_more": False}},
    "/api/system_stats": {"system": _SYSTEM, "devices": []},
    "/api/node_replacements": {},
    "/api/workflow_templates": {},
    "/api/global_subgraphs": {},
    "/api/experiment/models": [],
    "/api/embeddings": [],
    "/api/prompt": {"exec_info": {"queue_remaining": 0}},
}  # fmt: skip


def static_folder() -> Path | None:
    """The files of the front end; None if the package is not installed."""
    spec = find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) / "static" if places else None


def complete(info: Mapping[str, object]) -> dict[str, object]:
    """Node types with the fields that the front end expects besides the stored ones."""
    return {
        name: {
            "name": name,
            "description": "",
            "category": "stored",
            "python_module": "nodes",
            "output_node": False,
            "output_is_list": [False] * len(as_list(as_dict(entry).get("output"))),
            **as_dict(entry),
        }
        for name, entry in info.items()
    }


@contextmanager
def served(info: Mapping[str, object]) -> Iterator[str]:
    """The front end's address, for the duration of the block."""
    folder = static_folder()
    if folder is None:
        raise FileNotFoundError(f"{PACKAGE} is not installed; use make front-end")
    answers = {path: json.dumps(answer).encode() for path, answer in _ANSWERS.items()}
    answers["/api/object_info"] = json.dumps(complete(info)).encode()
    root = folder.resolve()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path in answers:
                self._answer(200, answers[path], "application/json")
                return
            file = (root / (path.lstrip("/") or "index.html")).resolve()
            if file.is_relative_to(root) and file.is_file():
                kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
                self._answer(200, file.read_bytes(), kind)
            else:
                self._answer(404, b"{}", "application/json")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer(200, b"{}", "application/json")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def _answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a browser that ends drops its connections

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
