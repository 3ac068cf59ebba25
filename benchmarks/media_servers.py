"""The servers whose media are timed: ours, ours with Werkzeug's ``send_file``, and a bare waitress.

Started as a process of its own, ``python -m benchmarks.media_servers WHICH FOLDER``, each prints
its port, and ends when its standard input does.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from flask import Response
from waitress.server import create_server
from werkzeug.utils import send_file

from adapters.media_files.media_file import content_type
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
    if which == "bare":
        server = create_server(_bare(folder / "output"), host="127.0.0.1", port=0, threads=THREADS)
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


def _end_with_input() -> None:
    def wait() -> None:
        sys.stdin.read()
        os._exit(0)  # the bare server has no other end

    Thread(target=wait, daemon=True).start()


def _send_file(request: Request, published: MediaFile, name: str, *, is_download: bool) -> Response:
    """What Werkzeug can do of ``entrypoints.web.file_responses.file_response``."""
    response = send_file(
        published.file,
        request.environ,
        mimetype=content_type(published.format),
        as_attachment=is_download,
        download_name=name,
        conditional=False,  # it cannot tell the size of a file that is open already
        etag=published.identity,
        last_modified=published.modified,
        max_age=31_536_000,
        response_class=Response,
    )
    assert isinstance(response, Response)
    response.content_length = published.size
    response.make_conditional(request.environ, accept_ranges=True, complete_length=published.size)
    return response


def _bare(root: Path) -> Callable[[dict[str, Any], Callable[..., object]], Iterable[bytes]]:
    """The least that serves a file, or the end of one: no row, no check, no header to spare."""

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


if __name__ == "__main__":
    main()
