"""The property list of launchd, read back by plistlib."""

import plistlib

from hypothesis import given
from hypothesis import strategies as st

from entrypoints.service.launchd import Launchd
from entrypoints.service.service_definition import MARK
from tests.unit.entrypoints.service.samples import NASTY, service
from tests.unit.entrypoints.service.test_systemd import TEXT

plist_text = Launchd({}, 501).text


def test_the_whole_list() -> None:
    """Every key has a deliberate value."""
    definition = service("/bin/x", "daemon", environment={"PATH": "/bin"}, name="songs")
    text = plist_text(definition)
    assert MARK in text
    assert plistlib.loads(text.encode()) == {
        "Label": "songs",
        "ProgramArguments": ["/bin/x", "daemon"],
        "EnvironmentVariables": {"PATH": "/bin"},
        "WorkingDirectory": "/home/a poet",
        "StandardOutPath": "/home/a poet/Library/Logs/songs.log",
        "StandardErrorPath": "/home/a poet/Library/Logs/songs.log",
        "Umask": 0o022,
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 10,
        "ExitTimeOut": 15,
        "AbandonProcessGroup": False,
        "ProcessType": "Interactive",
    }


@given(st.lists(TEXT, max_size=5).map(tuple) | st.just(NASTY), TEXT)
def test_any_text_is_read_back(words: tuple[str, ...], value: str) -> None:
    """Markup, quotes and any script survive."""
    text = plist_text(service("/bin/x", *words, environment={"A": value}))
    found = plistlib.loads(text.encode())
    assert tuple(found["ProgramArguments"]) == ("/bin/x", *words)
    assert found["EnvironmentVariables"] == {"A": value}
