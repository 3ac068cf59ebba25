"""The unit means what it should, by the documented syntax and to systemd itself."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from shutil import which

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrypoints.service.service_definition import ServiceDefinition, ServiceError
from entrypoints.service.systemd import Systemd, quote
from tests.unit.entrypoints.service.samples import NASTY, service

unit_text = Systemd({}).text
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"(?=\s|$)|([^\s"\'\\]+)(?=\s|$)')
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn")), max_size=30)


def read_back(line: str) -> list[str]:
    """The words of a line according to systemd.syntax(7), as far as the unit uses it."""
    words = []
    position = 0
    while position < len(line):
        found = _WORD.match(line, position)
        assert found, f"unreadable from {line[position:]!r}"
        word = re.sub(r"\\(.)", r"\1", found[1]) if found[1] is not None else found[2]
        assert not re.search(r"%(?!%)", word.replace("%%", "")), "a specifier"
        words.append(word.replace("%%", "%"))
        position = found.end() + 1
    return words


def values(text: str, key: str) -> list[str]:
    """Every value of a key."""
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{key}=")]


@given(st.lists(TEXT, min_size=1, max_size=5))
def test_any_text_is_read_back(words: list[str]) -> None:
    """Spaces, quotes, backslashes, percent signs and any script survive the quoting."""
    assert read_back(" ".join(map(quote, words))) == words


@given(TEXT, TEXT)
def test_any_argument_and_variable_is_read_back(word: str, value: str) -> None:
    """In a whole unit, with one line for each variable."""
    text = unit_text(service("/bin/true", word, environment={"A": value}))
    (command,) = values(text, "ExecStart")
    assert command.startswith(":") == ("$" in word)
    assert read_back(command.removeprefix(":")) == ["/bin/true", word]
    (variable,) = values(text, "Environment")
    assert read_back(variable) == [f"A={value}"]


@pytest.mark.parametrize("letter", ["\n", "\x1b", "\0", "\x85", "\udcff", "\ufffe", "\ufdd0"])
def test_text_that_a_unit_cannot_hold_is_refused(letter: str) -> None:
    """A line break would start another setting; systemd drops lines that are not UTF-8."""
    with pytest.raises(ServiceError, match="no service file can hold"):
        service("/bin/true", f"a{letter}b")
    with pytest.raises(ServiceError, match="variable A"):
        service(environment={"A": letter})


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "../x", "a@b", "a%n", "x" * 65, "a\n"])
def test_an_invalid_name_is_refused(name: str) -> None:
    """It would be a template, another folder, or an option."""
    with pytest.raises(ServiceError, match="name"):
        service(name=name)


def test_restart_watchdog_and_end() -> None:
    """Failures are restarted, a wrong configuration is not; a stop ends the whole tree."""
    text = unit_text(service())
    expected = {
        "Type": "notify",
        "NotifyAccess": "main",
        "Restart": "on-failure",
        "RestartPreventExitStatus": "2",
        "WatchdogSec": "60",
        "KillMode": "mixed",
        "TimeoutStopSec": "15",
        "OOMPolicy": "continue",
        "ExecReload": "/bin/kill -HUP $MAINPID",
        "NoNewPrivileges": "yes",
        "WantedBy": "default.target",
        "WorkingDirectory": "%h",
    }
    assert {key: values(text, key) for key in expected} == {
        key: [value] for key, value in expected.items()
    }
    assert "ProtectHome" not in text


@pytest.mark.skipif(which("systemd-analyze") is None, reason="there is no systemd here")
@pytest.mark.parametrize("folder", ["plain", "sp ace%h$HOME ü", "quo'te\"s\\"])
def test_systemd_reads_the_unit_as_intended(tmp_path: Path, folder: str) -> None:
    """Without complaints, and its dump has the right command line and variables."""
    program = tmp_path / folder / "mediagen"
    program.parent.mkdir()
    program.symlink_to("/bin/true")
    variables = {"PATH": '/a b:/c"%h\\', "Q": "$HOME 'x' \\n"}
    command = (str(program), *NASTY)
    dumped = dump(tmp_path, service(*command, environment=variables))
    line = re.findall(r"Command Line: (.*)", dumped)[0]
    # A shell takes \$ for $ between double quotes; shlex does not.
    started = shlex.split(re.sub(r"(?<!\\)((?:\\\\)*)\\\$", r"\1$", line))
    if started[0] == "/bin/sh":
        assert started[:3] == ["/bin/sh", "-c", 'exec "$0" "$@"']
        started = started[3:]
    assert tuple(started) == command
    for name, value in variables.items():
        assert f"Environment: {name}={value}\n" in dumped
    assert "KillMode: mixed" in dumped
    assert "WatchdogSec: 1min" in dumped


def dump(folder: Path, definition: ServiceDefinition) -> str:
    """The unit as systemd understood it, without complaints."""
    unit = folder / "mediagen.service"
    unit.write_text(unit_text(definition), "utf-8")
    running = folder / "run"
    running.mkdir()
    environment = os.environ | {"XDG_RUNTIME_DIR": str(running), "LC_ALL": "C.UTF-8"}
    words = ["systemd-analyze", "--user", "verify", str(unit)]
    verified = subprocess.run(  # noqa: S603 - systemd's own check
        words, env=environment, capture_output=True, text=True, check=False
    )
    if "initialize manager" in verified.stderr or "Failed to lookup" in verified.stderr:
        pytest.skip(f"systemd-analyze cannot work here: {verified.stderr.strip()}")
    assert (verified.returncode, verified.stderr) == (0, "")
    debugging = environment | {"SYSTEMD_LOG_LEVEL": "debug", "SYSTEMD_LOG_TARGET": "console"}
    dumped = subprocess.run(  # noqa: S603 - systemd's own check
        words, env=debugging, capture_output=True, text=True, check=True
    )
    said = dumped.stdout + dumped.stderr
    if "Command Line: " not in said:
        pytest.skip("this systemd-analyze dumps no units")
    return said
