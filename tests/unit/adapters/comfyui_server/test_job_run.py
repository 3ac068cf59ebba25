"""Whatever a server answers, and whenever: a job ends as documented in the page on server jobs."""

from __future__ import annotations

import math
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from adapters.comfyui_server import job as job_module
from adapters.comfyui_server.address import ServerAddress
from adapters.comfyui_server.client import NoSuchFileError, ServerClient, ServerError, Submission
from adapters.comfyui_server.deadlines import (
    LATE_SECONDS,
    RECORD_SECONDS,
    ServerLimits,
    StopCheck,
)
from adapters.comfyui_server.job import TRANSITIONS, JobRun, JobSetup, JobState
from adapters.comfyui_server.job_socket import (
    Inbox,
    JobEnded,
    JobStarted,
    NodeRunning,
    NodesFinished,
)
from adapters.comfyui_server.pool import ServerPool, ServerSlot
from adapters.comfyui_server.progress import NodeTimings
from adapters.comfyui_server.responses import JobHistory, NodeError, OutputFile, QueueSnapshot
from adapters.comfyui_server.server_workflow import ServerWorkflow
from domain.affinity import Need
from domain.failure import FailureCode
from domain.prompt import Kind
from domain.render import ServerJob
from tests.contract.media_renderer_contract import RecordingContext, job_for
from tests.fakes.system import ManualClock
from tests.unit.adapters.comfyui_graph.graphs import node
from tests.unit.adapters.comfyui_server.job_page import end_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from adapters.comfyui_server.job_socket import JobSocket, Message
    from domain.failure import Failure

ID = "6b0f3a52-0d1c-4f0e-9f59-0d6d8e0f4a11"
GRAPH = {"1": node("SaveImage", filename_prefix="x")}
LIMITS = ServerLimits(seconds=4, stall_seconds=2, unreachable_seconds=1)
ENDLESS = 500  # seconds: every response may restart a limit
FORGOTTEN = {JobState.FAILED, JobState.REFUSED, JobState.CANCELLED, JobState.LOST}
ANSWERS = ("waiting", "running", "success", "error", "interrupted", "nowhere", "broken", "refused")
NEWS = ("silence", "running", "ended", "lost", "reconnected", "everything")


class Script:
    """Responses that are used one by one; the last one is repeated for ever."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = list(words)

    def next(self) -> str:
        return self._words.pop(0) if len(self._words) > 1 else self._words[0]


class ScriptedClient(ServerClient):
    """A server that answers each request with the next response of a script."""

    def __init__(self, script: Script, clock: ManualClock) -> None:
        super().__init__(ServerAddress("http://127.0.0.1:9"))
        self._script = script
        self.clock = clock
        self.ended: set[str] = set()
        self.run: JobRun | None = None

    def answer(self) -> str:
        self.clock.advance(0.001)
        word = self._script.next()
        if word == "broken":
            raise ServerError("the connection broke")
        if word == "refused":
            raise ServerError("connection refused", arrived=False, connected=False)
        return word

    def submit(
        self, graph: Mapping[str, object], job: str, client_id: str, preview_method: str = ""
    ) -> Submission:
        match self.answer():
            case "error":
                return Submission(400, "", {"error": {"message": "no"}})
            case "interrupted":
                return Submission(200, job, {"node_errors": {"1": {"errors": [{}]}}})
            case "nowhere":
                return Submission(200, "another id", {})
            case _:
                return Submission(200, job, {})

    def history(self, job: str) -> JobHistory | None:
        file = OutputFile("1", f"{ID}.png", "", "output")
        match self.answer():
            case "success":
                return JobHistory(True, False, None, (file,), 1.0)  # noqa: FBT003
            case "error":
                error = NodeError("1", "SaveImage", "ValueError", "no", "")
                return JobHistory(False, False, error, (), None)  # noqa: FBT003
            case "interrupted":
                return JobHistory(False, True, None, (), None)  # noqa: FBT003
            case _:
                return None

    def queue(self) -> QueueSnapshot:
        word = self.answer()
        running = {ID, "another id"} if word == "running" else {"other"}
        waiting = {ID, "another id"} if word == "waiting" else set[str]()
        return QueueSnapshot(frozenset(running), frozenset(waiting))

    def cancel(self, job: str) -> bool:
        if self.answer() == "nowhere":
            return False
        self.ended.add(job)
        return True

    def interrupt(self, job: str) -> None:
        self.ended.add(job)
        self.answer()

    def delete(self, job: str) -> None:
        self.ended.add(job)
        self.answer()

    def view(self, file: OutputFile) -> Generator[bytes]:
        if self.answer() == "nowhere":
            raise NoSuchFileError
        yield b"a picture"


class Context(RecordingContext):
    """A context that owns its job or not, and asks for a stop after so many calls."""

    def __init__(self, *, owns: bool, stops_after: int) -> None:
        super().__init__()
        self.owns = owns
        self._left = stops_after

    def owns_job(self, job: ServerJob) -> bool:
        return self.owns

    def must_stop(self) -> bool:
        self._left -= 1
        return self._left == 0


class Slot:
    """A socket without messages unless a test sends some."""

    def subscribe(self, inbox: Inbox) -> str:
        inbox.is_complete = True
        return "client"


def finished(
    client: ScriptedClient,
    news: Script,
    context: Context,
    folder: Path,
    *,
    resumed: bool,
    age: float = math.inf,
    begin: Callable[[], object] = lambda: None,
) -> tuple[JobRun, Failure | None]:
    """Run a job to its end, with a clock that advances with its waits.

    ``begin`` is called between its record and its submission.
    """
    clock = client.clock

    class ScriptedInbox(Inbox):
        def receive(self, seconds: float) -> tuple[Sequence[Message], bool]:
            clock.advance(max(seconds, 0.001))
            assert clock.monotonic() < ENDLESS, "the job does not end"
            word = news.next()
            if word in {"reconnected", "lost"}:
                self.connection_changed()
            self.frames += word not in {
                "silence",
                "lost",
            }  # a new connection begins with the status
            messages: Sequence[Message] = ()
            if word == "running":
                messages = (NodeRunning(self.job, "1"),)
            elif word == "ended":
                messages = (JobEnded(self.job, final=True),)
            elif word == "everything":
                file = OutputFile("1", f"{ID}.png", "", "output")
                messages = (
                    JobStarted(self.job),
                    NodesFinished(self.job, frozenset({"1"}), (file,)),
                    JobEnded(self.job, final=False, succeeded=True),
                )
            return messages, super().receive(0)[1]

    request = job_for(folder / "out")
    workflow = ServerWorkflow("flow.json", Kind.IMAGE, GRAPH, {})
    pool = ServerPool([ServerAddress("http://127.0.0.1:9")], clock)
    stop = StopCheck(context, clock)
    timings = NodeTimings(GRAPH)
    need = Need(Kind.IMAGE, "")
    setup = JobSetup(workflow, request, context, need, pool, LIMITS, timings, clock, stop)
    with closing(pool), pytest.MonkeyPatch.context() as patch:
        patch.setattr(job_module, "Inbox", ScriptedInbox)
        server = pool.servers[0]
        server.client = client
        slot = ServerSlot(server, cast("JobSocket", Slot()))
        job = ServerJob(ID, server.name, 1, "f", 7, age)
        run = client.run = JobRun(setup, slot, job, None if resumed else GRAPH)
        begin()
        result = run.run()
    return run, None if is_successful(result) else result.failure()


def runs(words: Sequence[str]) -> st.SearchStrategy[list[str]]:
    """Responses that often occur several times in a row."""
    run = st.tuples(st.sampled_from(words), st.sampled_from([1, 1, 2, 3, 8]))
    return st.lists(run, min_size=1, max_size=10).map(
        lambda pairs: [word for word, count in pairs for _ in range(count)]
    )


@example(
    answers=["nowhere", "waiting", "nowhere"],
    news=["everything", "ended"],
    owns=False,
    stops_after=0,
    resumed=False,
)
@given(runs(ANSWERS), runs(NEWS), st.booleans(), st.integers(-1, 60), st.booleans())
def test_every_job_ends_as_documented(
    answers: list[str],
    news: list[str],
    owns: bool,  # noqa: FBT001 (drawn by Hypothesis)
    stops_after: int,
    resumed: bool,  # noqa: FBT001
) -> None:
    """With a code of its final state; its record is removed when it is over, and only then."""
    context = Context(owns=owns, stops_after=stops_after)
    with tempfile.TemporaryDirectory() as folder:
        client = ScriptedClient(Script(answers), ManualClock())
        run, failure = finished(client, Script(news), context, Path(folder), resumed=resumed)
    assert run.state not in TRANSITIONS
    if failure is None:
        assert run.state is JobState.SUCCEEDED
    else:
        assert failure.code in end_codes()[run.state]
    assert (run.job in context.dropped_jobs) is (run.state in FORGOTTEN)
    assert client.ended <= ({run.job.id} if owns else set())


@pytest.mark.parametrize(
    ("last", "end"),
    [
        ("success", JobState.SUCCEEDED),
        ("error", JobState.FAILED),
        ("nowhere", JobState.CANCELLED),
        ("running", JobState.LEFT),
    ],
)
@pytest.mark.parametrize("before", ["running", "waiting"])
def test_at_the_limit_the_server_is_polled_once_more(
    tmp_path: Path, before: str, last: str, end: JobState
) -> None:
    """That response counts; a job that has only just started gets its full time."""
    clock = ManualClock()

    class Late(ScriptedClient):
        late = False

        def answer(self) -> str:
            clock.advance(0.001)
            self.late = self.late or (self.run is not None and self.run.state is JobState.OVERDUE)
            return last if self.late else before

    client = Late(Script([before]), clock)
    context = Context(owns=True, stops_after=-1)
    run, failure = finished(client, Script(["silence"]), context, tmp_path, resumed=False)
    assert run.state is end
    if end is JobState.LEFT:
        assert failure is not None
        assert failure.code is FailureCode.TIMED_OUT
        assert clock.monotonic() > LIMITS.seconds * (2 if before == "waiting" else 1)


def test_the_wait_in_a_queue_that_moves_is_not_counted(tmp_path: Path) -> None:
    """Other clients' jobs go first; this one has its full time afterwards."""

    class Busy(ScriptedClient):
        ahead = 20

        def queue(self) -> QueueSnapshot:
            self.ahead = max(0, self.ahead - 1)
            if self.ahead:
                return QueueSnapshot(frozenset({f"other {self.ahead}"}), frozenset({ID}))
            return QueueSnapshot(frozenset({ID}), frozenset())

        def history(self, job: str) -> JobHistory | None:
            return None if self.ahead else super().history(job)

    client = Busy(Script(["success"]), ManualClock())
    context = Context(owns=True, stops_after=-1)
    run, _ = finished(client, Script(["silence"]), context, tmp_path, resumed=False)
    assert run.state is JobState.SUCCEEDED
    assert client.clock.monotonic() > 2 * LIMITS.seconds


@pytest.mark.parametrize(
    ("news", "code"),
    [
        (["running", "lost", "reconnected", "silence"], FailureCode.STALLED),
        (["reconnected", "silence"], FailureCode.STALLED),  # its first messages were lost
        (["running", "lost", "silence"], FailureCode.TIMED_OUT),
        (["silence"], FailureCode.TIMED_OUT),
    ],
    ids=["connection back", "connection late", "connection gone", "no connection"],
)
def test_silence_counts_again_once_the_queue_says_that_the_job_runs(
    tmp_path: Path, news: list[str], code: FailureCode
) -> None:
    """Over a new connection, which missed earlier messages; not without any connection."""

    class Hanging(ScriptedClient):
        def answer(self) -> str:
            clock.advance(0.001)
            return "nowhere" if self.ended else "running"

    clock = ManualClock()
    context = Context(owns=True, stops_after=-1)
    client = Hanging(Script(["running"]), clock)
    run, failure = finished(client, Script(news), context, tmp_path, resumed=False)
    assert run.state is JobState.CANCELLED
    assert failure is not None
    assert failure.code is code


class _ArrivesLate(ScriptedClient):
    """A server that receives the job after some seconds."""

    def __init__(self, clock: ManualClock, arrives_at: float) -> None:
        super().__init__(Script(["nowhere"]), clock)
        self._arrives_at = arrives_at

    def answer(self) -> str:
        self.clock.advance(0.001)
        return "success" if self.clock.monotonic() >= self._arrives_at else "nowhere"


@pytest.mark.parametrize(
    ("age", "arrives_at", "end"),
    [
        (0.0, 7.0, JobState.SUCCEEDED),  # its worker is slow, or its request is in transit
        (0.0, math.inf, JobState.LOST),
        (3600.0, 7.0, JobState.LOST),
    ],
    ids=["late", "never", "long ago"],
)
def test_a_recently_recorded_job_may_still_arrive(
    tmp_path: Path, age: float, arrives_at: float, end: JobState
) -> None:
    """A worker that takes over waits for it, instead of rendering a second one in vain."""
    client = _ArrivesLate(ManualClock(), arrives_at)
    context = Context(owns=True, stops_after=-1)
    run, _ = finished(client, Script(["silence"]), context, tmp_path, resumed=True, age=age)
    assert run.state is end
    assert client.clock.monotonic() < 2 * LATE_SECONDS
    if age > LATE_SECONDS:
        assert client.clock.monotonic() < 1


@pytest.mark.parametrize("asleep", ["worker", "machine"])
@pytest.mark.parametrize("held", [True, False])
def test_a_suspended_worker_checks_before_it_submits(
    tmp_path: Path,
    asleep: str,
    held: bool,  # noqa: FBT001 (pytest's)
) -> None:
    """Another one may have taken over, found no job, and submitted its own."""

    class Taken(Context):
        def record_job(self, job: ServerJob) -> bool:
            return super().record_job(job) and held

    clock = ManualClock()
    client = ScriptedClient(Script(["success"]), clock)
    sleep = clock.advance if asleep == "worker" else clock.jump
    context = Taken(owns=False, stops_after=-1)
    run, _ = finished(
        client,
        Script(["silence"]),
        context,
        tmp_path,
        resumed=False,
        begin=lambda: sleep(2 * RECORD_SECONDS),
    )
    assert context.jobs == [run.job]
    assert run.state is (JobState.SUCCEEDED if held else JobState.CANCELLED)
    assert run.is_accepted is held


def test_a_quick_worker_records_its_job_once(tmp_path: Path) -> None:
    """The normal case needs no extra write."""
    client, context = (
        ScriptedClient(Script(["success"]), ManualClock()),
        Context(owns=True, stops_after=-1),
    )
    run, _ = finished(client, Script(["silence"]), context, tmp_path, resumed=False)
    assert run.state is JobState.SUCCEEDED
    assert context.jobs == []  # it was recorded before it ran
