"""Random valid and invalid requests from the OpenAPI document: ``python -m tests.web.fuzz``.

Every operation is requested, in this process, with a real database and real files; each response
must be documented, with the documented type and shape, and no server error.
"""

from __future__ import annotations

import argparse
import json
import secrets
import tempfile
import time
from contextlib import suppress
from itertools import count, product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

# Hypothesis looks for NumPy in `sys.modules`, where a thread may have half imported it.
import numpy as np  # noqa: F401
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from tests.media_samples import mp3
from tests.unit.entrypoints.web.site import BASE, Site

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flask import Flask
    from schemathesis import APIOperation

# A valid request may still lead to nothing (404) or contain no brief (422), so other tests check
# one by one that valid requests are accepted.
_CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "allow_header_conformance",
)
# Hardly any random id exists.
_PROMPTS: Final[list[dict[str, object] | None]] = [
    None,
    {"prompt_id": 0},
    {"prompt_id": 1},
    {"prompt_id": 2},
    {"prompt_id": 3},
]
_KNOWN: Final[dict[str, list[dict[str, object] | None]]] = {
    "/api/prompts/{prompt_id}/artifacts": _PROMPTS,
    "/api/v1/prompts/{prompt_id}": _PROMPTS,
    "/api/v1/prompts/{prompt_id}/retry": _PROMPTS,
    "/api/v1/prompts/{prompt_id}/cancel": _PROMPTS,
    "/api/v1/peaks/{artifact_id}": [None, {"artifact_id": 1}, {"artifact_id": 2}],
    "/api/media/{file_path}": [
        None,
        {"file_path": "image/1_20260106T213045/a.png"},
        {"file_path": "audio/2_20260106T213045/a.mp3"},
    ],
}
_MODES: Final = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run for the given time; ends with the first wrong response."""
    parser = argparse.ArgumentParser("python -m tests.web.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="after which no round begins")
    parser.add_argument("--examples", type=int, default=50, help="by round, operation and mode")
    parser.add_argument("--seed", type=int, default=None, help="for the same requests again")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), legacy_shapes=True)
        number = secrets.randbits(32) if chosen.seed is None else chosen.seed
        print(f"--seed {number}", flush=True)  # noqa: T201 - the report
        asked = fuzz(site, chosen.examples, number, chosen.seconds)
        site.close()
    print(f"{asked} requests, every answer as the document says")  # noqa: T201 - the report


def fuzz(site: Site, examples: int, number: int = 0, seconds: float = 0.0) -> int:
    """Request every operation so many times in each mode; returns the number of requests.

    Args:
        site: gets the requests; prompts and files are added to it.
        examples: number for each operation and mode, by round.
        number: the seed; that of the next round is one more.
        seconds: after which no further round begins.
    """
    end = time.monotonic() + seconds
    _furnish(site)
    load_all_checks()
    checks: Any = CHECKS.get_by_names(_CHECKS)
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", _closing(site.app))
    asked = 0

    def ask(case: Case[Any]) -> None:
        nonlocal asked
        asked += 1
        headers = {"Host": "localhost:5000", "X-Mediagen-Token": site.csrf}
        case.call_and_validate(base_url=BASE, headers=headers, checks=checks)

    operations = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]
    for turn in count(number):
        for operation, mode in product(operations, _MODES):
            _ask_often(operation, mode, ask, examples, turn)
        if time.monotonic() >= end:
            break
    return asked


def _ask_often(
    operation: APIOperation[Any, Any, Any, Any],
    mode: GenerationMode,
    ask: Callable[[Case[Any]], None],
    examples: int,
    number: int,
) -> None:
    limits = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    made = operation.as_strategy(generation_mode=mode)
    known = st.sampled_from(_KNOWN.get(operation.path, [None]))

    def test(case: Case[Any], path_parameters: dict[str, object] | None) -> None:
        if path_parameters is not None and mode is GenerationMode.POSITIVE:
            case.path_parameters = path_parameters
        ask(case)

    test = limits(given(case=made, path_parameters=known)(test))
    with suppress(Unsatisfiable):  # an operation without parameters has no invalid requests
        seed(number)(test)()


def _closing(app: Flask) -> Callable[[dict[str, Any], Any], list[bytes]]:
    """The same application, which closes its responses; the caller does not."""

    def closing_app(environ: dict[str, Any], start: Any) -> list[bytes]:  # noqa: ANN401 - WSGI
        answer = app(environ, start)
        try:
            return list(answer)
        finally:
            if close := getattr(answer, "close", None):
                close()

    return closing_app


def _furnish(site: Site) -> None:
    """Add one of everything, so that valid requests have results."""
    site.poet.write('{"prompt": "a lake"}', prompt_id=0, artifact_status="ready")
    site.poet.write('{"prompt": "a fox"}', prompt_id=1)
    song = {"title": "Steam", "structure": [{"type": "verse", "lyrics": "Steam ascends"}]}
    site.poet.write(json.dumps(song), prompt_id=2, prompt_type="lyrics_prompt")
    site.poet.write("no brief", prompt_id=3, artifact_status="error")
    site.published(1)
    path = site.published(2, "a.mp3", {"title": "Steam"}, "audio")
    (site.root / path).write_bytes(mp3())


if __name__ == "__main__":
    main()
