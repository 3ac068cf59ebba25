"""Everything about a service that does not depend on its manager: name, command, environment."""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from entrypoints.settings.errors import Problem, SettingsError
from entrypoints.settings.loader import FILE_NAME
from entrypoints.settings.redaction import HIDDEN, display
from entrypoints.settings.schema import find

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from entrypoints.settings.loader import LoadedSettings

MARK = "Made by 'mediagen service install'"  # in every file that we write; no other is touched
THROTTLE_SECONDS = 10  # between two starts of a service that fails
STOP_SECONDS = 15  # for an orderly stop; then everything is killed
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SECRET = re.compile(r"token|secret|passw|credential|api_?key", re.IGNORECASE)
_REFERENCE = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})", re.ASCII)
_FOLDER_VARIABLES = ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")  # they move our folders


class ServiceError(Exception):
    """A service cannot be defined as requested; the text says what to do."""


@dataclass(frozen=True, slots=True)
class ServiceDefinition:
    """One service for one configuration.

    Attributes:
        name: the name of the systemd unit or launchd label.
        command: the program, absolute, and its arguments.
        environment: variables that it gets besides those of the service manager.
        home: the user's folder, which is its working folder.

    Raises:
        ServiceError: the name is not valid, or a text cannot be written into a service file.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    home: Path

    def __post_init__(self) -> None:
        check_name(self.name)
        texts = [("the argument", word) for word in self.command]
        texts += [(f"the variable {name}", value) for name, value in self.environment.items()]
        for what, text in (*texts, ("the home folder", str(self.home))):
            if not _is_writable(text):
                raise ServiceError(
                    f"{what} {text!r} holds a character that no service file can hold (a line"
                    " break, another control character, or bytes that are not UTF-8); change it"
                )


def check_name(name: str) -> str:
    """The name, if it can be that of a file, a systemd unit and a launchd label.

    Raises:
        ServiceError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise ServiceError(
            f"{name!r} cannot be the name of a service: use letters, digits, '.', '_' and '-', a"
            " letter or digit first, 64 at most"
        )
    return name


def _is_writable(text: str) -> bool:
    """Whether both formats take it: XML 1.0 (section 2.2), and systemd's check for valid UTF-8."""
    return not any(
        unicodedata.category(letter) in {"Cc", "Cs"}
        or ord(letter) & 0xFFFE == 0xFFFE  # noqa: PLR2004 - noncharacters, Unicode 23.7
        or "\ufdd0" <= letter <= "\ufdef"
        for letter in text
    )


def mediagen_command(executable: str) -> tuple[str, ...]:
    """What starts ``mediagen``, without arguments: the program beside the interpreter.

    Where packages are installed without scripts, the interpreter itself does the same.

    Args:
        executable: this interpreter, never resolved: a virtual environment's Python is a link.
    """
    script = Path(executable).with_name("mediagen")
    if os.access(script, os.X_OK):
        return (str(script),)
    return (executable, "-c", "from entrypoints.cli import main; main()")


class DefinitionBuilder:
    """Defines a service that has the settings in force here.

    Args:
        loaded: the settings in force.
        environ: the environment that they were loaded with.

    Attributes:
        notes: what was left out and why, in whole sentences.
    """

    def __init__(self, loaded: LoadedSettings, environ: Mapping[str, str]) -> None:
        self._loaded = loaded
        self._environ = environ
        self.notes: list[str] = []

    def build(
        self,
        name: str,
        program: tuple[str, ...],
        overrides: Mapping[str, str],
        variables: Iterable[str],
    ) -> ServiceDefinition:
        """The service.

        Args:
            name: the name of the service.
            program: what starts ``mediagen``, without arguments.
            overrides: settings from the command line, by dotted name.
            variables: names of further environment variables to copy.

        Raises:
            ServiceError: something cannot be written into a file, or must not be.
            SettingsError: there is no configuration file.
        """
        file = str(self._config_file()).replace("$", "$$")  # as it is typed on a command line
        command = (*program, "daemon", "--config", file)
        return ServiceDefinition(
            name,
            (*command, *self._options(overrides)),
            self._environment(variables),
            Path(self._environ.get("HOME") or Path.home()),
        )

    def _config_file(self) -> Path:
        if self._loaded.config_file is None:
            what = "there is no configuration file, and a service gets no settings from your shell"
            fix = f"Write {FILE_NAME} (docs/configuration.md), or name yours with --config."
            raise SettingsError([Problem("settings", what, fix)])
        return self._loaded.config_file

    def _options(self, overrides: Mapping[str, str]) -> Iterator[str]:
        for key, value in overrides.items():
            if _is_secret(key, value):
                self._leave_out(f"--set {key}")
            else:
                yield f"--set={key}={self._absolute(key, value)}"

    def _environment(self, variables: Iterable[str]) -> dict[str, str]:
        # A relative entry of PATH would mean another folder in a service.
        entries = self._environ.get("PATH", os.defpath).split(os.pathsep)
        path = os.pathsep.join(dict.fromkeys(entry for entry in entries if entry.startswith("/")))
        environment = {"PATH": path}
        for name in (*_FOLDER_VARIABLES, *self._referenced()):
            environment[name] = self._environ.get(name, "")
        environment |= self._settings()
        environment |= {name: self._requested(name) for name in variables}
        return {name: value for name, value in environment.items() if value}

    def _settings(self) -> Iterator[tuple[str, str]]:
        """The variables that hold settings, with absolute paths."""
        keys = {
            source.name: key
            for key, source in self._loaded.provenance.items()
            if source.kind == "environment"
        }
        for variable, key in sorted(keys.items()):
            value = self._environ[variable]
            if _is_secret(key, value):
                self._leave_out(variable)
            else:
                yield variable, self._absolute(key, value)

    def _absolute(self, name: str, value: str) -> str:
        """A path as the settings resolved it, in this folder and environment."""
        key = find(name)
        if key is None or not key.path:
            return value
        resolved: object = self._loaded.settings
        for part in name.split("."):
            resolved = getattr(resolved, part)
        return str(resolved).replace("$", "$$")

    def _referenced(self) -> Iterator[str]:
        """The variables that the configuration file names in its paths."""
        text = self._config_file().read_text("utf-8-sig", errors="replace")
        for match in _REFERENCE.finditer(text):
            name = match[1] or match[2]
            if name and name not in {"HOME", "PATH"} and name in self._environ:
                if _SECRET.search(name):
                    self._leave_out(name)
                else:
                    yield name

    def _requested(self, name: str) -> str:
        if _SECRET.search(name):
            raise ServiceError(
                f"{name} looks like a secret, which a service file must not hold; keep it where"
                " the program that needs it looks for it"
            )
        if "=" in name:
            name = name.partition("=")[0]
            raise ServiceError(f"--env takes a name alone: set {name} here, and pass --env {name}")
        if name not in self._environ or not re.fullmatch(r"\w+", name, re.ASCII):
            raise ServiceError(f"the variable {name} is not set here; set it, or leave out --env")
        return self._environ[name]

    def _leave_out(self, what: str) -> None:
        self.notes.append(
            f"{what} looks like a secret and is not copied into the service; put it into the"
            " configuration file."
        )


def _is_secret(key: str, value: str) -> bool:
    return HIDDEN in display(key, value) and HIDDEN not in value
