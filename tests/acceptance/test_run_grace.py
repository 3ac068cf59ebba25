"""Soon after the first signal a run has ended, whatever its workflow does."""

import signal
from typing import Any

import pytest

from tests.acceptance.mediagen import Installation, image

# The signal, its exit code, and the configured grace time; 5 s is the default.
CASES = {
    "Ctrl-C": (signal.SIGINT, 130, {}),
    "a service manager": (signal.SIGTERM, 143, {}),
    "a long grace time": (signal.SIGTERM, 143, {"grace_seconds": 3600}),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_workflow_that_cannot_be_asked_hardly_delays_the_end(
    place: Installation, case: str
) -> None:
    """The prompt is pending, no attempt is spent, nothing is left; the next run renders it."""
    number, code, comfyui = CASES[case]
    _configure(place, "deaf.py", comfyui)
    place.poet.write(image("a lake"))
    with place.started("run") as process:
        place.begun(process)
        process.send_signal(number)
        _, complaints = process.communicate(timeout=90)  # its script would go on for longer
    assert process.returncode == code
    assert "Traceback" not in complaints
    assert place.poet.status(1) == ("pending", None)
    assert place.processes() == []
    place.check()

    _configure(place, "image_workflow.py", comfyui)
    assert place.run().returncode == 0
    renders = place.poet.execute(
        "SELECT outcome, attempt, crashes FROM media_generator_renders ORDER BY render_id"
    )
    assert renders == [("released", 1, 0), ("published", 1, 0)]
    place.check()


def _configure(place: Installation, script: str, comfyui: dict[str, Any]) -> None:
    place.configure({"media": {"scripts": place.named(script)}, "comfyui": comfyui})
