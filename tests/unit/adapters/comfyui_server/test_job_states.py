"""The page on server jobs, the states and the table of transitions agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.comfyui_server.job import TRANSITIONS, JobState
from adapters.known_failures import RULES
from tests.unit.adapters.comfyui_server.job_page import diagram, end_codes, working_states

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDS = frozenset(JobState) - TRANSITIONS.keys()


def reachable(state: JobState) -> Iterator[JobState]:
    """The states that a job can reach."""
    waiting, seen = [state], {state}
    while waiting:
        for following in TRANSITIONS.get(waiting.pop(), frozenset()) - seen:
            seen.add(following)
            waiting.append(following)
    yield from seen


def test_diagram_and_transitions_agree() -> None:
    """Every arrow is a transition, and every transition an arrow."""
    arrows = diagram()
    inner = {(source, target) for source, target in arrows if "[*]" not in {source, target}}
    assert inner == {(source, target) for source in TRANSITIONS for target in TRANSITIONS[source]}
    assert {target for source, target in arrows if source == "[*]"} == {
        JobState.SUBMITTING,
        JobState.WAITING,
    }
    assert {source for source, target in arrows if target == "[*]"} == ENDS


def test_every_state_is_explained() -> None:
    """The working states in one table, the final ones with their codes in the other."""
    assert working_states() == TRANSITIONS.keys()
    assert end_codes().keys() == ENDS


@pytest.mark.parametrize("state", list(TRANSITIONS))
def test_every_job_can_be_cancelled_and_reaches_a_final_state(state: JobState) -> None:
    """No state is a trap."""
    assert {JobState.CANCELLED, JobState.LEFT} <= set(reachable(state))
    assert state is JobState.CANCELLING or JobState.CANCELLING in TRANSITIONS[state]


def test_known_exceptions_end_a_job_as_failed() -> None:
    """Every code for an exception of a node is listed for that state."""
    assert {rule.code for rule in RULES} <= end_codes()["failed"]
