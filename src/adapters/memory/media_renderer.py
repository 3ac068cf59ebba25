"""A renderer for tests and measurements: it ends as it is told, at once."""

from __future__ import annotations

from collections import Counter, deque
from threading import Lock
from typing import TYPE_CHECKING

from returns.result import Failure as Failed
from returns.result import Result, Success

from application.ports.media_renderer import RenderingFacts
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from application.ports.media_renderer import RenderJob, RenderWatch
    from domain.kind import Kind

_FACTS = RenderingFacts(
    renderer="fake", workflow="fake", seconds=0.0, seed_used=True, size_used=True
)


def _leave_nothing(job: RenderJob) -> None:
    """Write no file at all."""


def _succeed(job: RenderJob) -> Failure | None:
    """Every job succeeds."""


class FakeMediaRenderer:
    """Renders nothing, or what ``write`` writes. Safe to use from several threads.

    Attributes:
        refusals: what ``preflight`` says, by kind; kinds that are not there are well.
        calls_by_prompt: how often each prompt was to be rendered.
    """

    def __init__(
        self,
        outcome: Callable[[RenderJob], Failure | None] = _succeed,
        *,
        write: Callable[[RenderJob], None] = _leave_nothing,
        progress: Sequence[float] = (),
        prints: bytes = b"",
        shows: bytes = b"",
        facts: RenderingFacts = _FACTS,
    ) -> None:
        """Decide what becomes of jobs that have no script of their own.

        Args:
            outcome: the failure of a job, or None when it succeeds.
            write: called for each job that succeeds, before ``render`` returns.
            progress: fractions that are reported for each job; after each of them the
                watch is asked whether the job must stop.
            prints: what each job prints before anything else, all at once.
            shows: what each job shows of its picture after that, as a JPEG; nothing when empty.
            facts: what a success says of itself.
        """
        self.refusals: dict[Kind, Failure] = {}
        self.calls_by_prompt: Counter[int] = Counter()
        self._outcome = outcome
        self._write = write
        self._progress = progress
        self._prints = prints
        self._shows = shows
        self._facts = facts
        self._scripts: dict[int, deque[Failure | None]] = {}
        self._lock = Lock()

    @property
    def calls(self) -> int:
        """How often anything was to be rendered."""
        return self.calls_by_prompt.total()

    def script(self, prompt_id: int, *outcomes: Failure | None) -> None:
        """Lay down the next outcomes of one prompt, one for each call; None is success.

        When they are used up, the common outcome holds again.
        """
        self._scripts.setdefault(prompt_id, deque()).extend(outcomes)

    def preflight(self, kind: Kind) -> Failure | None:
        """What ``refusals`` holds for the kind."""
        return self.refusals.get(kind)

    def render(self, job: RenderJob, watch: RenderWatch) -> Result[RenderingFacts, Failure]:
        """End as it was laid down for the prompt, or as the common outcome says."""
        with self._lock:
            self.calls_by_prompt[job.prompt_id] += 1
            outcomes = self._scripts.get(job.prompt_id)
            scripted = bool(outcomes)
            failure = outcomes.popleft() if outcomes else None
        if watch.must_stop():
            return _interrupted()
        if self._prints:
            watch.heard("stdout", self._prints)
        if self._shows:
            watch.previewed(self._shows, "image/jpeg")
        for fraction in self._progress:
            watch.progressed(fraction, "")
            if watch.must_stop():
                return _interrupted()
        if not scripted:
            failure = self._outcome(job)
        if failure is not None:
            return Failed(failure)
        self._write(job)
        return Success(self._facts)


def _interrupted() -> Result[RenderingFacts, Failure]:
    return Failed(Failure(FailureCode.INTERRUPTED, "the fake was asked to stop"))
