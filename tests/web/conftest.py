"""A furnished place with the real server before it, and the system's Chromium to look at it.

``page`` is a tab at the site that all tests share and nobody may change; ``fresh_page`` one at a
site of the test's own. ``open_page`` gives further tabs, at any site, in any size or colours.
"""

from __future__ import annotations

import fcntl
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from playwright.sync_api import expect

from tests.web.chromium import PATIENCE, chromium
from tests.web.furnishing import Place, furnish
from tests.web.needing import needed_chromium
from tests.web.serving import served
from tests.web.watching import watch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.web.serving import Site


class OpenPage(Protocol):
    def __call__(self, site: Site, path: str = "/", **options: Any) -> Page:  # noqa: ANN401
        """A tab that shows a path of a site; options are those of a browser's context."""
        ...


# Not for the whole session: while a browser is there, this thread counts as one with a running
# event loop, which other tests may not expect.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    program = needed_chromium()
    expect.set_options(timeout=PATIENCE)
    with chromium(program) as started:
        yield started


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Place:
    """The place that the others are copies of: rendered once, whatever number of processes."""
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    place = Place(shared / "furnished")
    done = shared / "furnished.done"
    with (shared / "furnished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            furnish(place)
            done.touch()
    return place


@pytest.fixture(scope="package")
def site(furnished: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site to look at; what changes it wants ``fresh_site``."""
    place = furnished.copied(tmp_path_factory.mktemp("site"))
    with served(place) as serving:
        yield serving


@pytest.fixture
def fresh_site(furnished: Place, tmp_path: Path) -> Iterator[Site]:
    """A site of the test's own."""
    with served(furnished.copied(tmp_path)) as serving:
        yield serving


@pytest.fixture
def troubles() -> Iterator[list[str]]:
    """What went wrong in the test's pages, and must be nothing in the end.

    A test that wants something to go wrong takes it out.
    """
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def open_page(browser: Browser, troubles: list[str]) -> Iterator[OpenPage]:
    """Opens tabs that are watched, each in a context of its own."""
    with ExitStack() as opened:

        def opening(site: Site, path: str = "/", **options: Any) -> Page:  # noqa: ANN401
            context = browser.new_context(base_url=site.url, **options)
            opened.callback(context.close)  # a second time does nothing
            site.tabs.callback(context.close)
            context.set_default_timeout(PATIENCE)
            watch(context, site.url, troubles)
            page = context.new_page()
            page.goto(path)
            return page

        yield opening


@pytest.fixture
def page(open_page: OpenPage, site: Site) -> Page:
    """A tab at the site that all tests share, on Browse."""
    return open_page(site)


@pytest.fixture
def fresh_page(open_page: OpenPage, fresh_site: Site) -> Page:
    """A tab at a site of the test's own, on Browse."""
    return open_page(fresh_site)
