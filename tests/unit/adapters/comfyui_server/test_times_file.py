"""How long renders took, in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.comfyui_server.times_file import read_times, write_times
from domain.affinity import Need, RenderTimes
from domain.prompt import Kind

if TYPE_CHECKING:
    from pathlib import Path

NEED = Need(Kind.IMAGE, "a", ("b.safetensors", "a.safetensors"))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """In a folder that may not exist yet."""
    times, file = RenderTimes(), tmp_path / "state" / "render_times.json"
    times.learn("http://s:1", NEED, 4.0, had_loaded=False)
    times.learn("http://s:1", NEED, 1.5, had_loaded=True)
    times.learn("http://s:1", Need(Kind.AUDIO, ""), 2.0, had_loaded=True)
    write_times(file, times)
    known = read_times(file)
    assert known.load_seconds(NEED, ["http://s:1"]) == pytest.approx(2.5)
    assert known.render_seconds(Need(Kind.AUDIO, ""), ["http://s:1"]) == pytest.approx(2.0)
    assert known.rows() == times.rows()


@pytest.mark.parametrize(
    "content", [None, "", "{}", "7", "[[]]", '[["s", "image", "a", 7, [1], [2]]]', "[" * 100_000]
)
def test_a_damaged_file_is_as_none(tmp_path: Path, content: str | None) -> None:
    """Nothing is known then, and nothing fails."""
    file = tmp_path / "render_times.json"
    if content is not None:
        file.write_text(content)
    assert read_times(file).rows() == []


def test_a_folder_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path) -> None:
    """The times are learnt again."""
    (tmp_path / "state").write_text("a file")
    write_times(tmp_path / "state" / "render_times.json", RenderTimes())
