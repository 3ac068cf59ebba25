"""Programs that cannot be started are detected before the start."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

import pytest

from adapters.comfyui_script.process import program_error

if TYPE_CHECKING:
    from pathlib import Path


def reason(path: Path | str, directory: Path | str = "/") -> str | None:
    """The name of the error, or None."""
    error = program_error(os.fsencode(path), os.fsencode(directory))
    return None if error is None else errno.errorcode[error.errno or 0]


@pytest.mark.parametrize("path", ["/bin/sh", "/usr/bin/env", sys.executable])
def test_real_programs_pass(path: str) -> None:
    """Whatever executable format this system uses."""
    assert reason(path) is None


@pytest.mark.parametrize(
    ("content", "mode", "expected"),
    [
        (b"", 0o755, "ENOEXEC"),
        (b"echo hello\n", 0o755, "ENOEXEC"),
        (b"#!\n", 0o755, "ENOEXEC"),
        (b"#!/not/there -x\n", 0o755, "ENOENT"),
        (b"#!/\n", 0o755, "EACCES"),
        (b"#! /bin/sh -e\n", 0o755, None),
        (b"#!/bin/sh", 0o755, None),
        (b"#!sh\n", 0o755, None),
        (b"\x7fELF and so on", 0o755, None),
        (b"\xcf\xfa\xed\xfe", 0o755, None),
        (b"MZ", 0o755, None),
        (b"#!/bin/sh\n", 0o644, "EACCES"),
    ],
)
def test_a_file_is_judged_by_its_mode_and_first_bytes(
    tmp_path: Path, content: bytes, mode: int, expected: str | None
) -> None:
    """As by execve(2)."""
    (tmp_path / "sh").symlink_to("/bin/sh")
    file = tmp_path / "python"
    file.write_bytes(content)
    file.chmod(mode)
    assert reason(file, tmp_path) == expected
    assert reason("python", tmp_path) == expected


def test_a_directory_is_no_program(tmp_path: Path) -> None:
    """Even if it is executable."""
    assert reason(tmp_path) == "EACCES"


def test_a_missing_file_is_no_program(tmp_path: Path) -> None:
    """Neither is a path below a file, nor a link to itself."""
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    assert reason(tmp_path / "none") == "ENOENT"
    assert reason(tmp_path / "file" / "python") == "ENOTDIR"
    assert reason(tmp_path / "loop") == "ELOOP"
    assert reason("x" * 5000) == "ENAMETOOLONG"


@pytest.mark.timeout(10)
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Opening it might block for ever."""
    os.mkfifo(tmp_path / "pipe", 0o755)
    assert reason(tmp_path / "pipe") == "EACCES"


def test_interpreters_of_interpreters_come_to_an_end(tmp_path: Path) -> None:
    """Two scripts that name each other."""
    for one, other in (("a", "b"), ("b", "a")):
        (tmp_path / one).write_text(f"#!{tmp_path / other}\n")
        (tmp_path / one).chmod(0o755)
    assert reason(tmp_path / "a") == "ELOOP"
