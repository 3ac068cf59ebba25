"""Sites to ask."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.entrypoints.web.site import GUARDED, Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site for this machine alone."""
    made = Site(tmp_path)
    yield made
    made.close()


@pytest.fixture
def legacy(tmp_path: Path) -> Iterator[Site]:
    """A site for an older page."""
    made = Site(tmp_path, legacy_shapes=True)
    yield made
    made.close()


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site for a whole module, whose tests change nothing."""
    made = Site(tmp_path_factory.mktemp("lasting"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def lasting_guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The same for other machines, behind a token."""
    made = Site(tmp_path_factory.mktemp("guarded"), **GUARDED)
    yield made
    made.close()
