"""Orphaned jobs on servers are cancelled, and retried while that is impossible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.recovery import OrphanedJobs
from tests.contract.server_jobs_contract import job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.render import Claim, ServerJob


class _Book:
    def __init__(self, *jobs: ServerJob) -> None:
        self.left = list(jobs)

    def record(self, claim: Claim, job: ServerJob) -> bool:
        raise NotImplementedError

    def earlier(self, claim: Claim) -> Sequence[ServerJob]:
        raise NotImplementedError

    def owns(self, claim: Claim, job: ServerJob) -> bool:
        raise NotImplementedError

    def forget(self, job: ServerJob, claim: Claim | None = None) -> None:
        self.left.remove(job)

    def orphaned(self) -> Sequence[ServerJob]:
        return tuple(self.left)


class _Servers:
    def __init__(self, *silent: str) -> None:
        self.silent = set(silent)
        self.ended: list[str] = []

    def end(self, job: ServerJob) -> bool:
        if job.server in self.silent:
            return False
        self.ended.append(job.id)
        return True


def test_orphaned_jobs_are_cancelled_and_forgotten() -> None:
    """Each on its own server, once."""
    book, servers = _Book(job(1), job(2)), _Servers()
    chore = OrphanedJobs(book, servers)
    chore.end()
    chore.end()
    assert servers.ended == [job(1).id, job(2).id]
    assert book.left == []


def test_an_unreachable_server_is_tried_again() -> None:
    """Its jobs are kept, and do not keep others from being cancelled."""
    away = job(1, server="http://away:8188")
    book, servers = _Book(away, job(2)), _Servers("http://away:8188")
    chore = OrphanedJobs(book, servers)
    chore.end()
    assert book.left == [away]
    servers.silent.clear()
    chore.end()
    assert book.left == []
    assert servers.ended == [job(2).id, away.id]
