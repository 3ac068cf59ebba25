"""Fixtures: a sample installation with a real server, and the system's Chromium.

``page`` is a tab at the site that all tests share and may not change; ``fresh_page`` one at a site
of the test's own. ``open_page`` opens further tabs, at any site, in any size or colours.
"""

from __future__ import annotations

import fcntl
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from playwright.sync_api import expect

from tests.web.availability import needed_chromium
from tests.web.chromium import PATIENCE, chromium
from tests.web.page_errors import record_errors
from tests.web.sample_installation import SampleInstallation, populate
from tests.web.serve_process import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.web.serve_process import Site


class OpenPage(Protocol):
    def __call__(self, site: Site, path: str = "/", **options: Any) -> Page:  # noqa: ANN401
        """Open a tab with a path of a site; options are those of a browser's context."""
        ...


# Not for the whole session: while a browser is open, this thread counts as one with a running
# event loop, which other tests may not expect.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    program = needed_chromium()
    expect.set_options(timeout=PATIENCE)
    with chromium(program) as started:
        yield started


@pytest.fixture(scope="session")
def populated(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> SampleInstallation:
    """The installation that the others are copied from: rendered once for all processes."""
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    installation = SampleInstallation(shared / "furnished")
    done = shared / "furnished.done"
    with (shared / "furnished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            populate(installation)
            done.touch()
    return installation


@pytest.fixture(scope="package")
def site(populated: SampleInstallation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site to read; tests that change something use ``fresh_site``."""
    installation = populated.copied(tmp_path_factory.mktemp("site"))
    with served(installation) as serving:
        yield serving


@pytest.fixture
def fresh_site(populated: SampleInstallation, tmp_path: Path) -> Iterator[Site]:
    """A site of the test's own."""
    with served(populated.copied(tmp_path)) as serving:
        yield serving


@pytest.fixture
def troubles() -> Iterator[list[str]]:
    """Errors in the test's pages, which must be none at the end.

    A test that provokes an error removes it.
    """
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def open_page(browser: Browser, troubles: list[str]) -> Iterator[OpenPage]:
    """Opens tabs whose errors are recorded, each in its own context."""
    with ExitStack() as opened:

        def opening(site: Site, path: str = "/", **options: Any) -> Page:  # noqa: ANN401
            context = browser.new_context(base_url=site.url, **options)
            opened.callback(context.close)  # a second time does nothing
            site.tabs.callback(context.close)
            context.set_default_timeout(PATIENCE)
            record_errors(context, site.url, troubles)
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
