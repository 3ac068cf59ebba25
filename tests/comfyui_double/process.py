"""The double as a process of its own: it can be killed and restarted on the same port."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.comfyui_double.graph import Graph

_ROOT = Path(__file__).parents[2]
_PATIENCE = 60.0  # seconds


class DoubleProcess:
    """A handle on the process; each method calls a control route, see ``control``.

    Attributes:
        url: its address, without a trailing slash; a restart keeps it.
    """

    def __init__(self, output: Path, **options: object) -> None:
        self._output = output
        self._options = options
        self._port = 0
        self._process: subprocess.Popen[str] | None = None
        self.url = ""
        self.start()

    @property
    def pid(self) -> int:
        """The id of the process that was started last."""
        assert self._process
        return self._process.pid

    def start(self) -> None:
        """Start it with the initial behaviour, on the same port as before."""
        self._process = subprocess.Popen(  # noqa: S603 (ourselves)
            [
                *(sys.executable, "-m", "tests.comfyui_double"),
                *("--port", str(self._port), "--output", str(self._output)),
                *("--behaviour", json.dumps(self._options)),
            ],
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        self.url = self._process.stdout.readline().strip()
        assert self.url, "the double did not start"
        self._port = urlsplit(self.url).port or 0

    def kill(self) -> None:
        """Kill it, like a crash."""
        self._end(gently=False)

    def stop(self) -> None:
        """Terminate it in order."""
        self._end(gently=True)

    def wait(self) -> int:
        """Wait until it ends; returns its exit status."""
        assert self._process
        return self._process.wait(_PATIENCE)

    def behave(self, **changes: object) -> None:
        """Set fields of its Behaviour; ``faults`` is a list of dictionaries."""
        self._ask("behaviour", changes)

    def requests(self) -> list[dict[str, Any]]:
        """Every request since its start: ``method, path, query, headers, body, at``."""
        found: list[dict[str, Any]] = self._ask("requests")
        return found

    def jobs(self) -> list[dict[str, Any]]:
        """Every job since its start: ``prompt_id, client_id, foreign, state, graph``."""
        found: list[dict[str, Any]] = self._ask("jobs")
        return found

    def connected(self) -> list[str]:
        """Client ids that have a socket now."""
        found: list[str] = self._ask("connected")
        return found

    def submit_foreign(self, graph: Graph | None = None, *, front: bool = False) -> str:
        """Queue a job as another client; returns its prompt id."""
        prompt_id: str = self._ask("foreign", {"graph": graph, "front": front})["prompt_id"]
        return prompt_id

    def interrupt(self) -> None:
        """Interrupt the running job as another client."""
        self._ask("interrupt", {})

    def release(self) -> None:
        """Release nodes that are held."""
        self._ask("release", {})

    def drop_sockets(self) -> None:
        """Drop all sockets without a closing message."""
        self._ask("drop_sockets", {})

    def _ask(self, what: str, body: object = None) -> Any:  # noqa: ANN401 (any JSON)
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=_PATIENCE)
        with closing(connection):
            content = None if body is None else json.dumps(body)
            connection.request("GET" if body is None else "POST", f"/double/{what}", content)
            response = connection.getresponse()
            told = response.read()
        assert response.status == 200, told
        return json.loads(told) if told else None

    def _end(self, *, gently: bool) -> None:
        process = self._process
        if process is None:
            return
        if gently:
            process.terminate()
        else:
            process.kill()
        process.communicate(timeout=_PATIENCE)


@contextmanager
def double_process(output: Path, **options: object) -> Iterator[DoubleProcess]:
    """A double in a process of its own for the duration of the block.

    Args:
        output: the folder into which nodes save.
        options: fields of Behaviour.
    """
    process = DoubleProcess(output, **options)
    try:
        yield process
    finally:
        process.kill()
