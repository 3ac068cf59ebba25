"""A command that the test fork server runs behaves like one that is started."""

from __future__ import annotations

import pytest

from tests.command_line import CommandLine


@pytest.mark.parametrize(
    "arguments",
    [("run", "--config", "not there \udcff.json"), ("serve", "--prot", "0"), ("run", "--json")],
)
def test_a_fork_behaves_like_a_process(shell: CommandLine, arguments: tuple[str, ...]) -> None:
    """Exit code, output, errors and files in its folder are the same."""
    if CommandLine.forks is None:
        pytest.skip("nothing is forked on this system")
    (shell.home / "media_generator_config.json").write_text('{"ui": {}}')  # has a note to tell
    forked, started = shell.run(*arguments), shell.process(*arguments)
    assert forked.returncode == started.returncode != 0
    assert (forked.stdout, forked.stderr) == (started.stdout, started.stderr)


def test_interpreter_variables_need_a_new_process(shell: CommandLine) -> None:
    """A fork would ignore variables that Python reads when it starts."""
    if CommandLine.forks is None:
        pytest.skip("nothing is forked on this system")
    assert CommandLine.forks.suits(shell.variables())
    assert not CommandLine.forks.suits(shell.variables() | {"LC_ALL": "de_DE.UTF-8"})
    assert not CommandLine.forks.suits(shell.variables() | {"PYTHONPATH": "src"})
