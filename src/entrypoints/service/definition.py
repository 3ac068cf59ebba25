"""What a service is, whoever runs it: its name, what it runs, and with which environment."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MARK = "Made by 'mediagen service install'"  # in every file of ours; without it none is touched
THROTTLE_SECONDS = 10  # between two starts of a service that fails
STOP_SECONDS = 15  # for a stop in good order; then everything is killed
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class ServiceError(Exception):
    """A service cannot be described as it was asked for; the text says what to do."""


@dataclass(frozen=True, slots=True)
class ServiceDefinition:
    """One service for one configuration.

    Attributes:
        name: of the unit or label.
        command: the program, absolute, and its arguments.
        environment: variables that it gets besides those of the service manager.
        home: the user's folder, in which it works.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    home: Path

    def __post_init__(self) -> None:
        checked_name(self.name)
        for what, text in self._texts():
            if not _can_be_written(text):
                raise ServiceError(
                    f"{what} {text!r} holds a character that no service file can hold (a line"
                    " break, another control character, or bytes that are not UTF-8); change it"
                )

    def _texts(self) -> list[tuple[str, str]]:
        named = [(f"the variable {name}", value) for name, value in self.environment.items()]
        words = [("the argument", word) for word in self.command]
        return [*words, *named, ("the home folder", str(self.home))]


def checked_name(name: str) -> str:
    """The name, fit for a file, a unit and a label; raises ServiceError when it is none."""
    if not _NAME.fullmatch(name):
        raise ServiceError(
            f"{name!r} cannot be a service's name: use letters, digits, '.', '_' and '-', a letter"
            " or digit first, 64 at most"
        )
    return name


def _can_be_written(text: str) -> bool:
    """Whether both formats take it: XML 1.0 (section 2.2), and systemd's check for valid UTF-8."""
    return not any(
        unicodedata.category(letter) in {"Cc", "Cs"}
        or ord(letter) & 0xFFFE == 0xFFFE  # noqa: PLR2004 - noncharacters, Unicode 23.7
        or "\ufdd0" <= letter <= "\ufdef"
        for letter in text
    )
