"""What can be wrong with the settings, told to the person who must mend it."""

from __future__ import annotations

from dataclasses import dataclass

from entrypoints.settings.disclosure import printable


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        where: the file, environment variable or option.
        what: what was found and what was expected, without a full stop.
        fix: what to do, in whole sentences; may be "".
        key: the dotted name that it is about, or "" when it is about a file as a whole.
    """

    where: str
    what: str
    fix: str = ""
    key: str = ""

    def __str__(self) -> str:
        return printable(f"{self.where}: {self.what}. {self.fix}".rstrip())


class SettingsError(Exception):
    """The settings cannot be used; nothing was started. The text is the whole message.

    Attributes:
        problems: all of them, never empty.
    """

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return str(self.problems[0])
        lines = "".join(f"\n  - {problem}" for problem in self.problems)
        return f"{len(self.problems)} things are wrong with the settings:{lines}"
