"""``mediagen service``.

Fake systemctl and launchctl programs record their arguments.
"""

import os
import plistlib
import re
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.mediagen import Installation
from tests.command_line import MEDIAGEN, CommandLine

SYSTEMCTL = """#!/bin/sh
echo "$*" >> "$HOME/calls"
if [ -e "$HOME/no-bus" ]; then echo "Failed to connect to bus" >&2; exit 1; fi
case "$2" in
  start|restart)
    if [ -e "$HOME/refuses" ]; then echo "Job for $3 failed" >&2; exit 1; fi
    touch "$HOME/running" ;;
  stop) rm "$HOME/running" || exit 5 ;;
  enable)
    mkdir -p "$XDG_CONFIG_HOME/systemd/user/default.target.wants"
    ln -sf "../$3" "$XDG_CONFIG_HOME/systemd/user/default.target.wants/$3" ;;
  reset-failed) exit 1 ;;
  show)
    if [ -e "$HOME/running" ]; then printf 'ActiveState=active\\nSubState=running\\nMainPID=42\\n'
    else printf 'ActiveState=failed\\nSubState=failed\\nMainPID=0\\nResult=exit-code\\n'; fi
    if [ -e "$XDG_CONFIG_HOME/systemd/user/default.target.wants/$4" ]
    then echo UnitFileState=enabled; fi ;;
esac
"""
LAUNCHCTL = """#!/bin/sh
echo "$*" >> "$HOME/calls"
if [ -e "$HOME/no-bus" ]; then echo "Domain does not support specified action" >&2; exit 125; fi
case "$1" in
  print)
    if [ ! -e "$HOME/running" ]; then echo "Could not find service" >&2; exit 113; fi
    printf '%s = {\\n\\tstate = running\\n\\n\\tpid = 42\\n' "$2"
    printf '\\tendpoints = {\\n\\t\\tstate = 1\\n\\t}\\n}\\n' ;;
  print-disabled) printf '\\t"other" => disabled\\n\\t"mediagen" => enabled\\n' ;;
  bootout) rm "$HOME/running" || exit 3; touch "$HOME/settling" ;;
  bootstrap)
    if [ -e "$HOME/settling" ]
    then rm "$HOME/settling"; echo "Bootstrap failed: 5: Input/output error" >&2; exit 5; fi
    touch "$HOME/running" ;;
esac
"""


@pytest.fixture
def person(installation: Installation) -> CommandLine:
    """A person with a valid configuration and both service managers."""
    shell = installation.shell
    programs = shell.home / "programs"
    programs.mkdir()
    for name, text in (("systemctl", SYSTEMCTL), ("launchctl", LAUNCHCTL)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    search = shell.variables()["PATH"]
    shell.environment = {"PATH": os.pathsep.join([str(programs), search])}
    return shell


def calls(shell: CommandLine) -> list[str]:
    """Arguments of the service manager's calls since the last look."""
    file = shell.home / "calls"
    lines = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return lines


def unit(shell: CommandLine, name: str = "mediagen") -> Path:
    """Where systemd looks for the file."""
    return shell.home / "config" / "systemd" / "user" / f"{name}.service"


def systemd(shell: CommandLine, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """A command for systemd that ends as expected."""
    return managed(shell, "systemd", *arguments, code=code)


def managed(
    shell: CommandLine, manager: str, *arguments: str, code: int = 0
) -> subprocess.CompletedProcess[str]:
    """A command for one of the managers that ends as expected."""
    ended = shell.run("service", *arguments, "--manager", manager)
    assert ended.returncode == code, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    return ended


def test_print_changes_nothing(person: CommandLine) -> None:
    """``--print`` shows the file that an install writes, and calls no service manager."""
    before = sorted(person.home.rglob("*"))
    printed = systemd(person, "install", "--print").stdout
    assert sorted(person.home.rglob("*")) == before
    config = person.home / "media_generator_config.json"
    assert f'\nExecStart={MEDIAGEN} daemon --config "{config}"\n' in printed
    systemd(person, "install")
    assert unit(person).read_text("utf-8") == printed


def test_the_life_of_a_systemd_service(person: CommandLine) -> None:
    """Installed, shown, installed again, changed, and removed without a trace."""
    assert systemd(person, "status", code=1).stdout.startswith("mediagen is not installed")
    calls(person)
    said = systemd(person, "install")
    assert f"wrote {unit(person)}" in said.stdout
    assert "journalctl --user -u mediagen" in said.stdout
    assert unit(person).stat().st_mode & 0o777 == 0o600
    enable = ["--user daemon-reload", "--user enable mediagen.service"]
    assert calls(person) == [*enable, "--user restart mediagen.service"]
    assert "running (running, process 42)" in systemd(person, "status").stdout
    calls(person)
    assert "unchanged:" in systemd(person, "install").stdout
    assert calls(person) == [*enable, "--user start mediagen.service"]
    systemd(person, "install", "--set", "workers.image=2")
    assert "--set=workers.image=2" in unit(person).read_text("utf-8")
    assert calls(person) == [*enable, "--user restart mediagen.service"]
    systemd(person, "uninstall")
    assert calls(person)[0] == "--user stop mediagen.service"
    assert [path for path in unit(person).parent.rglob("*") if not path.is_dir()] == []
    assert not (person.home / "running").exists()
    assert "not installed" in systemd(person, "uninstall").stdout


def test_the_life_of_a_launchd_service(person: CommandLine) -> None:
    """The same on a Mac, where a removed label stays in use for a while."""
    domain = f"gui/{os.getuid()}"
    file = person.home / "Library" / "LaunchAgents" / "mediagen.plist"
    managed(person, "launchd", "install")
    document = plistlib.loads(file.read_bytes())
    assert document["ProgramArguments"][:2] == [str(MEDIAGEN), "daemon"]
    bootstrap = f"bootstrap {domain} {file}"
    enable, look = f"enable {domain}/mediagen", f"print {domain}/mediagen"
    assert sorted(calls(person)) == sorted([look, enable, bootstrap])
    status = person.run("service", "status", "--manager", "launchd", "--json")
    assert status.returncode == 0
    assert '"pid":42' in status.stdout
    assert '"enabled":true' in status.stdout
    assert '"state":"running"' in status.stdout
    calls(person)
    managed(person, "launchd", "install")
    assert calls(person)[-1] == f"kickstart {domain}/mediagen"
    managed(person, "launchd", "install", "--set", "workers.image=2")
    assert calls(person)[-3:] == [f"bootout {domain}/mediagen", bootstrap, bootstrap]
    managed(person, "launchd", "uninstall")
    assert not file.exists()
    assert calls(person) == [f"bootout {domain}/mediagen"]
    managed(person, "launchd", "status", code=1)


@pytest.mark.parametrize(
    ("manager", "remaining"),
    [
        ("systemd", ["systemctl --user daemon-reload", "systemctl --user enable"]),
        ("launchd", ["launchctl enable gui/", "launchctl bootstrap gui/"]),
    ],
)
@pytest.mark.parametrize("missing", [False, True])
def test_a_missing_service_manager(
    person: CommandLine, manager: str, remaining: list[str], *, missing: bool
) -> None:
    """In a container: the file is written, the commands are printed, the exit code is 3."""
    if missing:
        person.environment = {"PATH": "/nothing"}
    else:
        (person.home / "no-bus").touch()
    ended = managed(person, manager, "install", code=3)
    file = Path(ended.stdout.removeprefix("wrote ").splitlines()[0])
    assert file.exists()
    printed = [line.strip() for line in ended.stderr.splitlines() if line.startswith("  ")]
    for line, words in zip(printed, remaining, strict=False):
        assert line.startswith(words)
    assert len(printed) >= len(remaining)
    assert "unknown" in managed(person, manager, "status", code=3).stdout
    managed(person, manager, "uninstall", code=3)
    assert not file.exists()


def test_a_daemon_that_does_not_start(person: CommandLine) -> None:
    """The manager's message is printed, and the status says that it does not run."""
    (person.home / "refuses").touch()
    said = systemd(person, "install", code=3)
    assert "Job for mediagen.service failed" in said.stderr
    assert "systemctl --user restart mediagen.service" in said.stderr
    status = systemd(person, "status", code=3).stdout
    assert "not running (failed: exit-code)" in status
    assert re.search(r"starts +when you log in", status)


def test_without_a_start(person: CommandLine) -> None:
    """``--no-start`` only starts it at the next login."""
    systemd(person, "install", "--no-start")
    assert calls(person) == ["--user daemon-reload", "--user enable mediagen.service"]
    managed(person, "launchd", "install", "--no-start")
    assert calls(person) == [f"enable gui/{os.getuid()}/mediagen"]


def test_several_services(person: CommandLine) -> None:
    """A name for each configuration; one is removed and the other stays."""
    systemd(person, "install", "--name", "songs", "--env", "LC_ALL")
    systemd(person, "install")
    assert "Environment=LC_ALL=C.UTF-8" in unit(person, "songs").read_text("utf-8")
    systemd(person, "uninstall", "--name", "mediagen")
    assert unit(person, "songs").exists()
    assert not unit(person).exists()


def test_another_programs_unit_is_left_alone(person: CommandLine) -> None:
    """It is neither overwritten nor removed."""
    unit(person, "dbus").parent.mkdir(parents=True)
    unit(person, "dbus").write_text("[Unit]\n")
    for what in ("install", "uninstall"):
        assert "--name" in systemd(person, what, "--name", "dbus", code=2).stderr
    assert unit(person, "dbus").read_text() == "[Unit]\n"
    assert calls(person) == []


def test_configurations_that_the_daemon_would_refuse_are_not_installed(person: CommandLine) -> None:
    """No file, incomplete settings, wrong settings, or an invalid name."""
    file = person.home / "media_generator_config.json"
    assert "'a b'" in systemd(person, "install", "--name", "a b", code=2).stderr
    file.write_text('{"database": {"path": "x.db"}}')
    assert "comfyui.python" in systemd(person, "install", code=2).stderr
    file.write_text('{"database": {"path": 1}}')
    assert "database.path" in systemd(person, "install", code=2).stderr
    file.unlink()
    assert "Write media_generator_config.json" in systemd(person, "install", code=2).stderr
    assert not unit(person).exists()
    assert calls(person) == []


def test_a_folder_that_cannot_be_created(person: CommandLine) -> None:
    """Reported in one line."""
    (person.home / "config").write_text("")
    said = systemd(person, "install", code=3).stderr
    assert str(person.home / "config") in said


def test_secrets_are_named_and_left_out(person: CommandLine) -> None:
    """The file would be a second copy of the secrets."""
    person.environment |= {"MEDIA_GENERATOR_HOOKS__SECRET": "geheim"}
    said = systemd(person, "install")
    assert "MEDIA_GENERATOR_HOOKS__SECRET" in said.stderr
    assert "geheim" not in unit(person).read_text("utf-8") + said.stdout + said.stderr


def test_macos_privacy_is_warned_of(person: CommandLine, installation: Installation) -> None:
    """A database on the Desktop is reported before launchd is denied access."""
    desktop = person.home / "Desktop" / "x.db"
    installation.configure({"database": {"path": str(desktop)}})
    said = managed(person, "launchd", "install").stderr
    assert f"the database {desktop} is in the Desktop folder" in said
    assert "Desktop" not in systemd(person, "install").stderr
