"""Problems with the settings, each with instructions for fixing it."""

from __future__ import annotations

from dataclasses import dataclass

from entrypoints.settings.redaction import printable


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem with the settings.

    Attributes:
        where: the file, environment variable or option.
        what: what was found and what was expected, without a full stop.
        fix: what to do, in whole sentences; may be "".
        key: the dotted name of the setting, or "" if the file as a whole is wrong.
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
        problems: every problem that was found; never empty.
    """

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return str(self.problems[0])
        title = f"{len(self.problems)} problems with the settings:"
        fixes = {problem.fix for problem in self.problems}
        if len(fixes) == 1 and (fix := fixes.pop()):
            whats = "".join(
                "\n  - " + printable(f"{problem.where}: {problem.what}")
                for problem in self.problems
            )
            return f"{title}{whats}\n{printable(fix)}"
        return title + "".join(f"\n  - {problem}" for problem in self.problems)
