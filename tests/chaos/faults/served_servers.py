"""Servers that die, fall silent, or lose connections."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.chaos.faults.fault import Fault
from tests.chaos.faults.served_workers import server_of
from tests.chaos.faults.steps import ON_THE_SERVER
from tests.chaos.launcher import start_worker
from tests.chaos.poets_service import add_prompt

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Action
    from tests.chaos.installation import Installation
    from tests.chaos.process import ChildProcess
    from tests.chaos.server import Server

_PATHS = ("", "/prompt", "/history", "/queue", "/view", "/system_stats")
_LONGEST_SILENCE = 6.0  # seconds; who asks waits for four


def served_server_faults() -> dict[str, Fault]:
    """Troubles of a server, with and without those of its worker."""
    named: dict[str, Action] = {
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
    faults = {name: Fault(action, served=True) for name, action in named.items()}
    faults["server: connections fail"] = Fault(_disturbed(worker_too=False), served=True, once=True)
    faults["server: connections fail, worker killed"] = Fault(
        _disturbed(worker_too=True), served=True, once=True
    )
    return faults


def _restarted(*, worker_too: bool) -> Action:
    """The server is killed at random moments, and is away for a moment or for longer."""

    def action(installation: Installation, rng: random.Random) -> int:
        server = server_of(installation)
        add_prompt(installation.database, "first slow")
        add_prompt(installation.database, "second")
        process, deaths = start_worker(installation), 0
        for _ in range(rng.choice((1, 2, 3))):
            time.sleep(rng.uniform(0.0, 0.5))
            deaths += server.kill()
            if worker_too and rng.random() < 1 / 2:
                deaths += _dead(process)
                process = start_worker(installation)
            time.sleep(rng.choice((0.0, rng.uniform(0.0, 2.0))))
            server.start()
        if worker_too:
            time.sleep(rng.uniform(0.0, 0.3))
            return deaths + _dead(process)
        return deaths + process.wait().killed

    return action


def _restarted_at(step: str) -> Action:
    """The server has lost all its jobs when its worker resumes, or when its successor starts."""

    def action(installation: Installation, rng: random.Random) -> int:
        server = server_of(installation)
        add_prompt(installation.database, "first slow")
        slept = start_worker(installation, step, stops=True)
        deaths = 0
        if slept.wait_for_stop():
            deaths += server.kill()
            server.start()
            if rng.random() < 1 / 2:
                slept.kill()
            slept.resume()
        return deaths + slept.wait().killed

    return action


def _half_dead(installation: Installation, rng: random.Random) -> int:
    """It answers and takes jobs, and works on nothing any more, or forgets one at once."""
    server = server_of(installation)
    if rng.random() < 1 / 2:
        server.fault("worker_death")
    else:
        server.change(lost_jobs=rng.choice((1, 2)))
    add_prompt(installation.database, "first slow")
    process = start_worker(installation)
    time.sleep(rng.uniform(0.2, 1.5))
    deaths = _dead(process) if rng.random() < 1 / 3 else 0
    deaths += server.kill()
    server.start()
    return deaths + process.wait().killed


def _silent(installation: Installation, rng: random.Random) -> int:
    """It accepts connections and answers none; then it continues, or is restarted."""
    server = server_of(installation)
    add_prompt(installation.database, "first slow")
    process = start_worker(installation)
    time.sleep(rng.uniform(0.0, 0.5))
    server.fall_silent()
    time.sleep(rng.uniform(0.1, _LONGEST_SILENCE))
    deaths = 0
    if rng.random() < 1 / 3:
        deaths += _dead(process)
    if rng.random() < 1 / 3:
        deaths += server.kill()
    server.repair()
    return deaths + process.wait().killed


def _on_its_way(installation: Installation, rng: random.Random) -> int:
    """The server has not read the request when its worker dies; its successor looks for the job."""
    server = server_of(installation)
    add_prompt(installation.database, "first slow")
    process = start_worker(installation, "api.submit:before", stops=True)
    if not process.wait_for_stop():
        return process.killed
    server.fall_silent()
    process.resume()
    time.sleep(rng.uniform(0.05, 0.3))
    deaths = _dead(process)
    successor = start_worker(installation)
    time.sleep(rng.choice((0.0, rng.uniform(0.0, 1.0))))
    server.repair()
    return deaths + successor.wait().killed


def _disturbed(*, worker_too: bool) -> Action:
    """Connections are refused, cut and answered with nonsense while some prompts are rendered."""

    def action(installation: Installation, rng: random.Random) -> int:
        server = server_of(installation)
        for number in range(3):
            add_prompt(
                installation.database, "first slow" if number == 0 else "next", song=number == 2
            )
        process, deaths = start_worker(installation), 0
        for _ in range(rng.choice((3, 6))):
            time.sleep(rng.uniform(0.0, 0.2))
            _disturb(server, rng)
            if worker_too and rng.random() < 1 / 4:
                deaths += _dead(process)
                process = start_worker(installation)
        return deaths + process.wait().killed

    return action


def _disturb(server: Server, rng: random.Random) -> None:
    few = rng.randint(1, 4)
    troubles: dict[str, object] = {
        "close_requests": few,
        "error_requests": few,
        "unanswered_prompts": few,
        "drop_after": few,
        "sockets": rng.choice(("silent", "refused", "open")),
    }
    name = rng.choice(list(troubles))
    server.change(trouble_path=rng.choice(_PATHS), **{name: troubles[name]})
    if rng.random() < 1 / 4:
        server.drop_sockets()


def _dead(process: ChildProcess) -> int:
    """Kill it if it lives; how many died."""
    if not process.has_ended():
        process.kill()
    return process.wait().killed
