"""The faults, each one cycle long. Every one gives the number of processes it killed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.chaos.crew import has_strace, killed_at_call, start, worker
from tests.chaos.poet import ask_again, hold_lock, take_back, write_one
from tests.chaos.traps import MIDDLE

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.chaos.place import Place

    Fault = Callable[[Place, random.Random], int]

_WAY = (
    "repository.claim_next:before",
    "repository.claim_next:after",
    "store.open_staging:after",
    "spawn.record:before",
    "spawn.record:after",
    MIDDLE,
    "store.prepare:before",
    "store.prepare:after",
    "files.write_plan:before",
    "files.write_plan:after",
    "files.move:before",
    "files.move:after",
    "store.place:after",
    "repository.publish_and_claim:before",
    "repository.publish_and_claim:after",
    "store.sweep:before",
    "files.remove_tree:after",
    "store.sweep:after",
)
_ABANDONING = (
    "leases.live:after",
    "processes.end_workflow:before",
    "processes.end_workflow:after",
    "store.finished:after",
    "leases.abandon:before",
    "leases.abandon:after",
    "leases.closed:after",
    "store.sweep:before",
    "files.remove_tree:after",
    "store.sweep:after",
)
_ADOPTING = (
    "store.finished:after",
    "leases.adopt:before",
    "leases.adopt:after",
    "repository.publish:before",
    "repository.publish:after",
    "leases.named:after",
    "store.sweep:before",
    "store.sweep:after",
)
_STOPPING = (
    "repository.claim_next:after",
    "spawn.record:before",
    "spawn.record:after",
    MIDDLE,
    "store.prepare:after",
    "files.write_plan:before",
    "files.move:before",
    "files.move:after",
    "repository.publish_and_claim:before",
    "repository.publish_and_claim:after",
)
_WITH_CHILDREN = "first slow grandchild runaway"
_TAKING_OVER = ("leases.adopt:after", "repository.publish:after", "store.sweep:before")


def kill_at(step: str) -> Fault:
    """A worker dies at a step of a prompt's way."""

    def fault(place: Place, chance: random.Random) -> int:
        write_one(place.database, _WITH_CHILDREN if step == MIDDLE else "first runaway")
        return worker(place, step).wait().killed

    return fault


def kill_recovery_at(corpse: str, step: str) -> Fault:
    """A worker dies at one step, and those that clear up after it die too, again and again."""

    def fault(place: Place, chance: random.Random) -> int:
        write_one(place.database, "first grandchild pair")
        deaths = int(worker(place, corpse).wait().killed)
        return deaths + sum(worker(place, step).wait().killed for _ in range(chance.choice((1, 3))))

    return fault


def kill_withdrawal(place: Place, chance: random.Random) -> int:
    """A worker whose files may not be published dies while it takes them back."""
    write_one(place.database, "first")
    slept = worker(place, "files.move:after", stops=True)
    if not slept.wait_for_stop():
        return 0
    step = chance.choice(("withdrawal.remove_tree:before", "withdrawal.remove_tree:after"))
    take_back(place.database)
    slept.kill()
    slept.wait()
    return 1 + sum(worker(place, step).wait().killed for _ in range(2))


def kill_any_time(place: Place, chance: random.Random) -> int:
    """Two workers die at moments that nobody chose."""
    write_one(place.database, "first slow")
    deaths = 0
    for _ in range(2):
        hand = worker(place)
        time.sleep(chance.uniform(0.0, 0.4))
        hand.kill()
        deaths += hand.wait().killed
    return deaths


def two_at_once(place: Place, chance: random.Random) -> int:
    """Two workers side by side; one of them dies, at a step or at any time."""
    write_one(place.database, "first slow")
    write_one(place.database, "second", song=True)
    one, other = worker(place), worker(place, chance.choice((*_WAY, *_ADOPTING)))
    time.sleep(chance.uniform(0.0, 0.3))
    if chance.random() < 1 / 2:
        one.kill()
    return one.wait().killed + other.wait().killed


def stop_at(step: str) -> Fault:
    """A worker sleeps past its lease at a step, another takes over, the first goes on."""

    def fault(place: Place, chance: random.Random) -> int:
        write_one(place.database, "first slow" if step == MIDDLE else "first pair")
        slept = worker(place, step, stops=True)
        if slept.wait_for_stop():
            worker(place, until_quiet=True).wait()
            slept.go_on()
        return slept.wait().killed

    return fault


def stop_and_kill_at(step: str) -> Fault:
    """As above, but who takes over dies at a step, before the sleeper goes on."""

    def fault(place: Place, chance: random.Random) -> int:
        write_one(place.database, "first pair")
        slept = worker(place, "files.move:after", stops=True)
        deaths = 0
        if slept.wait_for_stop():
            deaths += worker(place, step, until_quiet=True).wait().killed
            slept.go_on()
        return deaths + slept.wait().killed

    return fault


def stop_both(place: Place, chance: random.Random) -> int:
    """A worker sleeps before it publishes, its heir too; the first wakes up first."""
    write_one(place.database, "first pair")
    slept = worker(place, "repository.publish_and_claim:before", stops=True)
    if slept.wait_for_stop():
        heir = worker(place, "repository.publish:before", stops=True, until_quiet=True)
        heir.wait_for_stop()
        slept.go_on()
        slept.wait()
        if not heir.killed and heir.status is None:
            heir.go_on()
        heir.wait()
    return slept.wait().killed


def stop_recovery_at(step: str) -> Fault:
    """Who takes over from the dead sleeps at a step while a third one does the same."""

    def fault(place: Place, chance: random.Random) -> int:
        write_one(place.database, "first pair")
        deaths = int(worker(place, "files.move:after").wait().killed)
        slept = worker(place, step, stops=True)
        if slept.wait_for_stop():
            worker(place).wait()
            slept.go_on()
        return deaths + slept.wait().killed

    return fault


def stop_any_time(place: Place, chance: random.Random) -> int:
    """A worker sleeps at any time, another works beside it, and then the first dies or not."""
    write_one(place.database, "first slow pair")
    slept = worker(place)
    time.sleep(chance.uniform(0.0, 0.4))
    slept.stop()
    if slept.wait_for_stop():
        worker(place, until_quiet=True).wait()
        if chance.random() < 1 / 4:
            slept.kill()
        else:
            slept.go_on()
    return slept.wait().killed


def lock_held(place: Place, chance: random.Random) -> int:
    """Another program holds the write lock for a while; a worker dies meanwhile, or later."""
    write_one(place.database, "first")
    holder = start(lambda: hold_lock(place.database, chance.uniform(1.0, 3.0)))
    hand = worker(place, chance.choice(("", *_WAY)))
    holder.wait()
    return hand.wait().killed


def asked_anew(place: Place, chance: random.Random) -> int:
    """Ready prompts are wanted again while workers die."""
    write_one(place.database, "first")
    worker(place).wait()
    ask_again(place.database)
    return worker(place, chance.choice(_WAY)).wait().killed


def killed_by_call(place: Place, chance: random.Random) -> int:
    """A worker dies at its n-th system call that writes."""
    write_one(place.database, "first pair")
    write_one(place.database, "second", song=True)
    return int(killed_at_call(place, chance.randint(1, 12)))


def all_faults() -> dict[str, Fault]:
    """Every fault by name, in the order of a prompt's way."""
    named: dict[str, Fault] = {f"kill at {step}": kill_at(step) for step in _WAY}
    named |= {
        f"kill recovery (abandons) at {step}": kill_recovery_at("store.prepare:after", step)
        for step in _ABANDONING
    }
    named |= {
        f"kill recovery (adopts) at {step}": kill_recovery_at("files.move:after", step)
        for step in _ADOPTING
    }
    named |= {f"stop at {step}, taken over": stop_at(step) for step in _STOPPING}
    named |= {
        f"stop after rename, heir killed at {step}": stop_and_kill_at(step) for step in _TAKING_OVER
    }
    named["stop before publishing, heir stopped too"] = stop_both
    named |= {f"stop recovery at {step}": stop_recovery_at(step) for step in _ADOPTING}
    named["kill while files are taken back"] = kill_withdrawal
    named["kill at random times"] = kill_any_time
    named["stop at random times"] = stop_any_time
    named["two workers at once"] = two_at_once
    named["write lock held by another program"] = lock_held
    named["asked for anew"] = asked_anew
    if has_strace():
        named["kill at a system call that writes"] = killed_by_call
    return named
