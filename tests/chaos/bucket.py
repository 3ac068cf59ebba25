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
from tests.chaos.installation import Installation, make_installation
from tests.chaos.launcher import kill_remaining, start, start_worker, warm_up
from tests.chaos.poets_service import add_prompt, add_prompts, request_again, reset_rendering
from tests.chaos.process import ViolationError
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
class BucketInstallation(Installation):
    """An installation whose files are in a bucket; ``root`` is where they are copied."""

    @property
    def staging(self) -> Path:
        """Of the only database in the state folder; made if there is none yet."""
        folders = [*(self.folder / "state").glob("*/publication/.staging")]
        made = self.folder / "no-staging"
        made.mkdir(exist_ok=True)
        return folders[0] if folders else made


@dataclass(frozen=True, slots=True)
class OtherHost(BucketInstallation):
    """The same installation as another machine sees it: its state folder is its own."""

    @property
    def config(self) -> Path:
        """Its configuration file."""
        return self.folder / "other-config.json"


@dataclass(slots=True)
class BucketCampaign:
    """One installation, its bucket and its store."""

    installation: BucketInstallation
    bucket: TestBucket
    store: ServerProcess
    rng: random.Random

    def kill_at(self, step: str) -> int:
        """A worker dies at a step of a publication of one file, or of two."""
        self._write()
        return start_worker(self.installation, step).wait().killed

    def kill_recovery_at(self, step: str) -> int:
        """A worker dies with one or all files sent, and so do those that come after it."""
        self._write()
        dead_worker = self.rng.choice(("object_storage.create:after", "store.place:after"))
        deaths = int(start_worker(self.installation, dead_worker).wait().killed)
        turns = self.rng.choice((1, 2))
        return deaths + sum(
            start_worker(self.installation, step).wait().killed for _ in range(turns)
        )

    def take_back_at(self, step: str) -> int:
        """A prompt is changed by hand while its files are being published."""
        self._write()
        slept = start_worker(self.installation, step, stops=True)
        if not slept.wait_for_stop():
            return 0
        reset_rendering(self.installation.database)
        slept.resume()
        slept.wait()
        return 1

    def stop_store_at(self, step: str) -> int:
        """The store goes away in the middle of a publication: the worker gives back and stops."""
        self._write()
        slept = start_worker(self.installation, step, stops=True)
        if not slept.wait_for_stop():
            return 0
        word, back = self.rng.choice((("stop", "start"), ("refuse", "serve")))
        self.store.send(word)
        slept.resume()
        code = slept.wait().code
        again = start_worker(self.installation).wait().code
        self.store.send(back)
        if code not in {0, STOPPED} or again not in {0, STOPPED}:
            raise ViolationError(f"without a store, workers ended with {code} and {again}")
        return 1

    def kill_and_stop_store(self) -> int:
        """A worker dies with its files sent, and the one that comes after it finds no store."""
        self._write()
        deaths = int(start_worker(self.installation, "store.place:after").wait().killed)
        self.store.send("stop")
        code = start_worker(self.installation).wait().code
        self.store.send("start")
        if code not in {0, STOPPED}:
            raise ViolationError(f"without a store, a worker ended with {code}")
        return deaths

    def die_on_another_host(self) -> int:
        """A machine dies with its files sent, and another, which has no plan, renders again.

        The first one comes back later and deletes what it sent.
        """
        installation = self.installation
        other = OtherHost(
            installation.folder, installation.journal_mode, installation.root, installation.database
        )
        settings = json.loads(installation.config.read_text())
        settings["paths"]["state"] = str(installation.folder / "other-state")
        other.config.write_text(json.dumps(settings))
        self._write()
        step = self.rng.choice(("object_storage.create:after", "store.place:after"))
        deaths = int(start_worker(other, step).wait().killed)
        code = start_worker(installation, until_quiet=True).wait().code
        back = start_worker(other, until_quiet=True).wait().code
        if (code, back) != (0, 0):
            raise ViolationError(f"two hosts ended with {code} and {back}")
        return deaths

    def _write(self) -> None:
        add_prompt(self.installation.database, self.rng.choice(("first pair", "first")))

    def copy_bucket(self) -> None:
        """Put what is in the bucket where a folder would have it."""
        for shelf in ("image", "audio"):
            shutil.rmtree(self.installation.root / shelf, ignore_errors=True)
        for key, content in self.bucket.objects().items():
            file = self.installation.root / key
            file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(0o644)


def faults(campaign: BucketCampaign) -> dict[str, Callable[[], int]]:
    """Everything that can be done to it, by name."""
    named: dict[str, Callable[[], int]] = {}
    for step in _PUBLISHING:
        named[f"kill at {step}"] = lambda step=step: campaign.kill_at(step)  # type: ignore[misc]
    for step in _RECOVERING:
        named[f"kill recovery at {step}"] = lambda step=step: campaign.kill_recovery_at(step)  # type: ignore[misc]
    for step in ("files.write_plan:after", "object_storage.create:after", "store.place:after"):
        named[f"take back at {step}"] = lambda step=step: campaign.take_back_at(step)  # type: ignore[misc]
        named[f"stop the store at {step}"] = lambda step=step: campaign.stop_store_at(step)  # type: ignore[misc]
    named["kill, and stop the store"] = campaign.kill_and_stop_store
    named["die on another host"] = campaign.die_on_another_host
    return named


@contextmanager
def _run_fault(seed: int) -> Iterator[tuple[BucketCampaign, Checker]]:
    store = ServerProcess()
    try:
        with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
            usual = make_installation(Path(folder), "wal")
            installation = BucketInstallation(
                usual.folder, usual.journal_mode, usual.root, usual.database
            )
            shutil.rmtree(installation.root / ".staging")
            bucket = TestBucket(store)
            for file in installation.root.rglob("*"):
                if file.is_file():
                    bucket.put(str(file.relative_to(installation.root)), file.read_bytes())
            configuration = json.loads(installation.config.read_text())
            configuration["media"]["storage"] = bucket.section
            installation.config.write_text(json.dumps(configuration))
            rng = random.Random(seed)  # noqa: S311 (repeatable, not secret)
            yield BucketCampaign(installation, bucket, store, rng), Checker(installation)
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
    with _run_fault(options.seed) as (campaign, checker):
        named = [(n, action) for n, action in faults(campaign).items() if options.only in n]
        campaign.rng.shuffle(named)
        while cycles < options.cycles and time.monotonic() < deadline and not problems:
            name, action = named[cycles % len(named)]
            cycles += 1
            seed = campaign.rng.getrandbits(32)
            database = campaign.installation.database
            other = start(lambda: add_prompts(database, 3, seed, _MOODS))  # noqa: B023
            try:
                deaths += action()
                ends = [other.wait(), start_worker(campaign.installation, until_quiet=True).wait()]
                problems += [
                    f"an undisturbed process ended with {e.code}" for e in ends if e.failed
                ]
            except ViolationError as error:
                problems.append(repr(error))
            kill_remaining()
            campaign.copy_bucket()
            problems += checker.violations()
            if problems:
                sys.stderr.write(f"cycle {cycles}, {name}: {'; '.join(problems)}\n")
            elif campaign.rng.random() < 1 / 4:
                request_again(database)
    sys.stdout.write(f"{cycles} cycles, {deaths} kills or stops, {len(problems)} violations\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
