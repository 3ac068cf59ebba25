"""The circuit breaker, against a model that only looks back at past outcomes."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.breaker import CircuitBreaker, PastRender, Verdict, signature
from domain.failure import Blame, Failure, FailureCode
from domain.prompt import Kind

MEMORY = Failure(FailureCode.OUT_OF_MEMORY, "no memory left")
SCRIPT = Failure(FailureCode.WORKFLOW_FAILED, "exit code 1", words="ValueError: bad latent")
OTHER_WORDS = Failure(FailureCode.WORKFLOW_FAILED, "exit code 1", words="KeyError: 'sigma'")
NOTHING_CODES = {FailureCode.NO_FILES, FailureCode.FORMAT_UNSUPPORTED}
NOTHING = Failure(FailureCode.NO_FILES, "it left nothing")
MODEL = Failure(FailureCode.MODEL_MISSING, "no model")
REFUSED = Failure(FailureCode.DATABASE_CONSTRAINT, "a trigger refuses the row")


@dataclass(frozen=True)
class Failed:
    prompt_id: int
    code: FailureCode
    words: str = ""

    @property
    def failure(self) -> Failure:
        return Failure(self.code, "m", words=self.words)


SUCCESS = "success"
OTHER = 99
UNCERTAIN = [c for c in FailureCode if c.blame is Blame.ENVIRONMENT and not c.halts]
COMPARED = [
    c
    for c in FailureCode
    if c.blame is Blame.RENDER and c.value not in {"job_interrupted", "worker_lost"}
]
WORDS = st.sampled_from(["a", "b"])
FAILURES = (
    st.builds(Failed, st.integers(1, 4), st.sampled_from(UNCERTAIN))
    | st.builds(Failed, st.integers(1, 4), st.sampled_from(list(FailureCode)), WORDS)
    | st.builds(Failed, st.integers(1, 4), st.just(FailureCode.WORKFLOW_FAILED), WORDS)
    | st.builds(Failed, st.integers(1, 4), st.sampled_from(sorted(NOTHING_CODES)))
)
HISTORIES = st.lists(st.just(SUCCESS) | FAILURES, max_size=30)


class Model:
    """The expected verdicts, computed from all past outcomes up to the first stop."""

    def __init__(self, past: list[tuple[object, Verdict | None]]) -> None:
        successes = [place for place, (event, _) in enumerate(past) if event == SUCCESS]
        self.worked = bool(successes)
        end = successes[-1] + 1 if successes else 0
        self.before = [each for each in past[:end] if isinstance(each[0], Failed)]
        self.since = [each for each in past[end:] if isinstance(each[0], Failed)]

    def blames_environment(self, failed: Failed, *, worked: bool) -> bool:
        if failed.code in NOTHING_CODES:
            return not worked
        return failed.code.blame is Blame.ENVIRONMENT

    def is_proven(self, now: Failed) -> bool:
        """Whether it was released for this failure before another prompt succeeded."""
        for event, verdict in self.before:
            assert isinstance(event, Failed)
            if event.prompt_id != now.prompt_id or verdict is not Verdict.GIVE_BACK:
                continue
            if NOTHING_CODES & {event.code, now.code}:
                if (event.code, event.words) == (now.code, now.words):
                    return True
            elif now.code.blame is Blame.ENVIRONMENT and not now.code.halts:
                return True
        return False

    def verdict(self, now: Failed, threshold: int) -> Verdict:
        if now.code.blame in {Blame.BRIEF, Blame.PERSON}:
            return Verdict.CHARGE
        if now.code.blame is Blame.RENDER and now.code not in COMPARED:
            return Verdict.CHARGE
        if now.code.halts:
            return Verdict.STOP
        if self.is_proven(now):
            return Verdict.CHARGE
        if self.blames_environment(now, worked=self.worked):
            back = [event for event, verdict in self.since if verdict is Verdict.GIVE_BACK]
            again = any(isinstance(e, Failed) and e.prompt_id == now.prompt_id for e in back)
            stops = len(back) + 1 >= threshold or (again and now.code in NOTHING_CODES)
            return Verdict.STOP if stops else Verdict.GIVE_BACK
        alike = {now.prompt_id}
        for event, _ in self.since:
            assert isinstance(event, Failed)
            equal = (event.code, event.words) == (now.code, now.words)
            if equal and not self.is_proven(event):
                alike.add(event.prompt_id)
        return Verdict.STOP if len(alike) >= max(threshold, 2) else Verdict.CHARGE


@given(HISTORIES, st.integers(1, 5))
def test_verdicts_follow_from_the_past(history: list[object], threshold: int) -> None:
    """A prompt is charged for the environment only after a success proved the environment."""
    breaker = CircuitBreaker(threshold)
    past: list[tuple[object, Verdict | None]] = []
    for event in history:
        if isinstance(event, Failed):
            verdict = breaker.judge(event.prompt_id, event.failure, 0.0)
            assert verdict is Model(past).verdict(event, threshold)
            past.append((event, verdict))
            if verdict is Verdict.STOP:
                return
        else:
            breaker.succeeded(OTHER)
            past.append((event, None))


# ----------------------------------------------------------------------------- equal error messages


@given(st.integers(2, 5), st.lists(st.integers(1, 30), max_size=60), st.integers(1, 8))
def test_no_more_prompts_are_charged_than_the_threshold_allows(
    threshold: int, order: list[int], slots: int
) -> None:
    """However many slots render, one fault of the environment costs threshold - 1 prompts."""
    breaker = CircuitBreaker(threshold, probe_seconds=10.0)
    now, ended, rendering = 0.0, set[int](), list[int]()

    def end(prompt_id: int) -> None:
        if breaker.judge(prompt_id, SCRIPT, now) is Verdict.CHARGE:
            ended.add(prompt_id)

    for prompt_id in order:
        now += 1.0
        if len(rendering) == slots:
            end(rendering.pop(0))
        if prompt_id not in ended and prompt_id not in rendering and breaker.may_claim(now):
            breaker.claimed(prompt_id)
            rendering.append(prompt_id)
    for prompt_id in rendering:
        end(prompt_id)
    assert len(ended) < threshold


@given(st.lists(st.sampled_from([SUCCESS, SCRIPT, OTHER_WORDS]), max_size=40))
def test_one_bad_prompt_never_stops_its_kind(history: list[object]) -> None:
    """However often it is retried, and whatever its outcome."""
    breaker = CircuitBreaker()
    for event in history:
        if isinstance(event, Failure):
            assert breaker.judge(1, event, 0.0) is Verdict.CHARGE
        else:
            breaker.succeeded(OTHER)
    assert not breaker.is_open


@given(HISTORIES)
def test_a_success_resets_the_count_of_equal_messages(history: list[object]) -> None:
    """Prompts that failed before it do not count, whatever their messages."""
    breaker = CircuitBreaker()
    for event in history:
        if isinstance(event, Failed):
            breaker.judge(event.prompt_id, event.failure, 0.0)
    breaker.succeeded(OTHER)
    assert [breaker.judge(n, SCRIPT, 0.0) for n in (51, 52, 53)] == [
        Verdict.CHARGE,
        Verdict.CHARGE,
        Verdict.STOP,
    ]
    assert set(breaker.suspects) == {53}
    assert breaker.similar_prompts(SCRIPT) == {51, 52, 53}


def test_different_messages_are_counted_separately() -> None:
    """Two prompts with one message and two with another are four bad prompts."""
    breaker = CircuitBreaker()
    failures = [SCRIPT, OTHER_WORDS, SCRIPT, OTHER_WORDS]
    verdicts = [breaker.judge(n, failure, 0.0) for n, failure in enumerate(failures)]
    assert verdicts == [Verdict.CHARGE] * 4
    assert breaker.judge(9, OTHER_WORDS, 0.0) is Verdict.STOP


def test_later_prompts_with_the_same_message_are_released_until_a_success() -> None:
    """Other slots' renders and each probe; after a success they are charged again."""
    breaker = CircuitBreaker(probe_seconds=10.0)
    for prompt_id in (1, 2, 3):
        breaker.judge(prompt_id, SCRIPT, 0.0)
    assert breaker.judge(4, SCRIPT, 1.0) is Verdict.GIVE_BACK
    assert breaker.probe_at == 10.0
    breaker.claimed(5)
    assert breaker.judge(5, SCRIPT, 10.0) is Verdict.STOP
    assert set(breaker.suspects) == {3, 4, 5}
    breaker.claimed(6)
    breaker.succeeded(6)
    assert not breaker.is_open
    assert [breaker.judge(n, SCRIPT, 50.0) for n in (3, 4, 5)] == [Verdict.CHARGE] * 3
    assert not breaker.is_open


def test_resuming_the_queue_does_not_reset_the_breaker() -> None:
    """If nothing was fixed, no further prompt is charged."""
    breaker = CircuitBreaker()
    for prompt_id in (1, 2, 3):
        breaker.judge(prompt_id, SCRIPT, 0.0)
    breaker.close()
    assert breaker.judge(4, SCRIPT, 0.0) is Verdict.STOP


def test_missing_files_are_the_environments_fault_until_one_render_succeeded() -> None:
    """The first prompts of a kind prove nothing; later ones are compared like any failures."""
    breaker = CircuitBreaker()
    assert [breaker.judge(n, NOTHING, 0.0) for n in (1, 2, 3)] == [
        Verdict.GIVE_BACK,
        Verdict.GIVE_BACK,
        Verdict.STOP,
    ]
    breaker.succeeded(OTHER)
    assert [breaker.judge(n, NOTHING, 0.0) for n in (1, 2, 3, 4, 5, 6)] == [
        *[Verdict.CHARGE] * 5,
        Verdict.STOP,
    ]


def test_a_lone_prompt_without_files_is_tried_twice() -> None:
    """It is retried only when no other prompt is pending, since no other can tell more."""
    breaker = CircuitBreaker()
    assert breaker.judge(1, NOTHING, 0.0) is Verdict.GIVE_BACK
    assert breaker.judge(1, NOTHING, 0.0) is Verdict.STOP


def test_a_prompt_that_names_a_model_of_its_own_does_not_stop_the_others_for_ever() -> None:
    """Others are tried first; if one succeeds, the prompt is to blame."""
    breaker = CircuitBreaker()
    assert breaker.judge(1, MODEL, 0.0) is Verdict.STOP
    assert set(breaker.suspects) == {1}
    breaker.claimed(2)
    breaker.succeeded(2)
    assert breaker.judge(1, MODEL, 0.0) is Verdict.CHARGE
    assert breaker.judge(3, MODEL, 0.0) is Verdict.STOP


def test_a_failure_that_preflight_detects_is_never_charged_to_a_prompt() -> None:
    """A full disk or a missing volume: however often, no prompt is charged."""
    breaker = CircuitBreaker()
    for code in (FailureCode.DISK_FULL, FailureCode.SCRIPT_MISSING, FailureCode.GPU_UNAVAILABLE):
        assert breaker.judge(1, Failure(code, "m"), 0.0) is Verdict.STOP
        breaker.succeeded(OTHER)
        assert breaker.judge(1, Failure(code, "m"), 0.0) is Verdict.STOP
        breaker.succeeded(OTHER)


# ---------------------------------------------------------------------------- across restarts


def _past(events: list[object]) -> list[PastRender]:
    return [
        PastRender(Kind.IMAGE, event.prompt_id, event.failure)
        if isinstance(event, Failed)
        else PastRender(Kind.IMAGE, OTHER, None)
        for event in events
    ]


@given(HISTORIES, FAILURES)
def test_a_restart_changes_no_verdict(history: list[object], last: Failed) -> None:
    """A process that cron starts for each render fails no more prompts than a daemon."""
    assume(last.code is not FailureCode.INTERRUPTED)
    living = CircuitBreaker()
    for event in history:
        if isinstance(event, Failed):
            living.judge(event.prompt_id, event.failure, 0.0)
        else:
            living.succeeded(OTHER)
    restarted = CircuitBreaker()
    restarted.judge(7, MEMORY, 0.0)  # its memory is lost
    restarted.replay(_past(history), 0.0)
    assert restarted.suspects == living.suspects
    assert restarted.is_open == living.is_open
    verdicts = [each.judge(last.prompt_id, last.failure, 1.0) for each in (living, restarted)]
    assert verdicts[0] is verdicts[1]


# ------------------------------------------------------------------------------- signatures

VARYING = [
    st.integers(0, 10**12).map(str),
    st.floats(0, 1e9).map(lambda x: f"{x:.3f}"),
    st.integers(2**20, 2**48).map(hex),
    st.uuids().map(str),
    st.datetimes().map(lambda at: f"{at:%Y-%m-%d %H:%M:%S}"),
    st.datetimes().map(lambda at: f"{at:%a %b %d %H:%M:%S %Y}"),
    st.lists(st.integers(0, 4096), min_size=1, max_size=5).map(lambda n: ", ".join(map(str, n))),
    st.integers(1, 10**6).map(lambda n: f"/out/.staging/image_{n}_1/{n}"),
    st.text("abcdefghij0123456789_", min_size=8, max_size=8).map(lambda n: f"/tmp/tmp{n}"),  # noqa: S108
]
TEMPLATES = st.sampled_from(
    [
        "RuntimeError: shape ({}) is invalid for input of size {}",
        "CUDA error at {}: device-side assert triggered",
        "ValueError: {} is not in the cache of {} entries",
        "[{}] worker gave up",
    ]
)


@given(TEMPLATES, st.data())
def test_details_that_differ_between_renders_are_left_out(
    template: str, data: st.DataObject
) -> None:
    """Two values of one sort at the same position give the same signature."""
    sort = data.draw(st.sampled_from(VARYING))
    first, second = (template.format(data.draw(sort), data.draw(sort)) for _ in range(2))
    signatures = {
        signature(Failure(FailureCode.WORKFLOW_FAILED, "x.py ended with exit code 1", words=words))
        for words in (first, second)
    }
    assert len(signatures) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("KeyError: 'sigma'", "KeyError: 'vae'"),
        ("ValueError: bad latent", "TypeError: bad latent"),
        ("cannot open /models/a.safetensors", "cannot open /models/b.safetensors"),
    ],
)
def test_different_messages_have_different_signatures(first: str, second: str) -> None:
    """Otherwise three bad prompts would look like one broken environment."""
    code = FailureCode.WORKFLOW_FAILED
    assert signature(Failure(code, first)) != signature(Failure(code, second))


def test_a_counted_failure_has_the_signature_of_the_first() -> None:
    """The number of attempts was added by Media Generator."""
    code = FailureCode.WORKFLOW_KILLED
    assert signature(Failure(code, "killed (tried 3 times)")) == signature(Failure(code, "killed"))


@given(st.text(max_size=3000))
def test_any_text_has_a_signature(text: str) -> None:
    """Of limited length, and the same each time."""
    found = signature(Failure(FailureCode.WORKFLOW_FAILED, text))
    assert found == signature(Failure(FailureCode.WORKFLOW_FAILED, text))
    assert len(found) <= 1100


# -------------------------------------------------------------------- failures of the environment


@given(st.lists(st.integers(1, 50), min_size=3))
def test_no_prompt_is_charged_while_nothing_succeeds(prompt_ids: list[int]) -> None:
    """A broken environment costs no prompt: two are released, the third stops the queue."""
    breaker = CircuitBreaker()
    verdicts = [breaker.judge(prompt_id, MEMORY, 0.0) for prompt_id in prompt_ids]
    assert verdicts[:3] == [Verdict.GIVE_BACK, Verdict.GIVE_BACK, Verdict.STOP]
    assert Verdict.CHARGE not in verdicts


def test_a_prompt_that_fails_again_after_a_success_is_charged() -> None:
    """The environment worked for another prompt, so this one is at fault."""
    breaker = CircuitBreaker()
    assert breaker.judge(1, MEMORY, 0.0) is Verdict.GIVE_BACK
    assert set(breaker.suspects) == {1}
    breaker.succeeded(OTHER)
    assert set(breaker.suspects) == set()
    assert breaker.judge(2, MEMORY, 0.0) is Verdict.GIVE_BACK
    assert breaker.judge(1, MEMORY, 0.0) is Verdict.CHARGE
    assert set(breaker.suspects) == {2}


def test_a_success_clears_a_prompts_own_earlier_failures() -> None:
    """They were not its fault, and a later acceptance starts without them."""
    breaker = CircuitBreaker()
    breaker.judge(1, MEMORY, 0.0)
    breaker.succeeded(1)
    assert breaker.judge(1, MEMORY, 0.0) is Verdict.GIVE_BACK


def test_a_proof_from_before_the_failures_does_not_count() -> None:
    """Otherwise a broken environment would fail the prompts that were released once."""
    breaker = CircuitBreaker()
    breaker.judge(1, MEMORY, 0.0)
    breaker.succeeded(OTHER)
    for prompt_id in (2, 3, 4):
        breaker.judge(prompt_id, MEMORY, 0.0)
    assert breaker.is_open
    assert breaker.judge(1, MEMORY, 0.0) is Verdict.GIVE_BACK


def test_an_earlier_success_proves_nothing() -> None:
    """An earlier success proves nothing about the current failure."""
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
def test_a_failure_that_affects_every_prompt_stops_at_once(code: FailureCode) -> None:
    """Neither an earlier success nor a high threshold justifies a retry with a missing script."""
    breaker = CircuitBreaker(threshold=100)
    breaker.judge(1, MEMORY, 0.0)
    breaker.succeeded(OTHER)
    assert breaker.judge(1, Failure(code, "m"), 0.0) is Verdict.STOP


def probing(prompt_id: int, suspects: list[int]) -> CircuitBreaker:
    """A breaker opened on an earlier day, with its probe running."""
    breaker = CircuitBreaker(probe_seconds=10.0)
    breaker.probe(suspects, 0.0)
    assert breaker.may_claim(0.0)
    breaker.claimed(prompt_id)
    assert not breaker.may_claim(1e9)
    return breaker


def test_a_probe_that_fails_stops_the_queue_again_at_once() -> None:
    """One prompt is tried instead of three; those that opened the breaker go last."""
    breaker = probing(9, [7, 8])
    assert set(breaker.suspects) == {7, 8}
    assert breaker.judge(9, MEMORY, 0.0) is Verdict.STOP
    assert set(breaker.suspects) == {7, 8, 9}


def test_a_probe_that_succeeds_closes_it_and_proves_the_environment() -> None:
    """The prompts that opened the breaker are charged from now on; others have three tries."""
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
    """A bad script, a bad brief or a stop leaves the breaker open, and its next probe due."""
    breaker = probing(9, [7])
    if ends == "by a stop":
        breaker.release(9)
    else:
        assert breaker.judge(9, SCRIPT, 0.0) is Verdict.CHARGE
    assert breaker.is_open
    assert breaker.may_claim(0.0)


def test_each_probe_that_fails_doubles_the_wait_up_to_sixteen_times() -> None:
    """A machine that is broken overnight is not kept busy with probes."""
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


def test_a_render_started_before_it_opened_is_released_and_is_no_probe() -> None:
    """Other slots' renders fail for the same reason a little later: one stop is enough."""
    breaker = CircuitBreaker(threshold=1, probe_seconds=10.0)
    assert breaker.judge(1, MEMORY, 0.0) is Verdict.STOP
    assert breaker.judge(2, MEMORY, 5.0) is Verdict.GIVE_BACK
    assert breaker.probe_at == 10.0
    assert set(breaker.suspects) == {1, 2}


def test_one_refused_write_stops_the_queue_and_others_go_first() -> None:
    """A render is too expensive to try when the database refuses its result."""
    breaker = CircuitBreaker(probe_seconds=30.0)
    assert breaker.judge_refusal(1, REFUSED, 100.0) is Verdict.STOP
    assert set(breaker.suspects) == {1}
    assert not breaker.may_claim(129.0)
    assert breaker.may_claim(130.0)


def test_a_probe_that_is_refused_doubles_the_wait_and_stragglers_do_not() -> None:
    """A render started before it opened says nothing new."""
    breaker = CircuitBreaker(probe_seconds=30.0)
    breaker.judge_refusal(1, REFUSED, 0.0)
    for straggler in (2, 3):
        assert breaker.judge_refusal(straggler, REFUSED, 1.0) is Verdict.GIVE_BACK
    assert breaker.probe_at == 30.0
    breaker.claimed(4)
    assert breaker.judge_refusal(4, REFUSED, 31.0) is Verdict.STOP
    assert breaker.probe_at == 91.0
    assert set(breaker.suspects) == {1, 2, 3, 4}


def test_a_prompt_that_is_refused_again_after_a_success_is_charged() -> None:
    """The cause is then that prompt."""
    breaker = CircuitBreaker()
    breaker.judge_refusal(1, REFUSED, 0.0)
    breaker.claimed(2)
    breaker.succeeded(2)
    assert not breaker.is_open
    assert breaker.judge_refusal(1, REFUSED, 50.0) is Verdict.CHARGE
    assert breaker.judge_refusal(3, REFUSED, 51.0) is Verdict.STOP
