"""A user's shell, with a database of the seed's shape."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.mediagen import Installation
from tests.command_line import CommandLine
from tests.databases import Poet
from tests.fork_server import fork_server
from tests.fresh_databases import fresh_database


# Not for the whole session: other tests look at the children of this process.
@pytest.fixture(scope="package", autouse=True)
def _forks() -> Iterator[None]:
    """What runs to its end is a fork of one server.

    Not on macOS, where a fork may not use what the system's libraries have begun.
    """
    if sys.platform != "linux":
        yield
        return
    with fork_server() as CommandLine.forks:
        yield
    CommandLine.forks = None


@pytest.fixture
def shell(tmp_path: Path) -> CommandLine:
    """A shell in an empty home, and a database."""
    home = tmp_path / "home"
    home.mkdir()
    return CommandLine(home, fresh_database(tmp_path / "musings.db"))


@pytest.fixture
def poet(shell: CommandLine) -> Poet:
    """Another program at the same database."""
    assert shell.database
    return Poet(shell.database)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Installation]:
    """A whole installation with the seed's own configuration."""
    installation = Installation(tmp_path)
    yield installation
    installation.end_leftovers()
