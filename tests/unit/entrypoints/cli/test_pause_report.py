"""What is said of a pause."""

import pytest

from application.ports.queue_controls import Pause, PausedBy
from domain.failure import FailureCode
from entrypoints.cli.pause_report import pause_document, pause_remedy, pause_sentence

SINCE = "2026-01-06 21:30:45"
PERSON = Pause(PausedBy.PERSON, "why\x1b[2J\nnot", "", SINCE, ())


def by_environment(code: FailureCode, reason: str) -> Pause:
    """A pause that a broken installation made."""
    return Pause(PausedBy.ENVIRONMENT, reason, code.value, SINCE, (1, 2))


def test_a_persons_pause_is_told_on_one_line() -> None:
    """Whatever was typed cannot act on the terminal; resume ends it."""
    sentence = pause_sentence(PERSON)
    assert sentence.startswith(f"paused by a person since {SINCE}")
    assert sentence.endswith(": why\\x1b[2J not")
    assert "mediagen resume" in pause_remedy(PERSON)
    document = pause_document(PERSON)
    assert (document["by"], document["code"], document["hint"]) == ("person", None, None)


@pytest.mark.parametrize("code", list(FailureCode))
def test_the_environments_pause_comes_with_code_and_hint(code: FailureCode) -> None:
    """The hint is said once, by the reason or by the remedy; nothing has to be resumed."""
    for reason in ("the disk is full", f"the disk is full. {code.hint}"):
        pause = by_environment(code, reason)
        told = f"{pause_sentence(pause)} {pause_remedy(pause)}"
        assert f"the environment since {SINCE}" in told
        assert f"{code.value}: the disk is full" in told
        assert told.count(code.hint) == 1
        assert "mediagen run" in told
        assert "mediagen resume" not in told
        assert pause_document(pause)["hint"] == code.hint


def test_a_code_of_a_newer_version_is_no_mistake() -> None:
    """What is not known has no hint, and is shown all the same."""
    pause = Pause(PausedBy.ENVIRONMENT, "something", "code_of_tomorrow", SINCE, ())
    assert "code_of_tomorrow: something" in pause_sentence(pause)
    assert pause_document(pause)["hint"] is None
