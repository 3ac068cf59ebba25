#!/usr/bin/env bash
# obstore 0.12.1 (Python 3.11), OpenSSL 3: a store whose certificate was made by "openssl req -x509", the way most people
# make one for a machine of their own.
#
# Guess:  root_certificate with exactly that certificate makes the store trusted, as --cacert does for curl and cafile
#         for Python's ssl and everything upon it (urllib3, boto3's verify=).
# Seen:   Python's ssl connects. obstore refuses with "CaUsedAsEndEntity" in the middle of a long error: "req -x509" marks
#         the certificate as an authority (CA:TRUE), and such a one may sign others but not stand for a server.
#         Made with -addext basicConstraints=critical,CA:FALSE the same certificate is accepted.
#
# Output seen:
#   openssl's default   Python's ssl: connects   obstore: CaUsedAsEndEntity
#   CA:FALSE            Python's ssl: connects   obstore: connects
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check obstore==0.12.1
make_certificate() { # name, further options
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=store -addext "subjectAltName=IP:127.0.0.1" \
        -keyout "$folder/$1.key" -out "$folder/$1.pem" "${@:2}" 2> "$folder/openssl.log"
}
make_certificate default
make_certificate leaf -addext basicConstraints=critical,CA:FALSE
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import ssl
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import obstore
from obstore.store import S3Store


class Store(BaseHTTPRequestHandler):
    """Has one object of four bytes under every name."""

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Tue, 06 Jan 2026 21:30:45 GMT")
        self.end_headers()

    def log_message(self, *_):
        pass


seen = {}
for name, label in (("default", "openssl's default"), ("leaf", "CA:FALSE")):
    certificate = Path(sys.argv[1], f"{name}.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"https://127.0.0.1:{server.server_port}"
    trusting = ssl.create_default_context(cafile=str(certificate))
    request = urllib.request.Request(f"{url}/bucket/x", method="HEAD")
    with urllib.request.urlopen(request, context=trusting) as answer:
        python = "connects" if answer.status == 200 else str(answer.status)
    store = S3Store(
        "bucket",
        endpoint=url,
        access_key_id="a",
        secret_access_key="b",
        client_options={"root_certificate": certificate.read_bytes()},
        retry_config={"max_retries": 0},
    )
    try:
        assert obstore.head(store, "x")["size"] == 4
        rust = "connects"
    except obstore.exceptions.GenericError as error:
        rust = "CaUsedAsEndEntity" if "CaUsedAsEndEntity" in str(error) else str(error)
    seen[name] = (python, rust)
    print(f"{label:18}  Python's ssl: {python}   obstore: {rust}")
sys.exit(seen != {"default": ("connects", "CaUsedAsEndEntity"), "leaf": ("connects", "connects")})
PYTHON
