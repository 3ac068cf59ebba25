"""What the fork server runs cannot be told from what is started."""

from __future__ import annotations

import pytest

from tests.command_line import CommandLine


@pytest.mark.parametrize(
    "arguments",
    [("run", "--config", "not there \udcff.json"), ("serve", "--prot", "0"), ("run", "--json")],
)
def test_a_fork_ends_as_a_process_does(shell: CommandLine, arguments: tuple[str, ...]) -> None:
    """Exit code, output and complaints are the same, and so is what it finds in its folder."""
    if CommandLine.forks is None:
        pytest.skip("nothing is forked on this system")
    (shell.home / "media_generator_config.json").write_text('{"ui": {}}')  # has a note to tell
    forked, started = shell.run(*arguments), shell.process(*arguments)
    assert forked.returncode == started.returncode != 0
    assert (forked.stdout, forked.stderr) == (started.stdout, started.stderr)


def test_variables_that_an_interpreter_reads_need_one(shell: CommandLine) -> None:
    """A fork could not heed them any more."""
    if CommandLine.forks is None:
        pytest.skip("nothing is forked on this system")
    assert CommandLine.forks.suits(shell.variables())
    assert not CommandLine.forks.suits(shell.variables() | {"LC_ALL": "de_DE.UTF-8"})
    assert not CommandLine.forks.suits(shell.variables() | {"PYTHONPATH": "src"})
