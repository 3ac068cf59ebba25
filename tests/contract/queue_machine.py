"""Everything that may happen to a queue, in any order, checked against a model of dictionaries."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from application.ports.prompt_repository import Selection
from tests.contract.queue_machine_model import Model
from tests.contract.queue_machine_others import OtherPrograms
from tests.contract.queue_machine_recovery import Recoverer
from tests.contract.queue_machine_rendering import MAX_ATTEMPTS, MAX_CRASHES, Renderer
from tests.contract.queue_machine_steps import Steps
from tests.contract.queue_machine_strategies import (
    ARRIVALS,
    CHANGES,
    DEATHS,
    MEDDLING,
    PROMPT_IDS,
    RACES,
    SECONDS,
    SELECTIONS,
    SLOTS,
    TIMES,
    VICTIMS,
    WAYS,
    WORK,
)
from tests.contract.queue_machine_worker import DeadError, Death, crew
from tests.contract.queue_machine_worlds import CONTENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.render import LiveRender
    from tests.contract.queue_machine_worlds import World


class QueueMachine(RuleBasedStateMachine):
    """The rules; a subclass supplies the world.

    Hypothesis leaves out whole rules in many of its runs, so there are few of them, and the
    first prompts always exist.
    """

    make_world: Callable[[], World]
    checks = 0  # of the whole database, over all examples

    def __init__(self) -> None:
        super().__init__()
        self.world = type(self).make_world()
        self.workers = crew(self.world, 3)
        self.model = Model()
        self.renderer = Renderer(self.world, self.model)
        self.others = OtherPrograms(self.world, self.model)
        self.recoverer = Recoverer(self.renderer, self.workers)
        self.steps = Steps(self.renderer, self.others, self.workers, self.check)

    def teardown(self) -> None:
        for worker in self.workers:
            worker.close()
        self.world.close()

    @initialize(arrivals=st.lists(ARRIVALS, min_size=2, max_size=5))
    def begin(self, arrivals: list[dict[str, Any]]) -> None:
        assert self.workers[0].session.controls.paused() is None
        self.world.add_row(77, "image/theirs/0.png")
        self.model.rows.append((77, "image/theirs/0.png"))
        for prompt_id, arrival in enumerate(arrivals, 1):
            self.others.arrive(prompt_id, arrival)

    @rule(
        meddling=MEDDLING,
        slot=SLOTS,
        prompt_ids=st.lists(PROMPT_IDS, min_size=1, max_size=4),
    )
    def others_act(self, meddling: dict[str, Any], slot: int, prompt_ids: list[int]) -> None:
        self.others.act(prompt_ids, **meddling, session=self.workers[slot].session)

    @rule(
        slot=SLOTS,
        selection=SELECTIONS,
        way=WAYS,
        death=DEATHS,
        dies_in=st.integers(0, 9),
        meddling=MEDDLING,
        meddles_in=st.integers(1, 7),
    )
    def render(
        self,
        slot: int,
        selection: Selection,
        way: tuple[str, ...],
        death: Death | None,
        dies_in: int,
        meddling: dict[str, Any],
        meddles_in: int,
    ) -> None:
        """Render one prompt, or the same prompt several times in a row."""
        claim = None
        for number, how in enumerate(way):
            if claim is not None and number == meddles_in:
                self.others.act([claim.prompt_id], **meddling, session=self.workers[slot].session)
            claim = self.steps.take(how, slot, 0, selection, death if number == dies_in else None)
            if claim is not None:
                selection = Selection(only=frozenset({claim.prompt_id}))

    @rule(steps=WORK, selection=SELECTIONS)
    def work(self, steps: list[tuple[str, int, int, Death | None]], selection: Selection) -> None:
        for how, slot, which, death in steps:
            self.steps.take(how, slot, which, selection, death)

    @rule(
        slot=SLOTS,
        victim=st.sampled_from(VICTIMS),
        places=st.booleans(),
        looks=st.sampled_from([0, 1, 4, 4]),
        beating=st.frozensets(SLOTS, max_size=1),
        race=st.sampled_from(RACES),
        change=st.sampled_from(CHANGES),
        publishes=st.booleans(),
        death=DEATHS,
    )
    def recover(
        self,
        slot: int,
        victim: str | None,
        looks: int,
        beating: frozenset[int],
        race: str | None,
        change: dict[str, Any] | None,
        death: Death | None,
        *,
        places: bool,
        publishes: bool,
    ) -> None:
        if victim:
            self.steps.begin_and_vanish((slot + 1) % 3, places=places, dies=victim == "dies")
        worker = self.workers[slot]
        awake = [self.workers[place] for place in beating]
        expired = self.recoverer.watch(worker, looks, awake)

        def before(render: LiveRender) -> None:
            if race == "its owner wakes up":
                self.recoverer.wake(render)
            elif race == "others act":
                self.others.write(render.prompt_id, change)

        with suppress(DeadError):
            self.recoverer.take_over(worker, expired, death, before, publishes=publishes)

    @rule(
        what=st.sampled_from([*TIMES, *TIMES, "sweep", "sweep", "reopen", "die"]),
        slot=SLOTS,
        seconds=SECONDS,
    )
    def meanwhile(self, what: str, slot: int, seconds: float) -> None:
        worker, clock = self.workers[slot], self.world.clock
        if what == "time":
            clock.advance(seconds)
        elif what == "due":
            due = self.model.next_retry_at(Selection(), clock.now())
            clock.advance((due - clock.now()).total_seconds() if due else 1.0)
        elif what == "sweep":
            self.recoverer.sweep(worker)
        elif what == "reopen":
            worker.close()
        elif what == "die":
            worker.die()
        else:
            clock.jump(seconds if what == "jump" else -seconds)

    # invariants

    @invariant()
    def the_database_agrees(self) -> None:
        type(self).checks += 1
        found = self.world.snapshot()
        assert found == self.model.snapshot(CONTENT)
        live = [render[1] for render in found.renders if render[9] is None]
        assert len(live) == len(set(live))

    @invariant()
    def what_was_promised_is_there(self) -> None:
        paths = [path for _, path in self.model.rows]
        assert len(paths) == len(set(paths))
        assert self.renderer.files.there.issuperset(paths[1:])
        assert all(times == 1 for times in self.model.published.values())
        for prompt_id in self.model.prompts:
            last = self.model.last(prompt_id)
            if last is not None:
                assert last.attempt <= MAX_ATTEMPTS
                assert last.crashes <= MAX_CRASHES  # the last of them left finished files
                published = self.model.published.get((prompt_id, last.acceptance), 0)
                assert published == (last.outcome == "published")

    @invariant()
    def what_waits_is_known(self) -> None:
        every, now = Selection(), self.world.clock.now()
        session = self.workers[0].session
        assert session.repository.count_pending(every) == len(self.model.pending(every))
        assert session.repository.next_retry_at(every) == self.model.next_retry_at(every, now)

    def check(self) -> None:
        """Check all invariants, also in the middle of a rule."""
        self.the_database_agrees()
        self.what_was_promised_is_there()
        self.what_waits_is_known()
