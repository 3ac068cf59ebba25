"""A place with ``mediagen serve`` before it: a process of its own, on a port that was free."""

from __future__ import annotations

import json
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.command_line import MEDIAGEN
from tests.web.furnishing import IDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.furnishing import Ids, Place


@dataclass(frozen=True, slots=True)
class Site:
    """What a person has before them.

    Attributes:
        url: where the page is, without a slash at its end.
        place: what it shows.
        ids: of its prompts.
        tabs: what is closed before the server ends: a page would complain that it is gone.
    """

    url: str
    place: Place
    ids: Ids = IDS
    tabs: ExitStack = field(default_factory=ExitStack)


@contextmanager
def served(place: Place, *arguments: str) -> Iterator[Site]:
    """Serve a place for as long as the block lasts; a traceback in the log fails it."""
    log = place.folder / "serve.log"
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            [MEDIAGEN, "serve", "--port", "0", "--json", *arguments],
            cwd=place.shell.home,
            env=place.shell.variables(),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout
            announced = process.stdout.readline()
            assert announced, log.read_text("utf-8")
            site = Site(json.loads(announced)["url"], place)
            with site.tabs:
                yield site
        finally:
            process.terminate()
            try:
                process.wait(30)
            finally:
                process.kill()
    said = log.read_text("utf-8")
    assert process.returncode == 0, said
    assert "Traceback" not in said, said
