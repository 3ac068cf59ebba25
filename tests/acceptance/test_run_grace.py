"""A run ends soon after the first signal, whatever its workflow does."""

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
def test_a_workflow_that_ignores_signals_hardly_delays_the_end(
    installation: Installation, case: str
) -> None:
    """The prompt is pending, no attempt is charged, nothing is left; the next run renders it."""
    number, code, comfyui = CASES[case]
    _configure(installation, "ignores_signals.py", comfyui)
    installation.poet.write(image("a lake"))
    with installation.started("run") as process:
        installation.wait_until_started(process)
        process.send_signal(number)
        _, complaints = process.communicate(timeout=90)  # its script would run for longer
    assert process.returncode == code
    assert "Traceback" not in complaints
    assert installation.poet.status(1) == ("pending", None)
    assert installation.processes() == []
    installation.check()

    _configure(installation, "image_workflow.py", comfyui)
    assert installation.run().returncode == 0
    renders = installation.poet.execute(
        "SELECT outcome, attempt, crashes FROM media_generator_renders ORDER BY render_id"
    )
    assert renders == [("released", 1, 0), ("published", 1, 0)]
    installation.check()


def _configure(installation: Installation, script: str, comfyui: dict[str, Any]) -> None:
    installation.configure(
        {"media": {"scripts": installation.script_paths(script)}, "comfyui": comfyui}
    )
