"""An object store on this machine: moto's S3, behind an application that can inject faults."""

from __future__ import annotations

import socket
import subprocess
import sys
from logging import ERROR, getLogger
from threading import Thread
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import boto3  # type: ignore[import-untyped]
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from adapters.object_store.bucket import BucketSettings, S3Bucket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from ssl import SSLContext
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    Fault = Callable[[WSGIEnvironment], "WSGIApplication | None"]

PREFIX: Final = "poets"
_ERROR: Final = "<Error><Code>{code}</Code><Message>said the store</Message></Error>"


class BucketServer:
    """A store on a free port of the loopback interface, in threads of this process."""

    def __init__(self, tls: SSLContext | None = None) -> None:
        getLogger("werkzeug").setLevel(ERROR)
        self._tls = tls
        self.app = DomainDispatcherApplication(create_backend_app)
        self.fault: Fault | None = None
        self.requests: list[tuple[str, str]] = []
        self._server: Any = None
        self._held: socket.socket | None = None
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        """The address of the store."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen, on the same port as before; buckets and objects are still there."""
        if self._held is not None:
            self._held.close()
            self._held = None
        self._server = make_server(
            "127.0.0.1", self.port, self._answer, threaded=True, ssl_context=self._tls
        )
        self.port = self._server.server_port
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening: connections are refused from now on."""
        self.close()
        # Bound but not listening, so that no other program gets the port meanwhile.
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind(("127.0.0.1", self.port))
        except OSError:  # an earlier connection is in the way; it keeps the port, too
            held.close()
        else:
            self._held = held

    def close(self) -> None:
        """Stop listening for good."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.requests.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        app = self.fault(environ) if self.fault else None
        answer: Iterable[bytes] = (app or self.app)(environ, start_response)
        return answer


class ServerProcess:
    """The same in a separate process, for tests that copy their own."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.object_store.server"]
        self._process = subprocess.Popen(  # noqa: S603 - of this module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url = self._answer()

    def send(self, word: str) -> None:
        """``stop`` or ``start`` it, or let it ``refuse`` and ``serve`` requests."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        self._answer()

    def end(self) -> None:
        """End the process; its objects are gone."""
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


class TestBucket:
    """A new bucket, and access to it without Media Generator."""

    __test__ = False  # or pytest would collect it as tests

    def __init__(self, server: BucketServer | ServerProcess) -> None:
        self._url = server.url
        self.name = f"media-{uuid4().hex[:12]}"
        self._client = boto3.client(
            "s3",
            endpoint_url=self._url,
            region_name="us-east-1",
            aws_access_key_id="tests",
            aws_secret_access_key="tests",  # noqa: S106 - of a store on this machine
        )
        self._client.create_bucket(Bucket=self.name)

    @property
    def settings(self) -> BucketSettings:
        """Media Generator's settings for it."""
        return BucketSettings(
            f"s3://{self.name}/{PREFIX}", self._url, "us-east-1", "tests", "tests"
        )

    @property
    def section(self) -> dict[str, str]:
        """The section ``media.storage`` of a configuration file."""
        return {
            "url": f"s3://{self.name}/{PREFIX}",
            "endpoint": self._url,
            "region": "us-east-1",
            "access_key_id": "tests",
            "secret_access_key": "tests-secret",
        }

    def storage(self) -> S3Bucket:
        """Media Generator's own access to it."""
        return S3Bucket(self.settings)

    def objects(self) -> dict[str, bytes]:
        """Every object below the prefix except hidden ones, by its key without the prefix."""
        listed = self._client.list_objects_v2(Bucket=self.name, Prefix=f"{PREFIX}/")
        keys = [each["Key"].removeprefix(f"{PREFIX}/") for each in listed.get("Contents", ())]
        return {key: self.get(key) for key in keys if not key.startswith(".")}

    def get(self, key: str) -> bytes:
        """The content of an object."""
        answer = self._client.get_object(Bucket=self.name, Key=f"{PREFIX}/{key}")
        content: bytes = answer["Body"].read()
        return content

    def put(self, key: str, content: bytes, **labels: str) -> None:
        """Write an object as another program, replacing any other."""
        self._client.put_object(
            Bucket=self.name, Key=f"{PREFIX}/{key}", Body=content, Metadata=labels
        )

    def delete(self, key: str) -> None:
        """Delete an object as another program."""
        self._client.delete_object(Bucket=self.name, Key=f"{PREFIX}/{key}")

    def remove(self) -> None:
        """Remove the bucket with all of its objects."""
        listed = self._client.list_objects_v2(Bucket=self.name)
        for each in listed.get("Contents", ()):
            self._client.delete_object(Bucket=self.name, Key=each["Key"])
        self._client.delete_bucket(Bucket=self.name)


def refusal(status: str, code: str) -> WSGIApplication:
    """An error response of the store, such as ``403 Forbidden`` and ``AccessDenied``."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = _ERROR.format(code=code).encode()
        start_response(status, [("Content-Type", "application/xml")])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return app


def main() -> None:
    """Serve until the input ends; each line of it is a command, answered once it is done."""
    server = BucketServer()
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        match line.strip():
            case "stop":
                server.stop()
            case "start":
                server.start()
            case "refuse":
                server.fault = lambda _environ: refusal("503 Service Unavailable", "SlowDown")
            case "serve":
                server.fault = None
        sys.stdout.write("done\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
