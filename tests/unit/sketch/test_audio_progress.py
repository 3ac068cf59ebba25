"""Progress looks like tqdm's."""

import io
import re

from sketch.audio.sketch_song import Progress

_LINE = re.compile(r" *\d+%\|#* *\| \d+/\d+ \[\d\d:\d\d<(\d\d:\d\d|\?), (\d+\.\d\d|\?)it/s\]")


def test_each_step_redraws_the_line() -> None:
    """A carriage return, a percentage, a bar, counts, times and a rate."""
    out = io.StringIO()
    progress = Progress(4, out)
    for _ in range(4):
        progress.advance()
    progress.close()
    lines = out.getvalue().rstrip("\n").split("\r")[1:]
    assert len(lines) == 5
    assert all(_LINE.fullmatch(line) for line in lines)
    assert lines[0].startswith("  0%|          | 0/4 [")
    assert lines[2].startswith(" 50%|#####     | 2/4 [")
    assert lines[4].startswith("100%|##########| 4/4 [")
