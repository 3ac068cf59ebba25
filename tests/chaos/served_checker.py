"""What must hold where servers make the media, examined from outside: SQL, and the server."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tests.chaos.databases import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.installation import Installation
    from tests.chaos.server import Job, Server

_NUMBER = re.compile(r"number (\d+)")  # as every prompt's text ends
_AT_WORK = {"pending", "running"}
_PUBLISHED = """
SELECT p.id, count(*) FROM media_generator_renders AS r JOIN prompts AS p ON p.id = r.prompt_id
WHERE r.outcome = 'published' AND p.artifact_status = 'ready' GROUP BY p.id
"""


class ServedChecker:
    """Examines an installation and its server, once nothing is left to do.

    Args:
        installation: after the drain.
        server: alive.
    """

    def __init__(self, installation: Installation, server: Server) -> None:
        self._installation = installation
        self._server = server

    def violations(self, *, once: bool) -> list[str]:
        """Everything that is not as it must be.

        Args:
            once: whether no job may have been submitted twice.
        """
        self._server.wait(lambda: not any(map(_is_at_work, _foreign(self._server.jobs()))))
        jobs = self._server.jobs()
        return [
            *self._left(jobs),
            *self._others(jobs),
            *self._results(),
            *(self._twice(jobs) if once else ()),
        ]

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(open_database(self._installation.database)) as driver:
            return list(driver.execute(statement).fetchall())

    def _left(self, jobs: list[Job]) -> Iterator[str]:
        """No job runs without a render, and no job is searched for."""
        for job in jobs:
            if not job["foreign"] and _is_at_work(job):
                yield f"job {job['prompt_id']} of prompt {_prompt_of(job)} is {job['state']}"
        for row in self._rows("SELECT * FROM media_generator_server_jobs"):
            yield f"a job is still written down: {row}"

    def _others(self, jobs: list[Job]) -> Iterator[str]:
        """Other people's jobs ran to their end untouched."""
        for job in _foreign(jobs):
            if job["state"] != "success":
                yield f"another client's job {job['prompt_id']} is {job['state']}"
        theirs = {job["prompt_id"] for job in _foreign(jobs)}
        for asked in self._server.requests():
            if asked["method"] != "POST" or asked["path"] not in {"/interrupt", "/queue"}:
                continue
            printed = json.loads(asked["body"] or "{}")
            named = [printed.get("prompt_id"), *printed.get("delete", [])]
            named = [each for each in named if each]
            if not named or theirs.intersection(named):
                yield f"POST {asked['path']} said {printed}"

    def _results(self) -> Iterator[str]:
        """Each row names a job of its own, and has the bytes that the server saved for it."""
        rows = self._rows(
            "SELECT file_path, metadata FROM prompt_artifacts WHERE metadata IS NOT NULL"
        )
        about = {path: json.loads(metadata) for path, metadata in rows}
        named = Counter(each["server_job"] for each in about.values())
        yield from (f"{count} rows are of job {job}" for job, count in named.items() if count > 1)
        for path, each in about.items():
            saved = self._server.folder.glob(f"mediagen/*/{each['server_job']}/*")
            digests = {hashlib.sha256(file.read_bytes()).hexdigest() for file in saved}
            if each["server"] != self._server.url or each["sha256"] not in digests:
                yield f"{path} is not what job {each['server_job']} made"

    def _twice(self, jobs: list[Job]) -> Iterator[str]:
        """A successor continues with the jobs that are there."""
        submitted = Counter(_prompt_of(job) for job in jobs if not job["foreign"])
        for prompt_id, published in self._rows(_PUBLISHED):
            if submitted[prompt_id] != published:
                yield (
                    f"prompt {prompt_id} was given to the server {submitted[prompt_id]} times,"
                    f" and published {published} times"
                )


def _foreign(jobs: list[Job]) -> list[Job]:
    return [job for job in jobs if job["foreign"]]


def _is_at_work(job: Job) -> bool:
    return job["state"] in _AT_WORK


def _prompt_of(job: Job) -> int:
    found = _NUMBER.search(json.dumps(job["graph"]))
    return int(found[1]) if found else 0
