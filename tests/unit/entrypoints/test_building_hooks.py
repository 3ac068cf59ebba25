"""The parts that tell hooks, as the container builds them from a file."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from adapters.memory.events import EventRecorder
from application.ports.notices import NoticeCounts
from application.ports.prompt_repository import Selection
from application.stopping import StopRequest
from domain.failure import Failure, FailureCode
from entrypoints.container import Container
from tests.databases import Poet
from tests.fresh_databases import fresh_database
from tests.settings_places import make_place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Build = Callable[..., Container]

FAILURE = Failure(FailureCode.WORKER_LOST, "the program died ten times")


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Makes containers over a database with one prompt, with these hooks."""
    place = make_place(tmp_path)
    poet = Poet(fresh_database(tmp_path / "musings.db", "wide"))
    poet.write("{}")

    def with_hooks(**hooks: object) -> Container:
        settings = {
            "database": {"path": str(poet.path)},
            "comfyui": {"python": sys.executable, "comfyui_directory": str(tmp_path)},
            "hooks": hooks,
        }
        return Container(settings=place.load(settings), events=EventRecorder())

    return with_hooks


@pytest.mark.parametrize("by", ["repository", "leases"])
def test_both_who_end_prompts_write_notices_and_the_notifier_delivers_them(
    build: Build, tmp_path: Path, by: str
) -> None:
    """From the file to the program that is run."""
    told = tmp_path / "told"
    container = build(error={"command": ["/bin/sh", "-c", f"cat > '{told}'"]})
    with (
        closing(container.connection()),
        closing(container.lease_connection()),
        closing(container.notice_connection()),
    ):
        claim = container.repository().claim_next(Selection())
        assert claim is not None
        if by == "repository":
            assert container.repository().fail(claim, FAILURE, 1.0)
        else:
            [live] = container.leases().live()
            assert container.leases().abandon(live, FAILURE)
        assert container.notifier().counts() == NoticeCounts(1, 0)
        container.notifier().tick(StopRequest())
        assert container.notifier().counts() == NoticeCounts(0, 0)
    assert '"code":"worker_lost"' in told.read_text()


def test_without_hooks_the_database_is_not_opened_for_them(build: Build) -> None:
    """The notifier is there, and has nothing to do."""
    container = build()
    assert not container.notifier().has_hooks
    assert container.notifier().counts() == NoticeCounts(0, 0)
