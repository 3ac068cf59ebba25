"""Answers that many requests share: the summary of the queue, and the checks of the doctor."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from dataclasses import dataclass
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final

from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from application.ports.curation import Curation
    from application.ports.database import Database, QueueWatch
    from application.ports.doctor import Check
    from application.ports.prompt_catalogue import PromptCatalogue, QueueSummary, RenderRecord
    from domain.workflow_rules import WorkflowKey

MAX_CHECK_AGE: Final = 30.0  # seconds
_MAX_SUMMARY_AGE: Final = 5.0  # seconds; some counts change with the clock: retries become due
_MAX_PAUSE: Final = 1.0  # seconds between two counts; a page must show a change within two
_MAX_TEXTS: Final = 256  # of renders; a machine has few slots
_FACTS_AT_ONCE: Final = 500  # files: 10 ms
_FACTS_IN_A_ROW: Final = 2_000  # files in one transaction
_PAUSE_FACTOR: Final = 4  # the pause is this many times as long as counting took


class SummaryCache:
    """Keeps the last summary of the queue until another program commits. Safe from any thread.

    Counting visits every prompt, and each open page asks every second.

    Attributes:
        outcomes: the last renders that ended, as the API shows them, by the number of the render.

    Args:
        watch: opens what notices commits of other programs; its owner closes it.
        now: a monotonic clock, in seconds.
    """

    def __init__(
        self, watch: Callable[[], QueueWatch], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._open_watch = watch
        self._now = now
        self._lock = Lock()
        self._watch: QueueWatch | None = None
        self._summary: QueueSummary | None = None
        self._counted_at = 0.0
        self._cost = 0.0
        self._is_stale = False
        self._texts: dict[int, str] = {}
        self._held: (
            tuple[QueueSummary, frozenset[WorkflowKey], Mapping[WorkflowKey, Sequence[int]]] | None
        ) = None
        self.outcomes: Mapping[int, object] = {}

    def summary(self, catalogue: Callable[[], PromptCatalogue]) -> QueueSummary:
        """The summary; a change of another program shows after a second at most.

        Raises:
            RepositoryError: the database cannot be used.
        """
        with self._lock:
            must_count = self._must_count()
            if must_count or self._summary is None:
                started_at = self._now()
                self._is_stale = False
                self._summary = None
                self._summary = catalogue().summary()
                self._counted_at = self._now()
                self._cost = self._counted_at - started_at
            return self._summary

    def held(
        self,
        summary: QueueSummary,
        workflows: frozenset[WorkflowKey],
        find: Callable[[], Mapping[WorkflowKey, Sequence[int]]],
    ) -> Mapping[WorkflowKey, Sequence[int]]:
        """The pending prompts of workflows that cannot run, looked up once for each summary.

        Args:
            summary: as ``summary`` returned it.
            workflows: the workflows.
            find: looks the prompts up.

        Raises:
            RepositoryError: the database cannot be used.
        """
        if not workflows:
            return {}
        with self._lock:
            if self._held is None or self._held[0] is not summary or self._held[1] != workflows:
                self._held = summary, workflows, find()
            return self._held[2]

    def prompt_text(self, render: RenderRecord, catalogue: Callable[[], PromptCatalogue]) -> str:
        """The text of a render's prompt, looked up once.

        Raises:
            RepositoryError: the database cannot be used.
        """
        with self._lock:
            if render.render_id not in self._texts:
                record = catalogue().find(render.prompt_id)
                if len(self._texts) >= _MAX_TEXTS:
                    self._texts.clear()
                self._texts[render.render_id] = record.prompt.text if record else ""
            return self._texts[render.render_id]

    def invalidate(self) -> None:
        """Count again at the next call, because this process changed the queue."""
        self._is_stale = True
        self._cost = 0.0

    def _must_count(self) -> bool:
        self._is_stale = self._changed() or self._is_stale
        age = self._now() - self._counted_at
        if age >= _MAX_SUMMARY_AGE:
            return True
        return self._is_stale and age >= min(_MAX_PAUSE, _PAUSE_FACTOR * self._cost)

    def _changed(self) -> bool:
        try:
            if self._watch is None:
                self._watch = self._open_watch()
            return self._watch.changed()
        except RepositoryError:  # the file was moved away or replaced: forget what was in it
            self._watch = None
            self._summary = None
            return True


class FactReader:
    """Reads workflow, seed and size of files for filters, when one is used. Safe from any thread.

    Args:
        open_database: opens the database for the thread that reads very many.
    """

    def __init__(self, open_database: Callable[[], Database]) -> None:
        self._open = open_database
        self._lock = Lock()
        self._thread: Thread | None = None

    def refresh(self, curation: Curation) -> None:
        """Read what is new; if that is very much, the rest is read after this returns."""
        try:
            is_behind = curation.read_files(_FACTS_AT_ONCE) == _FACTS_AT_ONCE
        except RepositoryError:
            return  # the filters show what is known
        with self._lock:
            if is_behind and self._thread is None:
                self._thread = Thread(target=self._catch_up, name="facts", daemon=True)
                self._thread.start()

    def _catch_up(self) -> None:
        with suppress(RepositoryError), closing(self._open()) as database:
            while database.curation.read_files(_FACTS_IN_A_ROW) == _FACTS_IN_A_ROW:
                pass
        self._thread = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The doctor's checks, as far as they are known.

    Attributes:
        checks: of the last run that ended; empty before the first one has ended.
        age_seconds: time since that run ended; None before.
        running: whether another run is in progress.
    """

    checks: tuple[Check, ...]
    age_seconds: float | None
    running: bool


class CheckCache:
    """Runs the doctor's checks in the background, when old results are asked for.

    No request waits for a run. Safe from any thread.

    Args:
        run: runs all checks; may take many seconds.
        now: a monotonic clock, in seconds.
    """

    def __init__(
        self, run: Callable[[], Iterable[Check]], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._run = run
        self._now = now
        self._lock = Lock()
        self._checks: tuple[Check, ...] = ()
        self._ended_at: float | None = None
        self._thread: Thread | None = None

    def result(self) -> CheckResult:
        """The last result, at once; starts a run if that is old."""
        with self._lock:
            age = None if self._ended_at is None else self._now() - self._ended_at
            if self._thread is None and (age is None or age >= MAX_CHECK_AGE):
                self._thread = Thread(target=self._refresh, name="checks", daemon=True)
                self._thread.start()
            return CheckResult(self._checks, age, self._thread is not None)

    def wait(self, seconds: float) -> None:
        """Wait until no run is in progress, or until the time is over."""
        if thread := self._thread:
            thread.join(seconds)

    def _refresh(self) -> None:
        checks: tuple[Check, ...] | None = None
        try:
            checks = tuple(self._run())
        finally:
            with self._lock:
                self._checks = self._checks if checks is None else checks
                self._ended_at = self._now()
                self._thread = None
