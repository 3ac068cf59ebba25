"""What the socket heard of one job, until the render's own thread takes it."""

from __future__ import annotations

from collections import deque
from threading import Condition
from typing import TYPE_CHECKING

from adapters.comfyui_server.messages import Ended, Preview

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.comfyui_server.messages import Message

_MOST_WAITING = 1_000  # a render that does not look loses the oldest; history decides anyway


class Inbox:
    """Takes messages from the socket's thread and hands them to the render's.

    Of pictures only the newest is kept.

    Attributes:
        job: the id whose messages are kept; pictures that name no job are kept too.
    """

    def __init__(self, job: str) -> None:
        self.job = job
        self._condition = Condition()
        self._messages: deque[Message] = deque(maxlen=_MOST_WAITING)
        self._preview: Preview | None = None
        self._disturbed = False
        self._urgent = False
        self._frames = 0

    @property
    def frames(self) -> int:
        """How many frames of any kind came; none means that the socket tells nothing."""
        return self._frames

    def frame_came(self) -> None:
        """The socket is alive."""
        self._frames += 1

    def put(self, message: Message) -> None:
        """Keep a message, if it is of this job."""
        if message.job != self.job and not (isinstance(message, Preview) and not message.job):
            return
        with self._condition:
            if isinstance(message, Preview):
                self._preview = message
            else:
                self._messages.append(message)
            if isinstance(message, Ended):  # the rest can wait until somebody looks
                self._urgent = True
                self._condition.notify()

    def disturb(self) -> None:
        """Something happened to the connection: better look than wait."""
        with self._condition:
            self._disturbed = True
            self._condition.notify()

    def take(self, seconds: float) -> tuple[Sequence[Message], bool]:
        """What was heard, and whether the connection was disturbed.

        Args:
            seconds: to wait at most; less when the job ends, or the connection is disturbed.
        """
        with self._condition:
            self._condition.wait_for(self._is_urgent, max(0.0, seconds))
            messages: list[Message] = [*self._messages]
            if self._preview:
                messages.append(self._preview)
            disturbed = self._disturbed
            self._messages.clear()
            self._preview, self._disturbed, self._urgent = None, False, False
        return messages, disturbed

    def _is_urgent(self) -> bool:
        return self._urgent or self._disturbed
