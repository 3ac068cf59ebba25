"""Fixtures: a user's shell, and an installation with a database of the contract's shape."""

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
    """Fork the commands that run to their end from one server, which is faster than starting each.

    Not on macOS, whose system libraries do not support a fork after they were used.
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
    """The Poets Service: another program that uses the same database."""
    assert shell.database
    return Poet(shell.database)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """A complete installation with the contract's example configuration."""
    installation = Installation(tmp_path)
    yield installation
    installation.end_leftovers()
