"""Work that is done once, by few at a time, for a crowd that has its limit."""

from __future__ import annotations

import time
from collections import OrderedDict
from concurrent.futures import Future
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Any, TypeVar, cast

from adapters.media_files.unfit import CrowdedError, UnfitMediaError

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")
_REMEMBERED = 1_000  # files of which nothing can be made


class Workshop:
    """Makes things that take long, in the threads of those who ask.

    Args:
        at_a_time: how many pieces of work are done at the same time.
        crowd: how many threads may work or wait in all, so that some are left to answer those
            who ask for something else.
        remember_seconds: for how long nobody tries again what cannot be made.
        monotonic: seconds of a clock that nobody sets.
    """

    def __init__(
        self,
        at_a_time: int = 2,
        crowd: int = 5,
        remember_seconds: float = 600.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = BoundedSemaphore(at_a_time)
        self._room = crowd
        self._remember_seconds = remember_seconds
        self._monotonic = monotonic
        self._lock = Lock()
        self._under_way: dict[str, Future[Any]] = {}
        self._unfit: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def make(self, key: str, work: Callable[[], _T]) -> _T:
        """What the work gives, be it done now or already under way in another thread.

        Args:
            key: names the piece of work.
            work: is to look first whether somebody has just done the same.

        Raises:
            UnfitMediaError: the work raised it, now or not long ago.
            CrowdedError: too many others are here.
        """
        leads, future = self._enter(key)
        try:
            if leads:
                self._lead(key, future, work)
            return cast("_T", future.result())
        finally:
            with self._lock:
                self._room += 1

    def _enter(self, key: str) -> tuple[bool, Future[Any]]:
        """Whether the work is this thread's to do, and where its fruit will be."""
        with self._lock:
            until, reason = self._unfit.get(key, (0.0, ""))
            if reason and self._monotonic() < until:
                raise UnfitMediaError(reason)
            if self._room <= 0:
                raise CrowdedError
            self._room -= 1
            if key in self._under_way:
                return False, self._under_way[key]
            future = self._under_way[key] = Future()
            return True, future

    def _lead(self, key: str, future: Future[Any], work: Callable[[], object]) -> None:
        try:
            with self._places:
                future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised again for all who wait
            if isinstance(error, UnfitMediaError):
                self._remember(key, str(error))
            future.set_exception(error)
        finally:
            with self._lock:
                del self._under_way[key]

    def _remember(self, key: str, reason: str) -> None:
        with self._lock:
            self._unfit[key] = self._monotonic() + self._remember_seconds, reason
            self._unfit.move_to_end(key)
            while len(self._unfit) > _REMEMBERED:
                self._unfit.popitem(last=False)
