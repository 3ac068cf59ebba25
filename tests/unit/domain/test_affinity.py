"""Choosing among pending prompts: the limits, and plain queue order without them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.affinity import (
    AffinityLimits,
    AffinityOrder,
    BusyServer,
    Fit,
    Need,
    RenderTimes,
    WaitingPrompt,
)
from domain.prompt import Kind

MODELS = st.sampled_from("abc")
PROMPTS = st.lists(st.tuples(MODELS, st.integers(4, 6)), max_size=24)
LIMITS = st.builds(AffinityLimits, st.integers(1, 4), st.integers(1, 12))
SECONDS = st.integers(1, 5)


def queue(prompts: list[tuple[str, int]]) -> list[tuple[int, str, int]]:
    """Prompts with ids in queue order: the most urgent first, then by age."""
    numbered = [(number, model, urgency) for number, (model, urgency) in enumerate(prompts)]
    return sorted(numbered, key=lambda prompt: (-prompt[2], prompt[0]))


def run(
    limits: AffinityLimits, prompts: list[tuple[str, int]], seconds: int
) -> list[tuple[int, list[int], int]]:
    """Every prompt taken by one server: its id, the ids that were passed over, and when."""
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
    """Both limits hold exactly, nothing is left out, and priority outranks the loaded model."""
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
    """The id of the chosen prompt, or None."""
    chosen = order.choose(waiting, now)
    return None if chosen is None else chosen.prompt_id


def test_prompts_for_two_models_are_taken_in_groups() -> None:
    """A prompt that is next anyway passes over no other, and does not count."""
    alternating = [("ab"[number % 2], 5) for number in range(16)]
    taken = [number for number, *_ in run(AffinityLimits(3, 100.0), alternating, 1)]
    assert [alternating[number][0] for number in taken] == list("aaaabbbbbbbaaaab")


def test_a_prompt_that_has_waited_too_long_is_taken_and_those_before_it() -> None:
    """In queue order."""
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


def test_the_memory_for_prompts_that_are_gone_is_bounded() -> None:
    """Other workers take prompts that this one passed over."""
    order = AffinityOrder(AffinityLimits(10**6, 10.0))
    for number in range(0, 10_000, 2):
        waiting = [
            WaitingPrompt(number, 5, Fit.POSSIBLE),
            WaitingPrompt(number + 1, 5, Fit.LOADED),
        ]
        order.taken(waiting, number + 1, float(number))
    assert len(order._passed_since) < 2_000  # noqa: SLF001 - that it does not grow is the point


def test_a_prompt_that_is_left_to_a_busy_server_is_not_taken() -> None:
    """Equally urgent prompts behind it are; it may be left for as long as it may be passed over."""
    order = AffinityOrder(AffinityLimits(10, 10.0))
    left = [WaitingPrompt(1, 5, Fit.LATER), WaitingPrompt(2, 5, Fit.LATER)]
    assert chosen_id(order, left, 0.0) is None
    order.left(left, 0.0)
    assert chosen_id(order, [*left, WaitingPrompt(3, 5, Fit.POSSIBLE)], 9.9) == 3
    assert chosen_id(order, [*left, WaitingPrompt(3, 4, Fit.LOADED)], 9.9) is None
    assert chosen_id(order, left, 9.9) is None
    assert chosen_id(order, left, 10.0) == 1
    assert chosen_id(order, [*left, WaitingPrompt(3, 5, Fit.LOADED)], 10.0) == 1


def test_after_most_prompts_in_a_row_only_the_first_one_counts() -> None:
    """It is left, rather than loaded for, since nothing passes it over in the meantime."""
    order = AffinityOrder(AffinityLimits(1, 10.0))
    waiting = [WaitingPrompt(1, 5, Fit.LATER), WaitingPrompt(2, 5, Fit.LOADED)]
    order.taken(waiting, 2, 0.0)
    waiting[1] = WaitingPrompt(3, 5, Fit.LOADED)
    assert chosen_id(order, waiting, 1.0) is None
    assert chosen_id(order, waiting, 10.0) == 1


def test_without_limits_no_prompt_is_left() -> None:
    """Whatever model another server has loaded."""
    order = AffinityOrder(AffinityLimits(0, 600.0))
    waiting = [WaitingPrompt(1, 5, Fit.LATER), WaitingPrompt(2, 5, Fit.LOADED)]
    order.left(waiting, 0.0)
    assert chosen_id(order, waiting, 0.0) == 1


@pytest.mark.parametrize(
    ("jobs", "ahead", "is_sooner"), [(1, 0, True), (1, 9, True), (1, 10, False), (2, 9, False)]
)
def test_a_busy_server_is_sooner_as_long_as_its_renders_take_less_than_a_load(
    jobs: int, ahead: int, *, is_sooner: bool
) -> None:
    """Its jobs, the prompts before this one, and this one: at 1 s each, against a load of 10 s."""
    assert BusyServer(jobs, 1, 0.0, 1.0).is_sooner(ahead, 10.0, 1.0) is is_sooner
    assert BusyServer(2 * jobs, 2, 0.0, 1.0).is_sooner(2 * ahead + 1, 10.0, 1.0) is is_sooner


@pytest.mark.parametrize("unknown", range(3))
def test_no_prompt_is_left_while_times_are_unknown(unknown: int) -> None:
    """Of either server."""
    load, here, there = (None if number == unknown else 1.0 for number in range(3))
    assert not BusyServer(1, 1, 0.0, there).is_sooner(0, load, here)


def test_no_prompt_is_left_to_a_server_that_does_not_keep_up() -> None:
    """It may hang: its job takes twice as long as a load and a render."""
    assert BusyServer(1, 1, 22.0, 1.0).is_sooner(0, 10.0, 1.0)
    assert not BusyServer(1, 1, 22.1, 1.0).is_sooner(0, 10.0, 1.0)


def test_times_are_medians_of_the_last_renders() -> None:
    """A load is the extra time of a render that loaded models, on the first server with figures."""
    times, need = RenderTimes(), Need(Kind.IMAGE, "", ("a",))
    assert times.render_seconds(need, "xy") is times.load_seconds(need, "xy") is None
    times.learn("x", need, 9.0, had_loaded=False)
    assert times.load_seconds(need, "xy") is None
    for seconds in (50.0, 60.0, 70.0, 2.0, 1.0, 9.0, 3.0, 2.0):
        times.learn("x", need, seconds, had_loaded=True)
    assert times.render_seconds(need, "yx") == 2.0
    assert times.load_seconds(need, "yx") == 7.0
    times.learn("x", need, 0.5, had_loaded=False)
    times.learn("x", need, 0.5, had_loaded=False)
    assert times.load_seconds(need, "x") == 0.0
    assert times.load_seconds(Need(Kind.IMAGE, "", ("b",)), "x") is None
    for number in range(2_000):
        times.learn("x", Need(Kind.IMAGE, str(number)), 1.0, had_loaded=True)
    assert len(times._loaded) <= 1_000  # noqa: SLF001 - that it does not grow is the point


@dataclass
class TwoServers:
    """Two servers that render prompts, with a clock of their own.

    Attributes:
        load: seconds that loading a model takes.
        render: seconds of a render on each server.
        loads: number of the models that each loaded.
        taken: the prompts in order.
        idle_calls: number of times that a free server took none.
    """

    limits: AffinityLimits
    load: int
    render: tuple[int, int]
    stuck: bool = False
    loads: Counter[int] = field(default_factory=Counter)
    taken: list[int] = field(default_factory=list)
    idle_calls: int = 0

    def run(self, prompts: list[tuple[str, int]]) -> int:  # noqa: C901 - one clock, two servers
        """Render all of them; returns the seconds needed."""
        order, waiting, now = AffinityOrder(self.limits), queue(prompts), 0
        loaded, until, since = ["", ""], [0, 0], [0, 0]
        first_passed: dict[int, int] = {}
        while waiting:
            for server in (0, 1):
                if until[server] > now or not waiting:
                    continue
                other = 1 - server
                works = until[other] > now or server == 0  # if not yet, it takes one right after
                jobs = int(until[other] > now)
                busy = BusyServer(jobs, 1, float(now - since[other]), float(self.render[other]))
                ahead = Counter[str]()
                shown = []
                for number, model, urgency in waiting:
                    fit = Fit.LOADED if loaded[server] == model else Fit.POSSIBLE
                    if fit is Fit.POSSIBLE and works and loaded[other] == model:
                        times = float(self.load), float(self.render[server])
                        fit = Fit.LATER if busy.is_sooner(ahead[model], *times) else fit
                    ahead[model] += 1
                    shown.append(WaitingPrompt(number, urgency, fit))
                chosen = order.choose(shown, now)
                assert order.choose(shown, now) == chosen
                overdue = [
                    prompt.prompt_id
                    for prompt in shown
                    if now - first_passed.get(prompt.prompt_id, now) >= self.limits.seconds
                ]
                place = len(shown) if chosen is None else shown.index(chosen)
                before = {prompt.prompt_id for prompt in shown[:place]}
                if self.limits.is_on:
                    most_urgent = {p.prompt_id for p in shown if p.urgency == shown[0].urgency}
                    assert not before & set(overdue) & most_urgent
                    assert chosen is None or chosen.prompt_id in most_urgent
                else:
                    assert not before
                if chosen is None:
                    self.idle_calls += 1
                    order.left(shown, now)
                    assert works  # otherwise no prompt would ever be taken
                    left = [p.prompt_id for p in shown if p.fit is Fit.LATER]
                else:
                    order.taken(shown, chosen.prompt_id, now)
                    left = list(before)
                    model = waiting.pop(place)[1]
                    self.taken.append(chosen.prompt_id)
                    seconds = self.render[server]
                    if loaded[server] != model:
                        seconds += self.load
                        self.loads[server] += 1
                    loaded[server], until[server], since[server] = model, now + seconds, now
                    if self.stuck and server == 1 and len(self.taken) > 3:
                        until[server] = 10**6
                for prompt_id in left:
                    first_passed.setdefault(prompt_id, now)
            now += 1
        return now


SPEEDS = st.tuples(st.integers(1, 4), st.integers(1, 4))


@given(limits=LIMITS, prompts=PROMPTS, load=st.integers(0, 9), speeds=SPEEDS, stuck=st.booleans())
def test_two_servers_leave_no_prompt_for_longer_than_the_limit(
    limits: AffinityLimits,
    prompts: list[tuple[str, int]],
    load: int,
    speeds: tuple[int, int],
    *,
    stuck: bool,
) -> None:
    """Each is taken once, even if one of the servers hangs; the same calls give the same order."""
    runs = [TwoServers(limits, load, speeds, stuck) for _ in range(2)]
    assert runs[0].run(prompts) == runs[1].run(prompts)
    assert sorted(runs[0].taken) == list(range(len(prompts)))
    assert runs[0].taken == runs[1].taken
    off = TwoServers(AffinityLimits(0, 600.0), load, speeds, stuck)
    off.run(prompts)
    assert off.taken == [number for number, *_ in queue(prompts)]


def test_each_of_two_servers_ends_up_with_one_model() -> None:
    """Neither loads the other's model for the last prompts: they would not be done sooner."""
    prompts = [*(("ab"[number % 2], 5) for number in range(30)), ("b", 5), ("b", 5)]
    servers = TwoServers(AffinityLimits(50, 600.0), 5, (2, 2))
    assert servers.run(prompts) <= 5 + 17 * 2
    assert servers.loads == {0: 1, 1: 1}
    assert servers.idle_calls > 0


def test_a_server_with_nothing_else_to_do_helps_where_that_is_sooner() -> None:
    """It takes the prompts that the other server would reach last."""
    prompts = [("a", 5), *(("b", 5) for _ in range(30))]
    servers = TwoServers(AffinityLimits(50, 600.0), 5, (2, 2))
    assert servers.run(prompts) <= 45
    assert servers.loads == {0: 2, 1: 1}


def test_times_that_were_kept_count_as_if_they_had_been_learnt() -> None:
    """The last renders count; those of this process are newer than what was kept."""
    need = Need(Kind.IMAGE, "a", ("a.safetensors",))
    before, after = RenderTimes(), RenderTimes()
    for seconds in (4.0, 4.0, 4.0):
        before.learn("s", need, seconds, had_loaded=False)
    before.learn("s", need, 1.0, had_loaded=True)
    after.learn("s", need, 3.0, had_loaded=True)
    after.recall(before.rows())
    assert after.load_seconds(need, ["s"]) == pytest.approx(2.0)
    assert after.render_seconds(need, ["s"]) == pytest.approx(2.0)
    for _ in range(5):
        after.learn("s", need, 5.0, had_loaded=True)
    assert after.render_seconds(need, ["s"]) == pytest.approx(5.0)
    assert RenderTimes().rows() == []
