#!/usr/bin/env bash
# obstore 0.12.1 (Python 3.11): a store accepts a conditional create, and its answer gets lost.
#
# Guess:  put(..., mode="create") either returns, or raises an error that leaves open what happened. AlreadyExistsError
#         means that the key belonged to another writer, so that a caller may choose another name.
# Seen:   AlreadyExistsError for the object that this very call created. A gateway answers 503 (as one does whose
#         backend was slow) after the object was stored; the library sends the same request again, condition and all, and
#         meets its own object. A caller that goes by the error publishes a file twice, under two names. With
#         max_retries=0 the error is a GenericError with the status. The default is ten retries.
#
# Output seen:
#   default retries   2 requests, AlreadyExistsError, the store has b'data'
#   max_retries=0     1 requests, GenericError, the store has b'data'
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check obstore==0.12.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import obstore
from obstore.store import S3Store

objects = {}
requests = []


class Store(BaseHTTPRequestHandler):
    """Creates what does not exist; the first answer for each key is that of a gateway in trouble."""

    def do_PUT(self):
        requests.append(self.path)
        content = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["If-None-Match"] == "*"
        is_first = self.path not in objects
        objects.setdefault(self.path, content)
        self.send_response(503 if is_first else 412)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
Thread(target=server.serve_forever, daemon=True).start()
seen = {}
for label, options in (("default retries", {}), ("max_retries=0", {"retry_config": {"max_retries": 0}})):
    store = S3Store(
        "bucket",
        endpoint=f"http://127.0.0.1:{server.server_port}",
        access_key_id="a",
        secret_access_key="b",
        client_options={"allow_http": True},
        **options,
    )
    requests.clear()
    objects.clear()
    try:
        obstore.put(store, "x", b"data", mode="create")
        answer = "returned"
    except obstore.exceptions.BaseError as error:
        answer = type(error).__name__
    seen[label] = (len(requests), answer, objects.get("/bucket/x"))
    print(f"{label:16}  {len(requests)} requests, {answer}, the store has {objects.get('/bucket/x')}")
server.shutdown()
expected = {
    "default retries": (2, "AlreadyExistsError", b"data"),
    "max_retries=0": (1, "GenericError", b"data"),
}
sys.exit(seen != expected)
PYTHON
