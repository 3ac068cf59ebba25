"""The tables in memory, used by many threads at once."""

from __future__ import annotations

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import TYPE_CHECKING

import pytest

from application.ports.database import PausedBy
from application.ports.prompt_repository import Publication, Selection
from domain.artifact import Artifact
from domain.prompt import Kind
from domain.render import Outcome
from tests.fakes.database import InMemoryDatabase, InMemoryQueueControls, PromptRow
from tests.fakes.prompt_repository import InMemoryPromptRepository
from tests.fakes.renders import InMemoryRenderLeases
from tests.fakes.system import ManualClock
from tests.worker_identities import ME

if TYPE_CHECKING:
    from collections.abc import Iterator

CLAIMERS = 50
PROMPTS = 500
ANY = Selection()


@pytest.fixture(autouse=True)
def restless() -> Iterator[None]:
    """Threads switch after every few instructions, so that races occur."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


class Crowd:
    """Fifty workers that publish, release and send heartbeats, and an observer."""

    def __init__(self) -> None:
        self.database = InMemoryDatabase(writings={1: "{}"})
        for prompt_id in range(1, PROMPTS + 1):
            row = PromptRow(prompt_id, "image_prompt", output_reference=1)
            self.database.prompts[prompt_id] = row
        clock = ManualClock()
        self.repository = InMemoryPromptRepository(self.database, ME, clock)
        self.leases = InMemoryRenderLeases(self.database, ME, clock)
        self.controls = InMemoryQueueControls(self.database, clock)
        self._start = Barrier(CLAIMERS)
        self._over = Event()

    def work(self, number: int) -> list[int]:
        """Claim and publish until nothing is pending; returns the claimed prompts."""
        claimed = []
        self._start.wait()
        claim = self.repository.claim_next(ANY)
        while claim is not None:
            claimed.append(claim.prompt_id)
            assert self.leases.heartbeat(claim)
            path = f"image/{claim.prompt_id}_{claim.render_id}/{number}.png"
            publication = Publication(claim, [Artifact(Kind.IMAGE, path, {})], 0.0)
            [published], claims = self.repository.publish_and_claim([publication], ANY)
            assert published
            claim = claims[0] if claims else None
        return claimed

    def look_on(self) -> None:
        """Read everything that can be read, and pause and resume, until all workers have ended."""
        while not self._over.is_set():
            for render in self.leases.live():
                assert render.prompt_id in self.database.prompts
            self.leases.closed(())
            self.leases.named(())
            self.repository.count_pending(ANY)
            self.controls.pause(PausedBy.ENVIRONMENT, "", "", ())
            self.controls.resume()

    def run(self) -> list[list[int]]:
        """The prompts that each of the workers claimed."""
        with ThreadPoolExecutor(CLAIMERS + 1) as pool:
            onlooker = pool.submit(self.look_on)
            workers = [pool.submit(self.work, number) for number in range(CLAIMERS)]
            try:
                return [worker.result() for worker in workers]
            finally:
                self._over.set()
                onlooker.result()


def test_fifty_threads_never_claim_a_prompt_twice() -> None:
    """Each of five hundred prompts has one render, one heartbeat and one row."""
    crowd = Crowd()
    claimed = crowd.run()
    times = Counter(prompt_id for each in claimed for prompt_id in each)
    assert times == dict.fromkeys(range(1, PROMPTS + 1), 1)
    assert len([each for each in claimed if each]) > 1
    renders = crowd.database.renders.values()
    assert sorted(each.prompt_id for each in renders) == sorted(times)
    assert {each.outcome for each in renders} == {Outcome.PUBLISHED}
    assert all(each.heartbeat for each in renders)
    assert len(crowd.database.artifacts) == PROMPTS
    assert crowd.repository.count_pending(ANY) == 0
