"""What the exit codes of ``mediagen`` mean."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Scripts rely on these numbers."""

    DONE = 0  # everything that was asked for was done
    SOME_FAILED = 1  # at least one prompt ended in error, or could not be taken
    USAGE = 2  # the command line or the configuration is wrong
    ENVIRONMENT = 3  # paused, the environment is broken, or the database is missing
    SIGHUP = 129  # the terminal was closed
    SIGINT = 130  # interrupted from the keyboard
    SIGTERM = 143  # asked to end
