"""``mediagen list``."""

import fcntl
import os
import pty
import struct
import subprocess
import termios

import pytest

from tests.command_line import MEDIAGEN, CommandLine
from tests.databases import Poet


@pytest.fixture
def filled(poet: Poet) -> Poet:
    """Four media prompts and one of another type."""
    poet.write('{"prompt": "coffee"}', prompt_id=1, created_at="2026-01-01 00:00:00")
    poet.write("{}", prompt_id=2, created_at="2026-01-03 00:00:00", artifact_status="error")
    poet.write("{}", prompt_id=3, created_at=None, prompt_type="lyrics_prompt", text="tea")
    poet.write("{}", prompt_id=4, created_at="2026-01-02 00:00:00", artifact_status="odd")
    poet.write("{}", prompt_id=5, prompt_type="poetry")
    return poet


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], [2, 4, 1, 3]),
        (["--limit", "2"], [2, 4]),
        (["--kind", "audio"], [3]),
        (["--status", "odd"], [4]),
        (["--text", "COFFEE"], [1]),
        (["--text", "%"], []),
        (["--kind", "image", "--status", "pending"], [1]),
    ],
    ids=str,
)
def test_filters(
    shell: CommandLine, filled: Poet, arguments: list[str], expected: list[int]
) -> None:
    """Each option narrows the list; newest first; prompts of other types are never listed."""
    prompts = shell.json("list", *arguments)["prompts"]
    assert [prompt["id"] for prompt in prompts] == expected
    lines = shell.run("list", *arguments).stdout.splitlines()[1:]
    assert [int(line.split()[0]) for line in lines] == expected


def test_fields_of_the_document(shell: CommandLine, poet: Poet) -> None:
    """Scripts rely on these field names."""
    poet.write("{}", artifact_status="error", text="a")
    poet.execute("UPDATE prompts SET error_message = 'why'")
    assert shell.json("list") == {
        "prompts": [
            {
                "id": 1,
                "kind": "image",
                "artifact_status": "error",
                "cancelled": False,
                "created_at": "2026-01-06 21:30:45",
                "text": "a",
                "error_message": "why",
                "code": None,
                "reason": "why",
                "label": None,
                "varied": {},
                "workflow": None,
            }
        ]
    }


def test_terminal_escapes_in_model_output_are_neutralized(shell: CommandLine, poet: Poet) -> None:
    """No escape sequence, second line or lone surrogate reaches the terminal."""
    poet.write("{}", text="one\ntwo\x1b]0;title\x07 \u202eright to left")
    poet.execute("UPDATE prompts SET artifact_status = CAST(x'ff1b5b324a' AS TEXT)")
    shown = shell.run("list").stdout
    assert len(shown.splitlines()) == 2
    assert "one two\\x1b]0;title\\x07 \\u202eright to left" in shown
    assert all(letter.isprintable() for letter in shown.replace("\n", ""))
    [prompt] = shell.json("list")["prompts"]
    assert prompt["artifact_status"] == "\ufffd\x1b[2J"


def test_a_line_fits_the_terminal(shell: CommandLine, poet: Poet) -> None:
    """On a terminal of 60 columns no line is wider, even if each letter takes two columns."""
    poet.write("{}", text="湖" * 100)
    shown = on_terminal(shell, columns=60)
    line = next(line for line in shown.splitlines() if "湖" in line)
    assert line.endswith("…")
    assert len(line) + line.count("湖") <= 60


def on_terminal(shell: CommandLine, columns: int) -> str:
    """The output of ``mediagen list`` on a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(
        [MEDIAGEN, "list"],
        env=shell.variables(),
        cwd=shell.home,
        stdout=theirs,
        stdin=theirs,
    ):
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 65_536):
                shown += chunk
        except OSError:  # on Linux, the other side is closed
            pass
    os.close(ours)
    return shown.decode()
