"""Output and written files distinguish a working process from a stalled one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from adapters.comfyui_script.process import StallDetector

if TYPE_CHECKING:
    from pathlib import Path


def test_without_activity_the_limit_applies(tmp_path: Path) -> None:
    """Not earlier, and exactly at the limit."""
    stall = StallDetector(tmp_path, 10, now=100.0)
    assert not stall.is_stalled(109.9)
    assert stall.is_stalled(110.0)


def test_output_counts_as_activity(tmp_path: Path) -> None:
    """The time limit restarts with the last byte."""
    stall = StallDetector(tmp_path, 10, now=0.0)
    stall.last_activity = 9.0
    assert not stall.is_stalled(18.9)
    assert stall.is_stalled(19.0)


def test_written_files_count_as_activity_in_subfolders_too(tmp_path: Path) -> None:
    """A new file, more bytes, or a new date."""
    stall = StallDetector(tmp_path, 10, now=0.0)
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert not stall.is_stalled(10.0)
    (deep / "x.png").write_bytes(b"1")
    assert not stall.is_stalled(19.9)
    (deep / "x.png").write_bytes(b"12")
    assert not stall.is_stalled(29.8)
    os.utime(deep / "x.png", (2e9, 2e9))
    assert not stall.is_stalled(39.7)
    assert stall.is_stalled(49.7)


def test_zero_means_no_limit_and_a_vanished_folder_is_silent(tmp_path: Path) -> None:
    """Neither raises."""
    assert not StallDetector(tmp_path, 0, now=0.0).is_stalled(1e9)
    assert StallDetector(tmp_path / "gone", 5, now=0.0).is_stalled(5.0)


def test_a_link_to_a_busy_folder_is_not_followed(tmp_path: Path) -> None:
    """Changes in another folder do not count."""
    (elsewhere := tmp_path / "elsewhere").mkdir()
    (folder := tmp_path / "out").mkdir()
    (folder / "link").symlink_to(elsewhere)
    stall = StallDetector(folder, 10, now=0.0)
    assert not stall.is_stalled(1.5)
    (elsewhere / "busy").touch()
    assert stall.is_stalled(11.5)
