"""Those who write to the log: the listener to the queue, and the daemon itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.courier import Delivered, GivenUp, Postponed
from entrypoints.observing.event_lines import line_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from structlog.stdlib import BoundLogger

    from application.courier import Delivery
    from application.ports.events import Event
    from entrypoints.settings.errors import SettingsError


class EventLog:
    """Logs every event. Safe from any thread; neither waits for a disk nor raises."""

    def __init__(self, logger: BoundLogger) -> None:
        self._logger = logger

    def notice(self, event: Event) -> None:
        """Take note of what happened."""
        line = line_of(event)
        self._logger.log(line.level, line.event, **line.fields)


class DaemonLog:
    """What the daemon has to say of itself."""

    def __init__(self, logger: BoundLogger) -> None:
        self._logger = logger

    def started(self, version: str, pid: int, slots: Mapping[str, int]) -> None:
        """It begins to work; ``slots`` are counted by what they render."""
        self._logger.info("daemon.started", version=version, pid=pid, slots=dict(slots))

    def stopping(self, reason: str) -> None:
        """It was asked to end, by a signal's name for instance."""
        self._logger.info("daemon.stopping", reason=reason)

    def stopped(self) -> None:
        """It ends now."""
        self._logger.info("daemon.stopped")

    def reloaded(self) -> None:
        """New settings are in force."""
        self._logger.info("config.reloaded")

    def refused(self, error: SettingsError) -> None:
        """New settings are wrong; the old ones stay in force."""
        reason = " | ".join(str(problem) for problem in error.problems)
        self._logger.error("config.refused", reason=reason)

    def delivery(self, delivery: Delivery) -> None:
        """A hook was told, or could not be."""
        notice = delivery.notice
        about = {
            "prompt": notice.prompt_id,
            "render": notice.render_id,
            "hook": f"{notice.subscription.event}.{notice.subscription.channel}",
            "delivery": notice.delivery_id,
        }
        match delivery:
            case Delivered():
                self._logger.info("hook.told", **about)
            case Postponed(error=error, wait=wait):
                self._logger.warning("hook.postponed", **about, reason=error, wait=round(wait, 1))
            case GivenUp(error=error):
                self._logger.error("hook.given_up", **about, reason=error)

    def warned(self, reason: str) -> None:
        """Something is not as it should be, but the work goes on."""
        self._logger.warning("daemon.warned", reason=reason)

    def listening(self, url: str) -> None:
        """Health and metrics are served there."""
        self._logger.info("health.listening", url=url)

    def unanswered(self, path: str, error: Exception) -> None:
        """A mistake in the program kept a question over HTTP from being answered."""
        self._logger.error("health.unanswered", path=path, error=type(error).__name__)

    def serving(self, url: str) -> None:
        """The page is shown there."""
        self._logger.info("page.listening", url=url)

    def exposed(self, host: str) -> None:
        """They are served to other machines too."""
        self._logger.warning(
            "health.exposed",
            host=host,
            reason="whoever reaches this address may read metrics and health: there is no"
            " password. Set web.health_host to 127.0.0.1, or keep others away with a firewall.",
        )
