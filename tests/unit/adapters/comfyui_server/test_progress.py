"""How far a job is."""

from __future__ import annotations

from adapters.comfyui_server.messages import Cached, Finished, Running, Started, Stepped
from adapters.comfyui_server.progress import JobProgress
from tests.contract.media_renderer_contract import Watch

TITLES = {"1": "Load", "2": "Sampler", "3": "Save", "4": "Half\n done"}


class Heard(Watch):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def heard(self, stream: str, chunk: bytes) -> None:
        self.text += chunk.decode()


def progress(*messages: object, every: float = 1.0) -> Heard:
    """What a watch is told when such messages come, so many seconds apart."""
    watch = Heard()
    made = JobProgress(TITLES, TITLES.__getitem__, watch)
    for number, message in enumerate(messages):
        made.heard(message)  # type: ignore[arg-type]
        made.pass_on_when_due(number * every)
    made.pass_on_when_due(len(messages) * every + 1)
    return watch


def test_nodes_and_steps_are_counted() -> None:
    """Cached nodes are done; the running one counts by its steps."""
    watch = progress(
        Started("me"),
        Cached("me", ("1", "unknown")),
        Running("me", "2"),
        Stepped("me", "2", 5, 20),
        Finished("me", frozenset({"2"})),
        Running("me", "4"),
    )
    assert watch.reports == [
        (0.25, "Sampler"),
        (0.3125, "Sampler, step 5/20"),
        (0.5, "Sampler, step 5/20"),
        (0.5, "Half done"),
    ]
    assert watch.text == "execution started\nSampler\nHalf done\n"


def test_a_node_is_done_when_the_next_one_runs() -> None:
    """Lists of all nodes do not always come."""
    watch = progress(Running("me", "1"), Running("me", "2"), Running("me", "3"))
    assert [fraction for fraction, _ in watch.reports] == [0, 0.25, 0.5]


def test_it_never_runs_backwards() -> None:
    """A sampler may begin anew inside of one node."""
    watch = progress(Stepped("me", "2", 20, 20), Stepped("me", "2", 1, 20))
    assert [fraction for fraction, _ in watch.reports] == [0.25, 0.25]


def test_nodes_of_an_unfolded_graph_work_for_the_node_that_unfolded_it() -> None:
    """Their ids begin with its id; others have no title."""
    watch = progress(Running("me", "2.0.1"), Running("me", "x"))
    assert [message for _, message in watch.reports] == ["Sampler", "node x"]


def test_reports_come_ten_times_a_second_at_most() -> None:
    """The newest counts."""
    steps = [Stepped("me", "2", number, 100) for number in range(101)]
    watch = progress(*steps, every=0.01)
    assert 10 <= len(watch.reports) <= 12
    assert watch.reports[-1] == (0.25, "Sampler, step 100/100")


def test_odd_steps_are_no_progress() -> None:
    """Of nothing, below nothing, beyond all."""
    watch = progress(Stepped("me", "2", 1, 0), Stepped("me", "2", -3, 4), Stepped("me", "2", 9, 4))
    assert [fraction for fraction, _ in watch.reports] == [0, 0.25]


def test_the_end_is_told_once() -> None:
    """With what was said last."""
    watch = Heard()
    made = JobProgress(TITLES, TITLES.__getitem__, watch)
    made.waits()
    made.pass_on_when_due(0)
    made.heard(Running("me", "3"))
    made.pass_on_when_due(1)
    made.finish()
    assert watch.reports == [(None, "waits in the server's queue"), (0, "Save"), (1, "Save")]
