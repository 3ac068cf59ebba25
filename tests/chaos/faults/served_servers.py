"""Servers that die, fall silent, or lose connections."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.chaos.crew import worker
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.served_workers import server_of
from tests.chaos.faults.steps import ON_THE_SERVER
from tests.chaos.poet import write_one

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Deed
    from tests.chaos.hand import Hand
    from tests.chaos.place import Place
    from tests.chaos.server import Server

_PATHS = ("", "/prompt", "/history", "/queue", "/view", "/system_stats")
_LONGEST_SILENCE = 6.0  # seconds; who asks waits for four


def served_server_faults() -> dict[str, Fault]:
    """Troubles of a server, with and without those of its worker."""
    named: dict[str, Deed] = {
        "server killed and started again": _restarted(worker_too=False),
        "server and worker killed": _restarted(worker_too=True),
        "server half dead, started again": _half_dead,
        "server silent for a while": _silent,
        "server silent, worker killed with a job on its way": _on_its_way,
    }
    named |= {
        f"server started again while its worker sleeps at {step}": _restarted_at(step)
        for step in ON_THE_SERVER
    }
    faults = {name: Fault(deed, served=True) for name, deed in named.items()}
    faults["server: connections fail"] = Fault(_disturbed(worker_too=False), served=True, once=True)
    faults["server: connections fail, worker killed"] = Fault(
        _disturbed(worker_too=True), served=True, once=True
    )
    return faults


def _restarted(*, worker_too: bool) -> Deed:
    """The server dies at moments that nobody chose, and is away for a moment or for longer."""

    def deed(place: Place, chance: random.Random) -> int:
        server = server_of(place)
        write_one(place.database, "first slow")
        write_one(place.database, "second")
        hand, deaths = worker(place), 0
        for _ in range(chance.choice((1, 2, 3))):
            time.sleep(chance.uniform(0.0, 0.5))
            deaths += server.kill()
            if worker_too and chance.random() < 1 / 2:
                deaths += _dead(hand)
                hand = worker(place)
            time.sleep(chance.choice((0.0, chance.uniform(0.0, 2.0))))
            server.start()
        if worker_too:
            time.sleep(chance.uniform(0.0, 0.3))
            return deaths + _dead(hand)
        return deaths + hand.wait().killed

    return deed


def _restarted_at(step: str) -> Deed:
    """The server has forgotten everything when its worker wakes up, or when its heir comes."""

    def deed(place: Place, chance: random.Random) -> int:
        server = server_of(place)
        write_one(place.database, "first slow")
        slept = worker(place, step, stops=True)
        deaths = 0
        if slept.wait_for_stop():
            deaths += server.kill()
            server.start()
            if chance.random() < 1 / 2:
                slept.kill()
            slept.go_on()
        return deaths + slept.wait().killed

    return deed


def _half_dead(place: Place, chance: random.Random) -> int:
    """It answers and takes jobs, and works on nothing any more, or forgets one at once."""
    server = server_of(place)
    if chance.random() < 1 / 2:
        server.fault("worker_death")
    else:
        server.change(lost_jobs=chance.choice((1, 2)))
    write_one(place.database, "first slow")
    hand = worker(place)
    time.sleep(chance.uniform(0.2, 1.5))
    deaths = _dead(hand) if chance.random() < 1 / 3 else 0
    deaths += server.kill()
    server.start()
    return deaths + hand.wait().killed


def _silent(place: Place, chance: random.Random) -> int:
    """It takes connections and answers nobody; then it goes on, or is started anew."""
    server = server_of(place)
    write_one(place.database, "first slow")
    hand = worker(place)
    time.sleep(chance.uniform(0.0, 0.5))
    server.fall_silent()
    time.sleep(chance.uniform(0.1, _LONGEST_SILENCE))
    deaths = 0
    if chance.random() < 1 / 3:
        deaths += _dead(hand)
    if chance.random() < 1 / 3:
        deaths += server.kill()
    server.mend()
    return deaths + hand.wait().killed


def _on_its_way(place: Place, chance: random.Random) -> int:
    """The request lies unread at the server when its worker dies; its heir looks for the job."""
    server = server_of(place)
    write_one(place.database, "first slow")
    hand = worker(place, "api.submit:before", stops=True)
    if not hand.wait_for_stop():
        return hand.killed
    server.fall_silent()
    hand.go_on()
    time.sleep(chance.uniform(0.05, 0.3))
    deaths = _dead(hand)
    heir = worker(place)
    time.sleep(chance.choice((0.0, chance.uniform(0.0, 1.0))))
    server.mend()
    return deaths + heir.wait().killed


def _disturbed(*, worker_too: bool) -> Deed:
    """Connections are refused, cut and answered with nonsense while some prompts are rendered."""

    def deed(place: Place, chance: random.Random) -> int:
        server = server_of(place)
        for number in range(3):
            write_one(place.database, "first slow" if number == 0 else "next", song=number == 2)
        hand, deaths = worker(place), 0
        for _ in range(chance.choice((3, 6))):
            time.sleep(chance.uniform(0.0, 0.2))
            _disturb(server, chance)
            if worker_too and chance.random() < 1 / 4:
                deaths += _dead(hand)
                hand = worker(place)
        return deaths + hand.wait().killed

    return deed


def _disturb(server: Server, chance: random.Random) -> None:
    few = chance.randint(1, 4)
    troubles: dict[str, object] = {
        "close_requests": few,
        "error_requests": few,
        "unanswered_prompts": few,
        "drop_after": few,
        "sockets": chance.choice(("silent", "refused", "open")),
    }
    name = chance.choice(list(troubles))
    server.change(trouble_path=chance.choice(_PATHS), **{name: troubles[name]})
    if chance.random() < 1 / 4:
        server.drop_sockets()


def _dead(hand: Hand) -> int:
    """Kill it if it lives; how many died."""
    if not hand.has_ended():
        hand.kill()
    return hand.wait().killed
