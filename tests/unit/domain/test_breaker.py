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
OTHER = 99
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
            verdict = breaker.judge(event.prompt_id, Failure(event.code, "m"), 0.0)
            assert verdict is _expected(past, event, threshold)
            past.append((event, verdict))
            if verdict is Verdict.STOP:
                return
        else:
            breaker.succeeded(OTHER)
            past.append((event, None))


@given(st.lists(st.integers(1, 50), min_size=3))
def test_no_prompt_is_charged_while_nothing_succeeds(prompt_ids: list[int]) -> None:
    """A broken environment costs no prompt: two are given back, the third stops the queue."""
    breaker = CircuitBreaker()
    verdicts = [breaker.judge(prompt_id, MEMORY, 0.0) for prompt_id in prompt_ids]
    assert verdicts[:3] == [Verdict.GIVE_BACK, Verdict.GIVE_BACK, Verdict.STOP]
    assert Verdict.CHARGE not in verdicts


def test_a_prompt_that_fails_so_again_after_a_success_is_charged() -> None:
    """The environment was fine for another one, so this prompt is at fault."""
    breaker = CircuitBreaker()
    assert breaker.judge(1, MEMORY, 0.0) is Verdict.GIVE_BACK
    assert breaker.suspects == {1}
    breaker.succeeded(OTHER)
    assert breaker.suspects == set()
    assert breaker.judge(2, MEMORY, 0.0) is Verdict.GIVE_BACK
    assert breaker.judge(1, MEMORY, 0.0) is Verdict.CHARGE
    assert breaker.suspects == {2}


def test_a_prompt_that_succeeded_itself_is_not_charged_for_what_was_before() -> None:
    """It was no fault of its own, and a later acceptance begins with a clean sheet."""
    breaker = CircuitBreaker()
    breaker.judge(1, MEMORY, 0.0)
    breaker.succeeded(1)
    assert breaker.judge(1, MEMORY, 0.0) is Verdict.GIVE_BACK


def test_what_was_proven_before_it_broke_proves_nothing_after() -> None:
    """Otherwise a broken environment would cost the prompts that were given back once."""
    breaker = CircuitBreaker()
    breaker.judge(1, MEMORY, 0.0)
    breaker.succeeded(OTHER)
    for prompt_id in (2, 3, 4):
        breaker.judge(prompt_id, MEMORY, 0.0)
    assert breaker.is_open
    assert breaker.judge(1, MEMORY, 0.0) is Verdict.GIVE_BACK


def test_an_earlier_success_proves_nothing() -> None:
    """What worked before says nothing about what fails now."""
    breaker = CircuitBreaker()
    breaker.succeeded(OTHER)
    assert breaker.judge(1, MEMORY, 0.0) is Verdict.GIVE_BACK


def test_a_failure_of_the_render_neither_ends_nor_lengthens_a_row() -> None:
    """Only a success shows that the environment works."""
    breaker = CircuitBreaker()
    answers = [
        breaker.judge(n, f, 0.0) for n, f in enumerate([MEMORY, SCRIPT, MEMORY, SCRIPT, MEMORY])
    ]
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
    breaker.judge(1, MEMORY, 0.0)
    breaker.succeeded(OTHER)
    assert breaker.judge(1, Failure(code, "m"), 0.0) is Verdict.STOP


def probing(prompt_id: int, suspects: list[int]) -> CircuitBreaker:
    """Open from an earlier day, with a probe on its way."""
    breaker = CircuitBreaker(probe_seconds=10.0)
    breaker.probe(suspects, 0.0)
    assert breaker.may_claim(0.0)
    breaker.claimed(prompt_id)
    assert not breaker.may_claim(1e9)
    return breaker


def test_a_probe_that_fails_stops_the_queue_again_at_once() -> None:
    """One prompt is tried, not three; those that opened it go last."""
    breaker = probing(9, [7, 8])
    assert breaker.suspects == {7, 8}
    assert breaker.judge(9, MEMORY, 0.0) is Verdict.STOP
    assert breaker.suspects == {7, 8, 9}


def test_a_probe_that_succeeds_closes_it_and_proves_the_environment() -> None:
    """Then the prompts that opened the breaker pay for themselves, and others have their three."""
    breaker = probing(9, [7])
    breaker.succeeded(9)
    assert not breaker.is_open
    assert breaker.may_claim(0.0)
    assert breaker.judge(7, MEMORY, 0.0) is Verdict.CHARGE
    assert [breaker.judge(n, MEMORY, 0.0) for n in (1, 2, 3)] == [
        Verdict.GIVE_BACK,
        Verdict.GIVE_BACK,
        Verdict.STOP,
    ]


@pytest.mark.parametrize("ends", ["with its own fault", "by a stop"])
def test_a_probe_that_tells_nothing_is_followed_by_another_at_once(ends: str) -> None:
    """A bad script, a bad brief or a stop leaves the breaker open, and its probe due."""
    breaker = probing(9, [7])
    if ends == "by a stop":
        breaker.let_go(9)
    else:
        assert breaker.judge(9, SCRIPT, 0.0) is Verdict.CHARGE
    assert breaker.is_open
    assert breaker.may_claim(0.0)


def test_each_probe_that_fails_doubles_the_wait_up_to_sixteen_times() -> None:
    """A machine that is broken overnight is not worked to death."""
    breaker = CircuitBreaker(threshold=1, probe_seconds=10.0)
    now, waits = 0.0, []
    breaker.judge(0, MEMORY, now)
    for prompt_id in range(1, 8):
        waits.append(breaker.probe_at - now)
        assert not breaker.may_claim(breaker.probe_at - 0.1)
        now = breaker.probe_at
        assert breaker.may_claim(now)
        breaker.claimed(prompt_id)
        assert breaker.judge(prompt_id, MEMORY, now) is Verdict.STOP
    assert waits == [10.0, 20.0, 40.0, 80.0, 160.0, 160.0, 160.0]
    breaker.close()
    breaker.judge(50, MEMORY, now)
    assert breaker.probe_at == now + 10.0


def test_what_began_before_it_opened_is_given_back_and_is_no_probe() -> None:
    """Renders of other slots fail for the same reason a little later: one stop is enough."""
    breaker = CircuitBreaker(threshold=1, probe_seconds=10.0)
    assert breaker.judge(1, MEMORY, 0.0) is Verdict.STOP
    assert breaker.judge(2, MEMORY, 5.0) is Verdict.GIVE_BACK
    assert breaker.probe_at == 10.0
    assert breaker.suspects == {1, 2}
