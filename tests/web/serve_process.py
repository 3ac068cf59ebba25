"""A sample installation with ``mediagen serve`` in a process of its own, on a free port."""

from __future__ import annotations

import json
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.command_line import MEDIAGEN
from tests.web.sample_installation import IDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.sample_installation import Ids, SampleInstallation


@dataclass(frozen=True, slots=True)
class Site:
    """A served sample installation.

    Attributes:
        url: the page's address, without a trailing slash.
        installation: the installation that it shows.
        ids: the ids of its prompts.
        tabs: closed before the server ends, since pages would report its end as an error.
    """

    url: str
    installation: SampleInstallation
    ids: Ids = IDS
    tabs: ExitStack = field(default_factory=ExitStack)


@contextmanager
def served(installation: SampleInstallation, *arguments: str) -> Iterator[Site]:
    """Serve an installation for the duration of the block; a traceback in the log fails it."""
    log = installation.folder / "serve.log"
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            [MEDIAGEN, "serve", "--port", "0", "--json", *arguments],
            cwd=installation.shell.home,
            env=installation.shell.variables(),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout
            announced = process.stdout.readline()
            assert announced, log.read_text("utf-8")
            site = Site(json.loads(announced)["url"], installation)
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
