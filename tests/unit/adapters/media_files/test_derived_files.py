"""Derived files are made once for all callers, and their cache has a maximum size."""

from __future__ import annotations

import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Lock
from typing import TYPE_CHECKING

import pytest

from adapters.media_files.derived_files import DerivedFileCache, SingleFlight
from application.ports.media_files import BusyError, InvalidMediaError

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3_600
PATIENCE = 60.0  # seconds, on a busy machine


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _total(folder: Path) -> int:
    return sum(path.stat().st_size for path in _files(folder))


def test_saved_files_are_found_again(tmp_path: Path) -> None:
    """Also by another object, and each variant separately."""
    folder = tmp_path / "state" / "copies"
    DerivedFileCache(folder, 1000).save("a", "320.webp", b"small")
    copies = DerivedFileCache(folder, 1000)
    assert copies.load("a", "320.webp") == b"small"
    assert copies.load("a", "160.webp") is None
    assert copies.load("b", "320.webp") is None


def test_only_the_owner_can_read_the_cache(tmp_path: Path) -> None:
    """Pictures of prompts are private on a shared machine."""
    folder = tmp_path / "copies"
    DerivedFileCache(folder, 1000).save("a", "320.webp", b"small")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_no_identity_leads_out_of_the_folder(tmp_path: Path) -> None:
    """File names consist of a digest only."""
    folder = tmp_path / "copies"
    copies = DerivedFileCache(folder, 1000)
    copies.save("../../../x", "320.webp", b"small")
    assert copies.load("../../../x", "320.webp") == b"small"
    assert [path.parent.parent for path in _files(tmp_path)] == [folder]


def test_the_least_recently_used_file_is_removed(tmp_path: Path) -> None:
    """A recently used file stays, even if it was made first."""
    copies = DerivedFileCache(tmp_path, 10_000)
    for number in range(10):
        copies.save(str(number), "320.webp", bytes(1000))
        (made,) = set(_files(tmp_path)) - set(_of(tmp_path, number))
        os.utime(made, (time.time() - 100 * HOUR + number,) * 2)
    assert copies.load("0", "320.webp") is not None
    copies.save("new", "320.webp", bytes(1000))
    kept = [number for number in range(10) if copies.load(str(number), "320.webp") is not None]
    assert kept == [0, 3, 4, 5, 6, 7, 8, 9]
    assert copies.load("new", "320.webp") is not None


def _of(folder: Path, younger: int) -> list[Path]:
    """The first files of a number, dated back."""
    old = sorted(_files(folder), key=lambda path: path.stat().st_mtime)
    return old[:younger]


def test_the_cache_never_exceeds_its_size(tmp_path: Path) -> None:
    """Files of an earlier run count too."""
    DerivedFileCache(tmp_path, 10**6).save("before", "320.webp", bytes(4000))
    copies = DerivedFileCache(tmp_path, 5000)
    for number in range(60):
        copies.save(str(number), "320.webp", bytes(number * 20))
        assert _total(tmp_path) <= 5000


def test_a_file_larger_than_the_cache_is_not_kept(tmp_path: Path) -> None:
    """The caller gets it, and it is removed at once."""
    copies = DerivedFileCache(tmp_path, 100)
    copies.save("a", "320.webp", bytes(200))
    assert copies.load("a", "320.webp") is None


def test_partial_files_are_removed(tmp_path: Path) -> None:
    """Those of dead processes; those that are being written stay."""
    copies = DerivedFileCache(tmp_path, 1000)
    copies.save("a", "320.webp", b"small")
    (shelf,) = tmp_path.iterdir()
    left, under_way = shelf / "x.1-0.part", shelf / "y.1-0.part"
    left.write_bytes(b"half")
    under_way.write_bytes(b"half")
    os.utime(left, (time.time() - 2 * HOUR,) * 2)
    DerivedFileCache(tmp_path, 1000).save("b", "320.webp", b"small")
    assert (left.exists(), under_way.exists()) == (False, True)


def test_a_full_disk_only_disables_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is raised, and no partial file stays."""
    copies = DerivedFileCache(tmp_path, 1000)

    def full(*_: object) -> None:
        raise OSError(28, "no room")

    monkeypatch.setattr("pathlib.Path.replace", full)
    copies.save("a", "320.webp", b"small")
    assert copies.load("a", "320.webp") is None
    assert _files(tmp_path) == []


def test_the_same_work_is_done_once_for_all() -> None:
    """Sixteen concurrent callers get the one result."""
    single_flight = SingleFlight(max_running=2, max_threads=16)
    begun, may_end = Event(), Event()
    times: list[int] = []

    def work() -> bytes:
        times.append(1)
        begun.set()
        assert may_end.wait(PATIENCE)
        return b"fruit"

    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(single_flight.run, "same", work) for _ in range(16)]
        assert begun.wait(PATIENCE)
        _until_full(single_flight)
        may_end.set()
        assert {each.result(PATIENCE) for each in asked} == {b"fruit"}
    assert len(times) == 1


def test_concurrent_work_is_limited() -> None:
    """Two places allow two jobs, however many are requested."""
    single_flight = SingleFlight(max_running=2, max_threads=16)
    lock, met = Lock(), Barrier(2)
    working = most = 0

    def work() -> None:
        nonlocal working, most
        with lock:
            working += 1
            most = max(most, working)
        met.wait(PATIENCE)  # no job ends before a second one has started
        with lock:
            working -= 1

    with ThreadPoolExecutor(16) as pool:
        for each in [pool.submit(single_flight.run, str(number), work) for number in range(16)]:
            each.result(PATIENCE)
    assert most == 2


def test_too_many_callers_are_refused_and_may_retry() -> None:
    """A caller with too many ahead of it is refused at once; later there is a place."""
    single_flight = SingleFlight(max_running=1, max_threads=2)
    may_end, begun = Event(), Event()

    def work() -> str:
        begun.set()
        assert may_end.wait(PATIENCE)
        return "done"

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(single_flight.run, "one", work)
        assert begun.wait(PATIENCE)
        second = pool.submit(single_flight.run, "one", work)
        _until_full(single_flight)
        with pytest.raises(BusyError):
            single_flight.run("one", work)
        may_end.set()
        assert (first.result(PATIENCE), second.result(PATIENCE)) == ("done", "done")
    assert single_flight.run("two", lambda: "later") == "later"


def test_failures_are_remembered_for_a_while() -> None:
    """The reason is repeated without another attempt, until the time is over."""
    now = [0.0]
    single_flight = SingleFlight(remember_seconds=600, monotonic=lambda: now[0])
    times: list[int] = []

    def work() -> None:
        times.append(1)
        raise InvalidMediaError("it is broken")

    for moment, tries in ((0.0, 1), (599.0, 1), (601.0, 2)):
        now[0] = moment
        with pytest.raises(InvalidMediaError, match="it is broken"):
            single_flight.run("bad", work)
        assert len(times) == tries


def test_other_failures_are_not_remembered() -> None:
    """A disk that failed once may work the next time."""
    single_flight = SingleFlight(max_threads=1)

    def fail() -> None:
        raise OSError(5, "no answer")

    with pytest.raises(OSError, match="no answer"):
        single_flight.run("file", fail)
    assert single_flight.run("file", lambda: "read") == "read"


def test_the_memory_of_failures_is_bounded() -> None:
    """The last thousand bad files are remembered."""
    single_flight = SingleFlight()
    for number in range(1100):
        with pytest.raises(InvalidMediaError):
            single_flight.run(str(number), _invalid)
    assert len(single_flight._invalid) == 1000  # noqa: SLF001
    assert single_flight.run("0", lambda: "tried again") == "tried again"


def _until_full(single_flight: SingleFlight) -> None:
    """Wait until all callers are there."""
    deadline = time.monotonic() + PATIENCE
    while single_flight._free_places:  # noqa: SLF001
        assert time.monotonic() < deadline
        time.sleep(0)  # leave them time to enter


def _invalid() -> None:
    raise InvalidMediaError("no")
