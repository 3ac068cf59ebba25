"""Sites to send requests to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.entrypoints.web.site import GUARDED, Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site that only this machine can reach."""
    made = Site(tmp_path)
    yield made
    made.close()


@pytest.fixture
def legacy(tmp_path: Path) -> Iterator[Site]:
    """A site with the API for an older page."""
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
    """The same for other machines, with a token."""
    made = Site(tmp_path_factory.mktemp("guarded"), **GUARDED)
    yield made
    made.close()
