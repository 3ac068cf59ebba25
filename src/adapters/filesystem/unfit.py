"""The one exception for what a workflow left and we do not publish."""

from __future__ import annotations

from domain.failure import Failure, FailureCode


class UnfitError(Exception):
    """A staging folder, or a file in it, that must not be published.

    Raised deep inside the readers of file formats; the store turns it into a `Failure`.

    Attributes:
        code: what is wrong, in a word.
        reason: what is wrong, as a sentence without its subject.
    """

    def __init__(self, code: FailureCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason

    @classmethod
    def broken(cls, reason: str) -> UnfitError:
        """The file is damaged or incomplete."""
        return cls(FailureCode.FILE_BROKEN, reason)

    @classmethod
    def refused(cls, reason: str) -> UnfitError:
        """The file may be whole, but is nothing that we would publish."""
        return cls(FailureCode.FILE_REFUSED, reason)

    @classmethod
    def too_much(cls, reason: str) -> UnfitError:
        """There is more of it than the caps allow."""
        return cls(FailureCode.TOO_MUCH_OUTPUT, reason)

    def about(self, subject: str) -> UnfitError:
        """The same, with the file that it speaks of in front."""
        return UnfitError(self.code, f"{subject} {self.reason}")

    def failure(self) -> Failure:
        """What the application is told."""
        return Failure(self.code, self.reason)
