"""The choice among waiting prompts: its bounds, and the order of the queue where it is off."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.affinity import AffinityLimits, AffinityOrder, Fit, WaitingPrompt

MODELS = st.sampled_from("abc")
PROMPTS = st.lists(st.tuples(MODELS, st.integers(4, 6)), max_size=24)
LIMITS = st.builds(AffinityLimits, st.integers(1, 4), st.integers(1, 12))
SECONDS = st.integers(1, 5)


def queue(prompts: list[tuple[str, int]]) -> list[tuple[int, str, int]]:
    """Prompts with ids in the order of the queue: the most urgent first, then by age."""
    numbered = [(number, model, urgency) for number, (model, urgency) in enumerate(prompts)]
    return sorted(numbered, key=lambda prompt: (-prompt[2], prompt[0]))


def run(
    limits: AffinityLimits, prompts: list[tuple[str, int]], seconds: int
) -> list[tuple[int, list[int], int]]:
    """Every prompt taken by one server: its id, the ids that it passed, and when."""
    order, waiting, loaded, now = AffinityOrder(limits), queue(prompts), "", 0
    taken: list[tuple[int, list[int], int]] = []
    while waiting:
        shown = [
            WaitingPrompt(number, urgency, Fit.LOADED if model == loaded else Fit.POSSIBLE)
            for number, model, urgency in waiting
        ]
        chosen = order.choose(shown, now)
        assert chosen is not None
        assert order.choose(shown, now) == chosen
        order.taken(shown, chosen.prompt_id, now)
        place = shown.index(chosen)
        passed = [prompt.prompt_id for prompt in shown[:place]]
        assert all(prompt.urgency == chosen.urgency for prompt in shown[:place])
        taken.append((chosen.prompt_id, passed, now))
        loaded = waiting.pop(place)[1]
        now += seconds
    return taken


@given(prompts=PROMPTS, seconds=SECONDS)
def test_without_limits_the_order_is_that_of_the_queue(
    prompts: list[tuple[str, int]], seconds: int
) -> None:
    """The most urgent first, then the oldest, whatever is loaded."""
    for limits in (AffinityLimits(), AffinityLimits(3, 0.0), AffinityLimits(0, 60.0)):
        taken = [number for number, *_ in run(limits, prompts, seconds)]
        assert taken == [number for number, *_ in queue(prompts)]


@given(limits=LIMITS, prompts=PROMPTS, seconds=SECONDS)
def test_no_prompt_is_passed_too_often_or_for_too_long(
    limits: AffinityLimits, prompts: list[tuple[str, int]], seconds: int
) -> None:
    """Both bounds hold exactly, nothing is left out, and priority outranks what is loaded."""
    taken = run(limits, prompts, seconds)
    assert sorted(number for number, *_ in taken) == list(range(len(prompts)))
    in_a_row, passed_first = 0, dict[int, int]()
    for _, passed, now in taken:
        in_a_row = in_a_row + 1 if passed else 0
        assert in_a_row <= limits.most
        for prompt_id in passed:
            assert now - passed_first.setdefault(prompt_id, now) < limits.seconds


@given(limits=LIMITS, prompts=PROMPTS, seconds=SECONDS)
def test_the_choice_is_deterministic(
    limits: AffinityLimits, prompts: list[tuple[str, int]], seconds: int
) -> None:
    """The same queue and the same times give the same order."""
    assert run(limits, prompts, seconds) == run(limits, prompts, seconds)


def chosen_id(order: AffinityOrder, waiting: list[WaitingPrompt], now: float) -> int | None:
    """The prompt that is chosen, or None."""
    chosen = order.choose(waiting, now)
    return None if chosen is None else chosen.prompt_id


def test_prompts_for_two_models_are_taken_in_groups() -> None:
    """A prompt that comes next anyway passes no other, and does not count."""
    alternating = [("ab"[number % 2], 5) for number in range(16)]
    taken = [number for number, *_ in run(AffinityLimits(3, 100.0), alternating, 1)]
    assert [alternating[number][0] for number in taken] == list("aaaabbbbbbbaaaab")


def test_a_prompt_that_has_waited_too_long_is_taken_and_those_before_it() -> None:
    """In the order of the queue."""
    order = AffinityOrder(AffinityLimits(100, 10.0))
    waiting = [
        WaitingPrompt(1, 5, Fit.POSSIBLE),
        WaitingPrompt(2, 5, Fit.POSSIBLE),
        WaitingPrompt(3, 5, Fit.LOADED),
    ]
    order.taken(waiting, 3, 0.0)
    waiting[2] = WaitingPrompt(4, 5, Fit.LOADED)
    assert chosen_id(order, waiting, 9.9) == 4
    assert chosen_id(order, waiting, 10.0) == 1


def test_a_prompt_that_no_free_server_can_render_does_not_hold_up_the_others() -> None:
    """Not even one that is more urgent."""
    order = AffinityOrder()
    waiting = [WaitingPrompt(1, 9, Fit.IMPOSSIBLE), WaitingPrompt(2, 5, Fit.POSSIBLE)]
    assert chosen_id(order, waiting, 0.0) == 2
    assert chosen_id(order, waiting[:1], 0.0) is None


def test_what_is_remembered_of_prompts_that_are_gone_is_bounded() -> None:
    """Other workers take prompts that this one passed."""
    order = AffinityOrder(AffinityLimits(10**6, 10.0))
    for number in range(0, 10_000, 2):
        waiting = [
            WaitingPrompt(number, 5, Fit.POSSIBLE),
            WaitingPrompt(number + 1, 5, Fit.LOADED),
        ]
        order.taken(waiting, number + 1, float(number))
    assert len(order._passed_since) < 2_000  # noqa: SLF001 - that it does not grow is the point
