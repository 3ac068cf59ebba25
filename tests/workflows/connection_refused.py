"""Needs a server that is down."""

import socket

with socket.socket() as unused:
    unused.bind(("127.0.0.1", 0))
    port = unused.getsockname()[1]
socket.create_connection(("127.0.0.1", port), timeout=5)
