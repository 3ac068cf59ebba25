"""From the settings in force, here and now, to a service that has the same ones."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from entrypoints.service.definition import ServiceDefinition, ServiceError
from entrypoints.settings import schema
from entrypoints.settings.disclosure import HIDDEN, display
from entrypoints.settings.discovery import FILE_NAME
from entrypoints.settings.errors import Problem, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from entrypoints.settings.loading import LoadedSettings

_SECRET = re.compile(r"token|secret|passw|credential|api_?key", re.IGNORECASE)
_REFERENCE = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})", re.ASCII)
_PLACES = ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")  # which move folders of ours


class Gathering:
    """Collects what a service needs of this moment.

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

    def service(
        self,
        name: str,
        program: tuple[str, ...],
        overrides: Mapping[str, str],
        wanted: Iterable[str],
    ) -> ServiceDefinition:
        """The service.

        Args:
            name: of it.
            program: what stands before the arguments of ``mediagen``.
            overrides: settings from the command line, by dotted key.
            wanted: names of variables to copy besides.

        Raises:
            ServiceError: something cannot be written into a file, or must not be.
            SettingsError: there is no configuration file.
        """
        file = str(self._config_file()).replace("$", "$$")  # as it is typed on a command line
        command = (*program, "daemon", "--config", file)
        return ServiceDefinition(
            name,
            (*command, *self._options(overrides)),
            self._environment(wanted),
            Path(self._environ.get("HOME") or Path.home()),
        )

    def _config_file(self) -> Path:
        if self._loaded.config_file is None:
            what = (
                "there is no configuration file, and a service starts where no shell set anything"
            )
            fix = f"Write {FILE_NAME} (docs/configuration.md), or name yours with --config."
            raise SettingsError([Problem("settings", what, fix)])
        return self._loaded.config_file

    def _options(self, overrides: Mapping[str, str]) -> Iterator[str]:
        for key, value in overrides.items():
            if _is_secret(key, value):
                self._leave_out(f"--set {key}", "the configuration file")
            else:
                yield f"--set={key}={self._absolute(key, value)}"

    def _environment(self, wanted: Iterable[str]) -> dict[str, str]:
        found = {"PATH": self._search_path()}
        for name in (*_PLACES, *self._referenced()):
            if value := self._environ.get(name):
                found[name] = value
        found |= self._settings()
        found |= {name: self._wanted(name) for name in wanted}
        return {name: value for name, value in found.items() if value}

    def _search_path(self) -> str:
        """PATH as it is now; what is relative would mean another folder in a service."""
        entries = self._environ.get("PATH", os.defpath).split(os.pathsep)
        return os.pathsep.join(dict.fromkeys(entry for entry in entries if entry.startswith("/")))

    def _settings(self) -> Iterator[tuple[str, str]]:
        """The variables that set something, with the paths that they mean here."""
        keys = {
            source.name: key
            for key, source in self._loaded.provenance.items()
            if source.kind == "environment"
        }
        for variable, key in sorted(keys.items()):
            value = self._environ[variable]
            if _is_secret(key, value):
                self._leave_out(variable, "the configuration file")
            else:
                yield variable, self._absolute(key, value)

    def _absolute(self, key: str, value: str) -> str:
        """A path as the settings understood it, in this folder and environment."""
        known = schema.find(key)
        if known is None or not known.path:
            return value
        meant: object = self._loaded.settings
        for part in key.split("."):
            meant = getattr(meant, part)
        return str(meant).replace("$", "$$")

    def _referenced(self) -> Iterator[str]:
        """The variables that the configuration file names in its paths."""
        text = self._config_file().read_text("utf-8-sig", errors="replace")
        for match in _REFERENCE.finditer(text):
            name = match[1] or match[2]
            if name and name not in {"HOME", "PATH"} and name in self._environ:
                if _SECRET.search(name):
                    self._leave_out(name, "the configuration file")
                else:
                    yield name

    def _wanted(self, name: str) -> str:
        if _SECRET.search(name):
            raise ServiceError(
                f"{name} looks like a secret, which a service file must not hold; keep it where"
                " the program that needs it looks for it"
            )
        if "=" in name:
            name = name.partition("=")[0]
            raise ServiceError(f"--env takes a name alone: set {name} here, and give --env {name}")
        if name not in self._environ or not re.fullmatch(r"\w+", name, re.ASCII):
            raise ServiceError(f"the variable {name} is not set here; set it, or leave out --env")
        return self._environ[name]

    def _leave_out(self, what: str, instead: str) -> None:
        self.notes.append(
            f"{what} looks like a secret and is not copied into the service; put it into {instead}."
        )


def _is_secret(key: str, value: str) -> bool:
    return HIDDEN in display(key, value) and HIDDEN not in value
