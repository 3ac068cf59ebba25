#!/usr/bin/env bash
# waitress 3.0.2 (Python 3.11): HTTP/1.1 connections after 204 and 304.
#
# Guess:  a connection of HTTP/1.1 stays open after every response whose end the client can tell. A 204 or 304 ends with its
#         head (RFC 9112, section 6.3), so it is the cheapest response: a browser that revalidates fifty pictures does so over
#         the few connections that it has.
# Seen:   waitress takes the missing Content-Length for a body of unknown length: it sends "Connection: close" with every 204
#         and 304 and closes. Each revalidated picture costs a new connection, and more time than the check itself. A
#         Content-Length on the 304, which RFC 9110 allows, does not help: it is removed, and a warning is logged.
#
# Output seen:
#   200:                                 open
#   204:                                 closed by the server
#   304:                                 closed by the server
#   304 with the picture's length:       closed by the server
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check waitress==3.0.2
"$folder/venv/bin/python" - <<'PYTHON'
import socket
import sys
import threading

from waitress.server import create_server

CASES = {
    "200": ("200 OK", [("Content-Length", "2")], [b"ok"]),
    "204": ("204 No Content", [], []),
    "304": ("304 Not Modified", [("ETag", '"a"')], []),
    "304 with the picture's length": (
        "304 Not Modified",
        [("ETag", '"a"'), ("Content-Length", "12000")],
        [],
    ),
}
EXPECTED = ["open", *["closed by the server"] * 3]


def application(environ, start_response):
    status, headers, body = list(CASES.values())[int(environ["PATH_INFO"][1:])]
    start_response(status, headers)
    return body


server = create_server(application, host="127.0.0.1", port=0)
threading.Thread(target=server.run, daemon=True).start()
seen = []
for number, name in enumerate(CASES):
    with socket.create_connection(("127.0.0.1", server.effective_port)) as client:
        client.settimeout(10)
        request = f"GET /{number} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        client.sendall(request)
        assert client.recv(4096).startswith(b"HTTP/1.1 " + name[:3].encode())
        try:
            client.sendall(request)  # the same connection once more
            is_open = bool(client.recv(4096))
        except ConnectionError:
            is_open = False
    seen.append("open" if is_open else "closed by the server")
    print(f"{name + ':':36} {seen[-1]}")
sys.exit(seen != EXPECTED)
PYTHON
