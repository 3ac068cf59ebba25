"""How a pause is shown."""

import pytest

from application.ports.database import Pause, PausedBy
from domain.failure import FailureCode
from entrypoints.cli.pause import pause_document, pause_remedy, pause_sentence

SINCE = "2026-01-06 21:30:45"
PERSON = Pause(PausedBy.PERSON, "why\x1b[2J\nnot", "", SINCE, ())


def by_environment(code: FailureCode, reason: str) -> Pause:
    """A pause because of a broken installation."""
    return Pause(PausedBy.ENVIRONMENT, reason, code.value, SINCE, (1, 2))


def test_a_users_pause_is_one_line() -> None:
    """Control characters in its reason are removed; resume ends it."""
    sentence = pause_sentence(PERSON)
    assert sentence.startswith(f"paused by a person since {SINCE}")
    assert sentence.endswith(": why\\x1b[2J not")
    assert "mediagen resume" in pause_remedy(PERSON)
    document = pause_document(PERSON)
    assert (document["by"], document["code"], document["hint"]) == ("person", None, None)


@pytest.mark.parametrize("code", list(FailureCode))
def test_an_automatic_pause_has_a_code_and_a_hint(code: FailureCode) -> None:
    """The hint appears once, in the reason or in the remedy; nothing has to be resumed."""
    for reason in ("the disk is full", f"the disk is full. {code.hint}"):
        pause = by_environment(code, reason)
        shown = f"{pause_sentence(pause)} {pause_remedy(pause)}"
        assert f"paused automatically since {SINCE}" in shown
        assert f"{code.value}: the disk is full" in shown
        assert shown.count(code.hint) == 1
        assert "mediagen run" in shown
        assert "mediagen resume" not in shown
        assert pause_document(pause)["hint"] == code.hint


def test_a_code_of_a_newer_version_is_shown() -> None:
    """An unknown code has no hint."""
    pause = Pause(PausedBy.ENVIRONMENT, "something", "code_of_tomorrow", SINCE, ())
    assert "code_of_tomorrow: something" in pause_sentence(pause)
    assert pause_document(pause)["hint"] is None
