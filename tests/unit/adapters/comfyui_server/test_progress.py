"""The progress of a job."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.comfyui_server.job_socket import (
    JobEnded,
    JobStarted,
    NodeProgress,
    NodeRunning,
    NodesCached,
    NodesFinished,
)
from adapters.comfyui_server.progress import JobProgress, NodeTimings
from tests.comfyui_double import text_to_image
from tests.contract.media_renderer_contract import RecordingContext

TITLES = {"1": "Load", "2": "Sampler", "3": "Save", "4": "Half\n done"}


class Heard(RecordingContext):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def on_output(self, stream: str, chunk: bytes) -> None:
        self.text += chunk.decode()


def progress(*messages: object, every: float = 1.0) -> Heard:
    """The reports for such messages, so many seconds apart."""
    watch = Heard()
    made = JobProgress(TITLES, {}, watch)
    for number, message in enumerate(messages):
        made.handle(message, number * every)  # type: ignore[arg-type]
        made.report_if_due(number * every)
    made.report_if_due(len(messages) * every + 1)
    return watch


def test_nodes_and_steps_are_counted() -> None:
    """Cached nodes do not count; the running one counts by its steps."""
    watch = progress(
        JobStarted("me"),
        NodesCached("me", ("1", "unknown")),
        NodeRunning("me", "2"),
        NodeProgress("me", "2", 5, 20),
        NodesFinished("me", frozenset({"2"})),
        NodeRunning("me", "4"),
    )
    assert watch.reports == [
        (0.0, "Sampler"),
        (0.25 / 3, "Sampler, step 5/20"),
        (1 / 3, "Sampler, step 5/20"),
        (1 / 3, "Half done"),
    ]
    assert watch.text == "execution started\nSampler\nHalf done\n"


def test_a_node_is_done_when_the_next_one_runs() -> None:
    """Lists of all nodes are not always sent."""
    watch = progress(NodeRunning("me", "1"), NodeRunning("me", "2"), NodeRunning("me", "3"))
    assert [fraction for fraction, _ in watch.reports] == [0, 0.25, 0.5]


def test_it_never_runs_backwards() -> None:
    """A sampler may start again within one node."""
    watch = progress(NodeProgress("me", "2", 20, 20), NodeProgress("me", "2", 1, 20))
    assert [fraction for fraction, _ in watch.reports] == [0.25, 0.25]


def test_nodes_of_an_unfolded_graph_work_for_the_node_that_unfolded_it() -> None:
    """Their ids start with that node's id; other nodes have no title."""
    watch = progress(NodeRunning("me", "2.0.1"), NodeRunning("me", "x"))
    assert [message for _, message in watch.reports] == ["Sampler", "node x"]


def test_reports_come_ten_times_a_second_at_most() -> None:
    """The newest one is reported."""
    steps = [NodeProgress("me", "2", number, 100) for number in range(101)]
    watch = progress(*steps, every=0.01)
    assert 10 <= len(watch.reports) <= 12
    assert watch.reports[-1] == (0.25, "Sampler, step 100/100")


def test_invalid_steps_are_no_progress() -> None:
    """Of zero, below zero, beyond the total."""
    watch = progress(
        NodeProgress("me", "2", 1, 0), NodeProgress("me", "2", -3, 4), NodeProgress("me", "2", 9, 4)
    )
    assert [fraction for fraction, _ in watch.reports] == [0, 0.25]


def test_the_end_is_reported_once() -> None:
    """With the last message."""
    watch = Heard()
    made = JobProgress(TITLES, {}, watch)
    made.waiting()
    made.report_if_due(0)
    made.handle(NodeRunning("me", "3"), 0)
    made.report_if_due(1)
    made.finish()
    assert watch.reports == [(None, "waits in the server's queue"), (0, "Save"), (1, "Save")]


GRAPH: dict[str, Any] = text_to_image()
NODES = {node_id: node["class_type"] for node_id, node in GRAPH.items()}
SAMPLER = next(node_id for node_id, name in NODES.items() if name == "KSampler")


def test_a_sampler_counts_by_its_steps() -> None:
    """Every other node counts as one step."""
    steps = GRAPH[SAMPLER]["inputs"]["steps"]
    weights = NodeTimings(GRAPH).weights()
    assert weights[SAMPLER] == steps > 1
    assert {weight for node, weight in weights.items() if node != SAMPLER} == {1.0}


def test_earlier_renders_weigh_nodes_by_their_time() -> None:
    """The last render counts half; nodes without figures are estimated from the others."""
    timings = NodeTimings(GRAPH)
    steps = GRAPH[SAMPLER]["inputs"]["steps"]
    timings.learn({SAMPLER: 10.0, "unfolded": 9.0})
    assert timings.weights()[SAMPLER] == 10.0
    other = next(node for node in NODES if node != SAMPLER)
    assert timings.weights()[other] == pytest.approx(10.0 / steps)
    timings.learn({SAMPLER: 20.0})
    assert timings.weights()[SAMPLER] == 15.0
    assert "unfolded" not in timings.weights()


def test_the_seconds_of_each_node_are_measured() -> None:
    """From its start to the next one's, or to the end; cached nodes take none."""
    made = JobProgress(TITLES, {"2": 8.0, "3": 2.0, "4": 6.0}, Heard())
    made.handle(NodesCached("me", ("1",)), 0)
    made.handle(NodeRunning("me", "2"), 1)
    made.handle(NodeRunning("me", "3"), 9)
    made.handle(NodesFinished("me", frozenset({"3"})), 11)
    made.handle(NodeRunning("me", "4"), 11)
    made.handle(JobEnded("me", final=True), 17)
    assert made.seconds == {"2": 8, "3": 2, "4": 6}


@given(
    st.lists(
        st.one_of(
            st.builds(NodeRunning, st.just("me"), st.sampled_from([*TITLES, "x"])),
            st.builds(
                NodeProgress,
                st.just("me"),
                st.sampled_from([*TITLES, "x"]),
                st.integers(-1, 9).map(float),
                st.integers(-1, 9).map(float),
            ),
            st.builds(NodesFinished, st.just("me"), st.frozensets(st.sampled_from([*TITLES, "x"]))),
            st.builds(NodesCached, st.just("me"), st.tuples(st.sampled_from([*TITLES, "x"]))),
        ),
        max_size=30,
    ),
    st.dictionaries(st.sampled_from(list(TITLES)), st.floats(0, 1e6)),
)
def test_any_messages_keep_the_fraction_in_its_bounds(
    messages: list[NodeRunning | NodeProgress | NodesFinished | NodesCached],
    weights: dict[str, float],
) -> None:
    """From 0 to 1, never back, whatever the order of the messages."""
    watch = Heard()
    made = JobProgress(TITLES, weights, watch)
    for number, message in enumerate(messages):
        made.handle(message, number)
        made.report_if_due(number)
    fractions = [fraction for fraction, _ in watch.reports if fraction is not None]
    assert fractions == sorted(fractions)
    assert all(0 <= fraction <= 1 for fraction in fractions)
