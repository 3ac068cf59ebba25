#!/usr/bin/env bash
# waitress 3.0.2 (Python 3.11): channel_timeout and a client that asks and never reads.
#
# Guess:  channel_timeout, "inactive connections are closed after so many seconds", closes a connection over which nothing
#         has moved for that long, whichever side waits for the other. It is what bounds the harm of clients that stall.
# Seen:   a connection that is idle between requests is closed. One whose client asked for more than the sockets' buffers
#         hold and does not read is not: the mark to close it takes effect only when the socket becomes writable, which it
#         never does. It is still open after ten times the limit, with its answer in memory or in a temporary file.
#
# Output seen (limit 1 second, looked at after 10):
#   idle client:              closed by the server
#   client that never reads:  still open
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check waitress==3.0.2
"$folder/venv/bin/python" - <<'PYTHON'
import socket
import sys
import threading
import time

from waitress.server import create_server

BODY = b"x" * (16 * 1024 * 1024)


def application(environ, start_response):
    start_response("200 OK", [("Content-Length", str(len(BODY)))])
    return [BODY]


server = create_server(
    application, host="127.0.0.1", port=0, channel_timeout=1, cleanup_interval=1, threads=2
)
threading.Thread(target=server.run, daemon=True).start()


def connect():
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", int(server.effective_port)))
    return client


idle, greedy = connect(), connect()
greedy.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
time.sleep(10)
idle.settimeout(5)
closed = idle.recv(1) == b""
print("idle client:             ", "closed by the server" if closed else "still open")
open_channels = len(server.active_channels)
print("client that never reads: ", "still open" if open_channels == 1 else "closed by the server")
sys.exit(not (closed and open_channels == 1))
PYTHON
