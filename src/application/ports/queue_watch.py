"""The port that tells when others did something to the queue, without asking the queue."""

from __future__ import annotations

from typing import Protocol


class QueueWatch(Protocol):
    """Notices commits. Cheap enough to be asked ten times a second; never writes."""

    def changed(self) -> bool:
        """Whether anything was committed since the last call; true the first time.

        Raises:
            RepositoryError: the database was moved away or replaced, or cannot be used.
        """
        ...
