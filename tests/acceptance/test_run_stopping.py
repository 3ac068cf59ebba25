"""SIGINT and SIGTERM in the middle of a render."""

import signal

import psutil
import pytest

from tests.acceptance.mediagen import Installation, image
from tests.acceptance.mid_render import mid_render

MANY = 100  # prompts: more than even a busy machine renders until a signal has arrived
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


def check_given_back(place: Installation) -> None:
    """The prompt is pending, nothing is published, staged or running, and a later run works."""
    assert place.poet.status(1) == ("pending", None)
    assert place.published() == set()
    place.check()
    place.use("image_workflow.py")
    assert place.run().returncode == 0
    assert set(place.statuses().values()) == {"ready"}
    place.check()


@pytest.mark.parametrize("number", CODES)
def test_a_signal_gives_the_prompt_back(place: Installation, number: signal.Signals) -> None:
    """The workflow is ended at once, and the exit code tells which signal it was."""
    with mid_render(place, prompts=2) as process:
        workflow = place.asked()[0]["pid"]
        process.send_signal(number)
        printed, complaints = process.communicate(timeout=90)
    assert process.returncode == CODES[number]
    assert not psutil.pid_exists(workflow)
    assert "Traceback" not in complaints
    assert "1 released" in printed
    assert len(place.asked()) == 1
    check_given_back(place)


def test_a_script_that_cannot_be_asked_is_killed_within_the_grace_time(
    place: Installation,
) -> None:
    """Its child, which ignores the request too, ends with it; all of it within ten seconds."""
    with mid_render(place, "deaf.py") as process:
        process.terminate()
        process.communicate(timeout=90)
    assert process.returncode == 143
    check_given_back(place)


@pytest.mark.parametrize("number", CODES)
def test_a_second_signal_ends_it_at_once(place: Installation, number: signal.Signals) -> None:
    """Nobody has to wait for a grace time, and nothing is left behind all the same."""
    place.use("deaf.py")
    place.configure(
        {"media": {"scripts": place.named("deaf.py")}, "comfyui": {"grace_seconds": 60}}
    )
    place.poet.write(image("a lake"))
    with place.started("run") as process:
        place.begun(process)
        process.send_signal(number)
        place.told()  # or the two would be one
        assert process.poll() is None
        process.send_signal(number)
        _, complaints = process.communicate(timeout=90)
    assert process.returncode == CODES[number]
    assert "Traceback" not in complaints
    check_given_back(place)


def test_a_terminal_that_is_closed_gives_the_prompt_back(place: Installation) -> None:
    """SIGHUP comes when a window is closed or a connection is lost."""
    with mid_render(place) as process:
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=90)
    assert process.returncode != 0
    check_given_back(place)


def test_a_signal_between_two_prompts_loses_none(place: Installation) -> None:
    """Whenever it comes, every prompt is ready or pending."""
    for _ in range(MANY):
        place.poet.write(image("a lake"))
    with place.started("run") as process:
        assert process.stdout
        lines = iter(process.stdout)
        assert next(lines) == f"{MANY} pending\n"
        next(lines)
        process.terminate()
        process.communicate(timeout=90)
    assert process.returncode == 143
    found = list(place.statuses().values())
    assert set(found) == {"ready", "pending"}
    assert len(place.published()) == found.count("ready")
    place.check()


def test_a_reader_that_goes_away_loses_no_prompt(place: Installation) -> None:
    """``mediagen run | head -1`` ends without a traceback; every prompt is ready or pending."""
    for _ in range(3):
        place.poet.write(image("a lake"))
    with place.started("run") as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        process.wait(timeout=90)
    assert set(place.statuses().values()) <= {"ready", "pending"}
    place.check()
