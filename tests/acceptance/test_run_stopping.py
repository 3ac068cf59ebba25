"""SIGINT and SIGTERM during a render."""

import signal

import psutil
import pytest

from tests.acceptance.mediagen import Installation, image
from tests.acceptance.mid_render import mid_render

MANY = 100  # prompts: more than even a busy machine renders until a signal has arrived
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


def check_released(installation: Installation) -> None:
    """The prompt is pending, nothing is published, staged or running, and a later run works."""
    assert installation.poet.status(1) == ("pending", None)
    assert installation.published() == set()
    installation.check()
    installation.use_scripts("image_workflow.py")
    assert installation.run().returncode == 0
    assert set(installation.statuses().values()) == {"ready"}
    installation.check()


@pytest.mark.parametrize("number", CODES)
def test_a_signal_releases_the_prompt(installation: Installation, number: signal.Signals) -> None:
    """The workflow is ended at once, and the exit code tells which signal it was."""
    with mid_render(installation, prompts=2) as process:
        workflow = installation.calls()[0]["pid"]
        process.send_signal(number)
        printed, complaints = process.communicate(timeout=90)
    assert process.returncode == CODES[number]
    assert not psutil.pid_exists(workflow)
    assert "Traceback" not in complaints
    assert "1 released" in printed
    assert len(installation.calls()) == 1
    check_released(installation)


@pytest.mark.slow
def test_a_script_that_ignores_signals_is_killed_after_the_grace_time(
    installation: Installation,
) -> None:
    """Its child, which ignores signals too, ends with it; all of it within ten seconds."""
    with mid_render(installation, "ignores_signals.py") as process:
        process.terminate()
        process.communicate(timeout=90)
    assert process.returncode == 143
    check_released(installation)


@pytest.mark.slow
@pytest.mark.parametrize("number", CODES)
def test_a_second_signal_ends_the_run_at_once(
    installation: Installation, number: signal.Signals
) -> None:
    """Without waiting for the grace time, and nothing is left behind."""
    installation.use_scripts("ignores_signals.py")
    installation.configure(
        {
            "media": {"scripts": installation.script_paths("ignores_signals.py")},
            "comfyui": {"grace_seconds": 60},
        }
    )
    installation.poet.write(image("a lake"))
    with installation.started("run") as process:
        installation.wait_until_started(process)
        process.send_signal(number)
        installation.wait_until_signalled()  # or the two signals would be one
        assert process.poll() is None
        process.send_signal(number)
        _, complaints = process.communicate(timeout=90)
    assert process.returncode == CODES[number]
    assert "Traceback" not in complaints
    check_released(installation)


def test_a_closed_terminal_releases_the_prompt(installation: Installation) -> None:
    """SIGHUP is sent when a window is closed or a connection is lost."""
    with mid_render(installation) as process:
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=90)
    assert process.returncode != 0
    check_released(installation)


def test_a_signal_between_two_prompts_loses_none(installation: Installation) -> None:
    """Whenever it arrives, every prompt is ready or pending."""
    for _ in range(MANY):
        installation.poet.write(image("a lake"))
    with installation.started("run") as process:
        assert process.stdout
        lines = iter(process.stdout)
        assert next(lines) == f"{MANY} pending\n"
        next(lines)
        process.terminate()
        process.communicate(timeout=90)
    assert process.returncode == 143
    statuses = list(installation.statuses().values())
    assert set(statuses) == {"ready", "pending"}
    assert len(installation.published()) == statuses.count("ready")
    installation.check()


def test_a_closed_pipe_loses_no_prompt(installation: Installation) -> None:
    """``mediagen run | head -1`` ends without a traceback; every prompt is ready or pending."""
    for _ in range(3):
        installation.poet.write(image("a lake"))
    with installation.started("run") as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        process.wait(timeout=90)
    assert set(installation.statuses().values()) <= {"ready", "pending"}
    installation.check()
