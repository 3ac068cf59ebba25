"""Shell completion: ``mediagen completion``."""

import shutil
import subprocess

import pytest

from tests.command_line import CommandLine
from tests.databases import Poet

# As bash does it: the script is sourced, then called with the words typed so far.
ASK = """
eval "$(mediagen completion bash)" || exit 1
COMP_WORDS=({words} "{typed}")
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_mediagen_completion mediagen
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(shell: CommandLine, words: str, typed: str) -> list[str]:
    """Bash's suggestions for a word."""
    bash = shutil.which("bash")
    assert bash
    completion = subprocess.run(
        [bash, "--norc", "-c", ASK.format(words=words, typed=typed)],
        env=shell.variables(),
        cwd=shell.home,
        capture_output=True,
        text=True,
        check=True,
    )
    assert completion.stderr == ""
    return completion.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "typed", "expected"),
    [
        ("mediagen", "st", ["status"]),
        ("mediagen", "--ver", ["--version"]),
        ("mediagen list --status", "re", ["ready"]),
        ("mediagen list --kind", "", ["image", "audio"]),
        ("mediagen submit", "s", ["song"]),
        ("mediagen show", "", ["20", "1"]),
        ("mediagen show", "2", ["20"]),
        ("mediagen retry", "", ["1"]),
        ("mediagen --database gone.db show", "", []),
        ("mediagen --version", "st", ["status"]),
    ],
)
def test_bash_completes(
    shell: CommandLine, poet: Poet, words: str, typed: str, expected: list[str]
) -> None:
    """Commands, options, statuses and ids are suggested, and nothing for free text."""
    poet.write("{}", prompt_id=1, artifact_status="error")
    poet.write("{}", prompt_id=20)
    (shell.home / "media_generator_config.json").write_text('{"ui": {}}')  # has a note to tell
    assert completed(shell, words, typed) == expected


@pytest.mark.parametrize(
    ("program", "word"), [("bash", "complete"), ("zsh", "#compdef"), ("fish", "complete")]
)
def test_scripts_are_well_formed(shell: CommandLine, program: str, word: str) -> None:
    """Every script is printed, and its own shell accepts it if installed."""
    made = shell.run("completion", program)
    assert made.returncode == 0
    assert word in made.stdout
    assert "_MEDIAGEN_COMPLETE" in made.stdout
    if found := shutil.which(program):
        subprocess.run([found, "-n"], input=made.stdout, text=True, check=True)


def test_an_unknown_shell_is_refused(shell: CommandLine) -> None:
    """The message lists the supported shells."""
    refused = shell.run("completion", "tcsh")
    assert refused.returncode == 2
    assert "zsh" in refused.stderr
