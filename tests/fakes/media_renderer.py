"""A renderer for tests and measurements: it returns prepared outcomes at once."""

from __future__ import annotations

from collections import Counter, deque
from threading import Lock
from typing import TYPE_CHECKING

from returns.result import Failure as Failed
from returns.result import Result, Success

from application.ports.media_renderer import RenderingFacts
from domain.affinity import Fit, Need
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from application.ports.media_renderer import RenderContext, RenderJob
    from domain.brief import Brief
    from domain.prompt import Kind
    from domain.render import WorkflowProcess

_FACTS = RenderingFacts(
    renderer="fake",
    workflow="fake",
    seconds=0.0,
    seed_used=True,
    size_used=True,
    prompt_used=True,
)


def _leave_nothing(job: RenderJob) -> None:
    """Write no file at all."""


def _succeed(job: RenderJob) -> Failure | None:
    """Every job succeeds."""


class FakeMediaRenderer:
    """Renders nothing, or what ``write`` writes. Safe to use from several threads.

    Attributes:
        refusals: preflight failures by kind.
        calls_by_prompt: number of calls of ``render`` for each prompt.
        fits: how workflows suit what may take a job, by name.
        most_ahead: number of prompts from which on none is left to a busy server.
        reserved: the workflow of each prompt for which a place is kept.
        waiting: the processes that wait for the next job, of any kind.
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
        """Set the outcome of jobs without a script of their own.

        Args:
            outcome: returns the failure of a job, or None for success.
            write: called for each successful job before ``render`` returns.
            progress: fractions to report for each job, with a check for a stop after each.
            prints: output of each job, reported first.
            shows: a JPEG preview for each job, reported second; empty for none.
            facts: returned for a success.
        """
        self.refusals: dict[Kind, Failure] = {}
        self.fits: dict[str, Fit] = {}
        self.most_ahead = 1_000
        self.reserved: dict[int, str] = {}
        self.waiting: list[WorkflowProcess] = []
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
        """Number of calls of ``render``."""
        return self.calls_by_prompt.total()

    def script(self, prompt_id: int, *outcomes: Failure | None) -> None:
        """Prepare the next outcomes of a prompt, one for each call; None is success.

        Afterwards the common outcome applies again.
        """
        self._scripts.setdefault(prompt_id, deque()).extend(outcomes)

    def preflight(self, kind: Kind, workflow: str = "") -> Failure | None:
        """The failure in ``refusals`` for a kind, or None."""
        return self.refusals.get(kind)

    def waiting_processes(
        self,
        kind: Kind,
        environment: Mapping[str, str],
        slot: int,
    ) -> Sequence[WorkflowProcess]:
        """The processes in ``waiting``."""
        return self.waiting

    def need(self, kind: Kind, workflow: str, brief: Callable[[], Brief | None]) -> Need:
        """The workflow."""
        return Need(kind, workflow)

    def fit(self, need: Need, slot: int, ahead: int = 0) -> Fit:
        """As ``fits`` says, by name; possible otherwise, and where enough others are ahead."""
        fit = self.fits.get(need.workflow, Fit.POSSIBLE)
        return Fit.POSSIBLE if fit is Fit.LATER and ahead >= self.most_ahead else fit

    def why_away(self, need: Need) -> Failure | None:
        """As ``fits`` says, by name."""
        is_away = self.fits.get(need.workflow) is Fit.AWAY
        return Failure(FailureCode.SERVER_UNREACHABLE, need.workflow) if is_away else None

    def reserve(self, prompt_id: int, need: Need, slot: int, ahead: int = 0) -> None:
        """Keep a place."""
        self.reserved[prompt_id] = need.workflow

    def release(self, prompt_id: int) -> None:
        """Give a place back."""
        self.reserved.pop(prompt_id, None)

    def render(self, job: RenderJob, context: RenderContext) -> Result[RenderingFacts, Failure]:
        """Return the next prepared outcome of the prompt, or the common outcome."""
        with self._lock:
            self.calls_by_prompt[job.prompt_id] += 1
            outcomes = self._scripts.get(job.prompt_id)
            scripted = bool(outcomes)
            failure = outcomes.popleft() if outcomes else None
        if context.must_stop():
            return _interrupted()
        context.on_started()
        if self._prints:
            context.on_output("stdout", self._prints)
        if self._shows:
            context.on_preview(self._shows, "image/jpeg")
        for fraction in self._progress:
            context.on_progress(fraction, "")
            if context.must_stop():
                return _interrupted()
        if not scripted:
            failure = self._outcome(job)
        if failure is not None:
            return Failed(failure)
        self._write(job)
        return Success(self._facts)

    def close(self) -> None:
        """Nothing is left open."""


def _interrupted() -> Result[RenderingFacts, Failure]:
    return Failed(Failure(FailureCode.INTERRUPTED, "the fake was asked to stop"))
