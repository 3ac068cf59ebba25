"""A progress bar in the form that ComfyUI's readers know."""

import io
import re

from sketch.image.sketch_picture import Bar, bar


def test_a_bar_looks_like_tqdm() -> None:
    """Per cent, ten cells, steps, times and rate."""
    assert bar(8, 20, 0.316) == " 40%|####      | 8/20 [00:00<00:00, 25.32it/s]"
    assert bar(20, 20, 65) == "100%|##########| 20/20 [01:05<00:00, 0.31it/s]"
    assert bar(0, 20, 0) == "  0%|          | 0/20 [00:00<?, ?it/s]"


def test_bars_rewrite_their_line_and_end_it_when_done() -> None:
    """A carriage return before each, a line feed after the last."""
    stream = io.StringIO()
    report = Bar(stream)
    report(1, 2)
    report(2, 2)

    assert re.fullmatch(r"\r 50%[^\r\n]+\r100%[^\r\n]+\n", stream.getvalue())


def test_a_closed_stream_is_no_reason_to_stop() -> None:
    """The reader of the progress may have exited."""
    stream = io.StringIO()
    report = Bar(stream)
    stream.close()

    report(1, 2)
