"""The two servers whose media are timed: ours, and the bare one that ours stands on.

Started as a process of its own, ``python -m benchmarks.media_servers WHICH FOLDER``, each says on
which port it listens, and ends when its standard input does.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from waitress.server import create_server

from entrypoints.settings import load_settings
from entrypoints.web.serving import start_serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

THREADS = 8  # as web.threads


def main() -> None:
    """Serve until standard input ends."""
    which, folder = sys.argv[1], Path(sys.argv[2])
    if which == "bare":
        server = create_server(_bare(folder / "output"), host="127.0.0.1", port=0, threads=THREADS)
        print(server.effective_port, flush=True)  # type: ignore[union-attr] # one socket, one port
        _end_with_input()
        server.run()
    loaded = load_settings(config_file=folder / "config.json", environ={}, cwd=folder)
    serving = start_serving(loaded)
    print(serving.url.rpartition(":")[2], flush=True)
    sys.stdin.read()
    serving.close()


def _end_with_input() -> None:
    def wait() -> None:
        sys.stdin.read()
        os._exit(0)  # the bare server has no other end

    Thread(target=wait, daemon=True).start()


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
