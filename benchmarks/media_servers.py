"""The measured servers: ours, ours with ``send_file``, a bare waitress, and plain Flask.

Started as a process, ``python -m benchmarks.media_servers WHICH FOLDER``, each prints its port, and
ends with its standard input.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import sys
from logging import ERROR, getLogger
from pathlib import Path
from threading import Thread, local
from typing import IO, TYPE_CHECKING, Any, cast

from flask import Flask, Response, jsonify, request, send_from_directory
from waitress.server import create_server
from werkzeug.utils import send_file

from adapters.media_formats import CONTENT_TYPES
from entrypoints.settings.loader import load_settings
from entrypoints.web import media
from entrypoints.web.server import start_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from werkzeug import Request

    from application.ports.media_files import MediaFile

THREADS = 8  # as web.threads


def main() -> None:
    """Serve until standard input ends."""
    which, folder = sys.argv[1], Path(sys.argv[2])
    if which == "gunicorn":
        _run_gunicorn(_plain_flask(folder))
    if which in {"bare", "flask"}:
        getLogger("waitress.queue").setLevel(ERROR)  # as ours
        app = _bare(folder / "output") if which == "bare" else _plain_flask(folder)
        server = create_server(app, host="127.0.0.1", port=0, threads=THREADS)
        print(server.effective_port, flush=True)  # type: ignore[union-attr] # one socket, one port
        _end_with_input()
        server.run()
    if which == "send_file":
        setattr(media, "file_response", _send_file)  # noqa: B010 - mypy would want its own name
    loaded = load_settings(config_file=folder / "config.json", environ={}, cwd=folder)
    serving = start_server(loaded)
    print(serving.url.rpartition(":")[2], flush=True)
    sys.stdin.read()
    serving.close()


def _end_with_input(end: Callable[[], object] = lambda: os._exit(0)) -> None:
    def wait() -> None:
        sys.stdin.read()
        end()  # waitress has no other

    Thread(target=wait, daemon=True).start()


def _send_file(asked: Request, published: MediaFile, name: str, *, is_download: bool) -> Response:
    """The Werkzeug equivalent of ``entrypoints.web.file_responses.file_response``."""
    response = send_file(
        cast("IO[bytes]", published.file),
        asked.environ,
        mimetype=CONTENT_TYPES[published.format],
        as_attachment=is_download,
        download_name=name,
        conditional=False,  # it cannot tell the size of a file that is already open
        etag=published.identity,
        last_modified=published.modified,
        max_age=31_536_000,
        response_class=Response,
    )
    assert isinstance(response, Response)
    response.content_length = published.size
    response.make_conditional(asked.environ, accept_ranges=True, complete_length=published.size)
    return response


def _bare(root: Path) -> Callable[[dict[str, Any], Callable[..., object]], Iterable[bytes]]:
    """The minimum that serves a file, or its end: no row, no check, few headers."""

    def serve(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        path = root / environ["PATH_INFO"].removeprefix("/api/media/")
        file = path.open("rb")
        size = os.fstat(file.fileno()).st_size
        first = int(environ.get("HTTP_RANGE", "bytes=0-")[6:-1])
        file.seek(first)
        headers = [
            ("Content-Type", "application/octet-stream"),
            ("Content-Length", str(size - first)),
        ]
        if first:
            headers.append(("Content-Range", f"bytes {first}-{size - 1}/{size}"))
        start_response("206 Partial Content" if first else "200 OK", headers)
        sent: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
        return sent

    return serve


_ROWS = """
SELECT
    a.id, a.prompt_id, a.artifact_type, a.file_path, a.preview_path, a.metadata, a.created_at,
    p.prompt_text, coalesce(c.favourite, 0), coalesce(c.rating, 0), coalesce(c.hidden, 0),
    c.discarded_at, c.purged_at,
    (SELECT json_group_array(json_array(t.sort, t.name)) FROM media_generator_tags AS t
     WHERE t.artifact_id = a.id)
FROM prompt_artifacts AS a
LEFT JOIN prompts AS p ON p.id = a.prompt_id
LEFT JOIN media_generator_curation AS c ON c.artifact_id = a.id
WHERE a.id < ? AND coalesce(c.hidden, 0) = 0 AND c.discarded_at IS NULL
ORDER BY a.id DESC LIMIT ?
"""


def _plain_flask(folder: Path) -> Flask:
    """A typical small backend: the same rows and files, without any check."""
    settings = json.loads((folder / "config.json").read_text())
    app = Flask("plain")
    of_thread = local()

    @app.get("/api/v1/gallery")
    def gallery() -> Response:
        if not hasattr(of_thread, "driver"):
            of_thread.driver = sqlite3.connect(settings["database"]["path"])
        limit = request.args.get("limit", 60, int)
        before = request.args.get("cursor", 2**62, int)
        items = [_plain_item(row) for row in of_thread.driver.execute(_ROWS, (before, limit))]
        return jsonify(items=items, next_cursor=str(items[-1]["artifact_id"]) if items else None)

    @app.get("/api/media/<path:path>")
    def file(path: str) -> Response:
        return send_from_directory(folder / "output", path)

    return app


def _plain_item(row: tuple[Any, ...]) -> dict[str, Any]:
    artifact_id, prompt_id, kind, file_path, preview_path, metadata, created_at, text = row[:8]
    favourite, rating, hidden, discarded_at, purged_at, tags = row[8:]
    groups: dict[str, list[str]] = {"tag": [], "collection": []}
    for sort, name in json.loads(tags):
        groups[sort].append(name)
    facts = json.loads(metadata)
    mark = facts.get("mark") or {}
    url = f"/api/media/{file_path}"
    names = ("negative_prompt", "seed", "width", "height", "duration_seconds", "format")
    return {
        "artifact_id": artifact_id,
        "prompt_id": prompt_id,
        "kind": kind,
        "file_path": file_path,
        "preview_path": preview_path,
        "title": facts.get("title") or (text or "")[:80],
        "prompt": facts.get("prompt") or text,
        "tags": facts.get("style_tags", []),
        **{name: facts.get(name) for name in (*names, "file_size", "workflow", "renderer")},
        "source_type": mark.get("source_type"),
        "is_signed": bool(mark.get("signature")),
        "signature": mark.get("signature") or "",
        "manifest_url": None,
        "favourite": bool(favourite),
        "rating": rating,
        "hidden": bool(hidden),
        "own_tags": groups["tag"],
        "collections": groups["collection"],
        "discarded_at": discarded_at,
        "purged": purged_at is not None,
        "created_at": created_at.replace(" ", "T"),
        "media_url": url,
        "thumbnail_url": f"{url}?w=320" if kind == "image" else None,
        "peaks_url": f"/api/v1/peaks/{artifact_id}" if kind == "audio" else None,
    }


def _run_gunicorn(app: Flask) -> None:
    """Serve with one process and as many threads as the others, until standard input ends."""
    from gunicorn.app.base import BaseApplication  # noqa: PLC0415 - only here, and not on Windows

    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    _end_with_input(lambda: os.kill(os.getpid(), signal.SIGTERM))
    options = {
        "bind": f"fd://{listening.fileno()}",
        "worker_class": "gthread",
        "threads": THREADS,
        "loglevel": "error",
    }

    class Application(BaseApplication):  # type: ignore[misc] # has no types
        def load_config(self) -> None:
            for name, value in options.items():
                self.cfg.set(name, value)

        def load(self) -> Flask:
            return app

    Application().run()


if __name__ == "__main__":
    main()
