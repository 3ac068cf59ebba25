"""Workers that publish in a bucket, and die, or meet a store that stops.

    python -m tests.chaos.bucket --cycles 60 --seconds 600 --seed 1

What is examined afterwards is a copy of the bucket in a folder, in the same way as a real one.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.checker import Checker
from tests.chaos.crew import dismiss, start, warm_up, worker
from tests.chaos.hand import FoundError
from tests.chaos.place import Place, make_place
from tests.chaos.poet import ask_again, take_back, write_many, write_one
from tests.chaos.worker import STOPPED
from tests.object_store.server import ServerProcess, TestBucket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOODS = ("", "", "slow", "pair", "pair", "fails")
_PUBLISHING = (
    "store.prepare:after",
    "files.write_plan:before",
    "files.write_plan:after",
    "object_storage.create:before",
    "object_storage.create:after",
    "store.place:after",
    "repository.publish_and_claim:before",
    "repository.publish_and_claim:after",
    "store.sweep:before",
    "files.delete_tree:after",
    "store.sweep:after",
)
_RECOVERING = (
    "object_storage.stat:before",
    "object_storage.stat:after",
    "store.finished:after",
    "leases.adopt:after",
    "repository.publish:before",
    "repository.publish:after",
    "leases.abandon:after",
    "store.sweep:before",
    "object_storage.delete:before",
    "object_storage.delete:after",
    "store.sweep:after",
)


@dataclass(frozen=True, slots=True)
class BucketPlace(Place):
    """An installation whose files are in a bucket; ``root`` is where they are copied."""

    @property
    def staging(self) -> Path:
        """Of the only database in the state folder; made if there is none yet."""
        folders = [*(self.folder / "state").glob("*/publication/.staging")]
        made = self.folder / "no-staging"
        made.mkdir(exist_ok=True)
        return folders[0] if folders else made


@dataclass(frozen=True, slots=True)
class OtherHost(BucketPlace):
    """The same installation as another machine sees it: its state folder is its own."""

    @property
    def config(self) -> Path:
        """Its configuration file."""
        return self.folder / "other-config.json"


@dataclass(slots=True)
class Torment:
    """One installation, its bucket and its store."""

    place: BucketPlace
    bucket: TestBucket
    store: ServerProcess
    chance: random.Random

    def kill_at(self, step: str) -> int:
        """A worker dies at a step of a publication of one file, or of two."""
        self._write()
        return worker(self.place, step).wait().killed

    def kill_recovery_at(self, step: str) -> int:
        """A worker dies with one or all files sent, and so do those that come after it."""
        self._write()
        corpse = self.chance.choice(("object_storage.create:after", "store.place:after"))
        deaths = int(worker(self.place, corpse).wait().killed)
        turns = self.chance.choice((1, 2))
        return deaths + sum(worker(self.place, step).wait().killed for _ in range(turns))

    def take_back_at(self, step: str) -> int:
        """A prompt is changed by hand while its files are being published."""
        self._write()
        slept = worker(self.place, step, stops=True)
        if not slept.wait_for_stop():
            return 0
        take_back(self.place.database)
        slept.go_on()
        slept.wait()
        return 1

    def stop_store_at(self, step: str) -> int:
        """The store goes away in the middle of a publication: the worker gives back and stops."""
        self._write()
        slept = worker(self.place, step, stops=True)
        if not slept.wait_for_stop():
            return 0
        word, back = self.chance.choice((("stop", "start"), ("refuse", "serve")))
        self.store.tell(word)
        slept.go_on()
        code = slept.wait().code
        again = worker(self.place).wait().code
        self.store.tell(back)
        if code not in {0, STOPPED} or again not in {0, STOPPED}:
            raise FoundError(f"without a store, workers ended with {code} and {again}")
        return 1

    def kill_and_stop_store(self) -> int:
        """A worker dies with its files sent, and the one that comes after it finds no store."""
        self._write()
        deaths = int(worker(self.place, "store.place:after").wait().killed)
        self.store.tell("stop")
        code = worker(self.place).wait().code
        self.store.tell("start")
        if code not in {0, STOPPED}:
            raise FoundError(f"without a store, a worker ended with {code}")
        return deaths

    def die_on_another_host(self) -> int:
        """A machine dies with its files sent, and another, which has no plan, renders again.

        The first one comes back later and deletes what it sent.
        """
        place = self.place
        other = OtherHost(place.folder, place.journal_mode, place.root, place.database)
        settings = json.loads(place.config.read_text())
        settings["paths"]["state"] = str(place.folder / "other-state")
        other.config.write_text(json.dumps(settings))
        self._write()
        step = self.chance.choice(("object_storage.create:after", "store.place:after"))
        deaths = int(worker(other, step).wait().killed)
        code = worker(place, until_quiet=True).wait().code
        back = worker(other, until_quiet=True).wait().code
        if (code, back) != (0, 0):
            raise FoundError(f"two hosts ended with {code} and {back}")
        return deaths

    def _write(self) -> None:
        write_one(self.place.database, self.chance.choice(("first pair", "first")))

    def copy_bucket(self) -> None:
        """Put what is in the bucket where a folder would have it."""
        for shelf in ("image", "audio"):
            shutil.rmtree(self.place.root / shelf, ignore_errors=True)
        for key, content in self.bucket.objects().items():
            file = self.place.root / key
            file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(0o644)


def faults(torment: Torment) -> dict[str, Callable[[], int]]:
    """Everything that can be done to it, by name."""
    named: dict[str, Callable[[], int]] = {}
    for step in _PUBLISHING:
        named[f"kill at {step}"] = lambda step=step: torment.kill_at(step)  # type: ignore[misc]
    for step in _RECOVERING:
        named[f"kill recovery at {step}"] = lambda step=step: torment.kill_recovery_at(step)  # type: ignore[misc]
    for step in ("files.write_plan:after", "object_storage.create:after", "store.place:after"):
        named[f"take back at {step}"] = lambda step=step: torment.take_back_at(step)  # type: ignore[misc]
        named[f"stop the store at {step}"] = lambda step=step: torment.stop_store_at(step)  # type: ignore[misc]
    named["kill, and stop the store"] = torment.kill_and_stop_store
    named["die on another host"] = torment.die_on_another_host
    return named


@contextmanager
def _torment(seed: int) -> Iterator[tuple[Torment, Checker]]:
    store = ServerProcess()
    try:
        with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
            usual = make_place(Path(folder), "wal")
            place = BucketPlace(usual.folder, usual.journal_mode, usual.root, usual.database)
            shutil.rmtree(place.root / ".staging")
            bucket = TestBucket(store)
            for file in place.root.rglob("*"):
                if file.is_file():
                    bucket.put(str(file.relative_to(place.root)), file.read_bytes())
            configuration = json.loads(place.config.read_text())
            configuration["media"]["storage"] = bucket.section
            place.config.write_text(json.dumps(configuration))
            chance = random.Random(seed)  # noqa: S311 (repeatable, not secret)
            yield Torment(place, bucket, store, chance), Checker(place)
    finally:
        store.end()


def main() -> int:
    """Run the campaign; gives 1 when something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.bucket")
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="faults whose names hold this text")
    options = parser.parse_args()
    warm_up()
    deadline = time.monotonic() + options.seconds
    cycles = deaths = 0
    problems: list[str] = []
    with _torment(options.seed) as (torment, checker):
        named = [(n, deed) for n, deed in faults(torment).items() if options.only in n]
        torment.chance.shuffle(named)
        while cycles < options.cycles and time.monotonic() < deadline and not problems:
            name, deed = named[cycles % len(named)]
            cycles += 1
            seed = torment.chance.getrandbits(32)
            database = torment.place.database
            other = start(lambda: write_many(database, 3, seed, _MOODS))  # noqa: B023
            try:
                deaths += deed()
                ends = [other.wait(), worker(torment.place, until_quiet=True).wait()]
                problems += [
                    f"an undisturbed process ended with {e.code}" for e in ends if e.failed
                ]
            except FoundError as error:
                problems.append(repr(error))
            dismiss()
            torment.copy_bucket()
            problems += checker.violations()
            if problems:
                sys.stderr.write(f"cycle {cycles}, {name}: {'; '.join(problems)}\n")
            elif torment.chance.random() < 1 / 4:
                ask_again(database)
    sys.stdout.write(f"{cycles} cycles, {deaths} kills or stops, {len(problems)} violations\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
