"""The breaker, against a model that only looks back at what happened."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.breaker import CircuitBreaker, Verdict
from domain.failure import Blame, Failure, FailureCode

MEMORY = Failure(FailureCode.OUT_OF_MEMORY, "no memory left")
SCRIPT = Failure(FailureCode.WORKFLOW_FAILED, "exit code 1")


@dataclass(frozen=True)
class Failed:
    prompt_id: int
    code: FailureCode


SUCCESS = "success"
UNCERTAIN = [c for c in FailureCode if c.blame is Blame.ENVIRONMENT and not c.halts]
HISTORIES = st.lists(
    st.just(SUCCESS)
    | st.builds(Failed, st.integers(1, 4), st.sampled_from(UNCERTAIN))
    | st.builds(Failed, st.integers(1, 4), st.sampled_from(list(FailureCode))),
    max_size=30,
)


def _expected(past: list[tuple[object, Verdict | None]], now: Failed, threshold: int) -> Verdict:
    """What must be said, from the whole past and nothing else."""
    if now.code.blame is not Blame.ENVIRONMENT:
        return Verdict.CHARGE
    if now.code.halts:
        return Verdict.STOP
    given_back = [
        place
        for place, (event, verdict) in enumerate(past)
        if isinstance(event, Failed)
        and event.prompt_id == now.prompt_id
        and verdict is not Verdict.CHARGE
        and not event.code.halts
    ]
    if given_back and any(event == SUCCESS for event, _ in past[given_back[0] :]):
        return Verdict.CHARGE
    in_a_row = 1
    for event, verdict in reversed(past):
        if event == SUCCESS:
            break
        if verdict is not Verdict.CHARGE and isinstance(event, Failed) and not event.code.halts:
            in_a_row += 1
    return Verdict.STOP if in_a_row >= threshold else Verdict.GIVE_BACK


@given(HISTORIES, st.integers(1, 5))
def test_verdicts_follow_from_the_past(history: list[object], threshold: int) -> None:
    """A prompt pays for the environment only after a success proved the environment well."""
    breaker = CircuitBreaker(threshold)
    past: list[tuple[object, Verdict | None]] = []
    for event in history:
        if isinstance(event, Failed):
            verdict = breaker.judge(event.prompt_id, Failure(event.code, "m"))
            assert verdict is _expected(past, event, threshold)
            past.append((event, verdict))
            if verdict is Verdict.STOP:
                return
        else:
            breaker.succeeded()
            past.append((event, None))


@given(st.lists(st.integers(1, 50), min_size=3))
def test_no_prompt_is_charged_while_nothing_succeeds(prompt_ids: list[int]) -> None:
    """A broken environment costs no prompt: two are given back, the third stops the queue."""
    breaker = CircuitBreaker()
    verdicts = [breaker.judge(prompt_id, MEMORY) for prompt_id in prompt_ids]
    assert verdicts[:3] == [Verdict.GIVE_BACK, Verdict.GIVE_BACK, Verdict.STOP]
    assert Verdict.CHARGE not in verdicts


def test_a_prompt_that_fails_so_again_after_a_success_is_charged() -> None:
    """The environment was fine for another one, so this prompt is at fault."""
    breaker = CircuitBreaker()
    assert breaker.judge(1, MEMORY) is Verdict.GIVE_BACK
    assert breaker.suspects == {1}
    breaker.succeeded()
    assert breaker.judge(2, MEMORY) is Verdict.GIVE_BACK
    assert breaker.judge(1, MEMORY) is Verdict.CHARGE
    assert breaker.suspects == {1, 2}


def test_an_earlier_success_proves_nothing() -> None:
    """What worked before says nothing about what fails now."""
    breaker = CircuitBreaker()
    breaker.succeeded()
    assert breaker.judge(1, MEMORY) is Verdict.GIVE_BACK


def test_a_failure_of_the_render_neither_ends_nor_lengthens_a_row() -> None:
    """Only a success shows that the environment works."""
    breaker = CircuitBreaker()
    answers = [breaker.judge(n, f) for n, f in enumerate([MEMORY, SCRIPT, MEMORY, SCRIPT, MEMORY])]
    assert answers == [
        Verdict.GIVE_BACK,
        Verdict.CHARGE,
        Verdict.GIVE_BACK,
        Verdict.CHARGE,
        Verdict.STOP,
    ]


@pytest.mark.parametrize("code", [code for code in FailureCode if code.halts])
def test_what_meets_every_prompt_stops_at_once(code: FailureCode) -> None:
    """Neither an earlier success nor a high threshold makes a missing script worth another try."""
    breaker = CircuitBreaker(threshold=100)
    breaker.judge(1, MEMORY)
    breaker.succeeded()
    assert breaker.judge(1, Failure(code, "m")) is Verdict.STOP


def test_a_probe_that_fails_opens_the_breaker_again_at_once() -> None:
    """One prompt is tried, not three; those that opened it go last."""
    fresh, breaker = CircuitBreaker(), CircuitBreaker()
    breaker.probe([7, 8])
    assert (fresh.was_open, breaker.was_open) == (False, True)
    assert breaker.suspects == {7, 8}
    assert breaker.judge(9, MEMORY) is Verdict.STOP
    assert breaker.suspects == {7, 8, 9}


def test_a_probe_that_succeeds_proves_the_environment() -> None:
    """Then the prompts that opened the breaker pay for themselves, and others have their three."""
    breaker = CircuitBreaker()
    breaker.probe([7])
    breaker.succeeded()
    assert breaker.judge(7, MEMORY) is Verdict.CHARGE
    assert [breaker.judge(n, MEMORY) for n in (1, 2, 3)] == [
        Verdict.GIVE_BACK,
        Verdict.GIVE_BACK,
        Verdict.STOP,
    ]


def test_a_prompts_own_fault_says_nothing_of_the_environment() -> None:
    """A probe with a bad script or brief leaves the breaker as it is."""
    breaker = CircuitBreaker()
    breaker.probe([7])
    assert breaker.judge(9, SCRIPT) is Verdict.CHARGE
    assert breaker.judge(10, MEMORY) is Verdict.STOP
