"""How the parts that tell hooks are built from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.notice import Channel, DeliveryPolicy, NoticeEvent, Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adapters.sqlite.connection import Connection
    from adapters.sqlite.notices import SqliteNotices
    from application.notify import Notifier
    from application.ports.clock import Clock
    from application.ports.notice_sender import NoticeSender
    from entrypoints.settings.loading import LoadedSettings
    from entrypoints.settings.model import Hook

NOTICE_LOCK_WAIT_SECONDS = 5.0  # what cannot be written down now is delivered once more


def subscriptions(loaded: LoadedSettings) -> tuple[Subscription, ...]:
    """The hooks that are set."""
    hooks = loaded.settings.hooks
    chosen = {NoticeEvent.PUBLISHED: hooks.published, NoticeEvent.ERROR: hooks.error}
    return tuple(_subscriptions(chosen))


def build_notice_connection(loaded: LoadedSettings) -> Connection:
    """The shared database, for the notices alone: threads of their own deliver them."""
    from adapters.sqlite.connection import Connection
    from entrypoints.settings.resolution import database_path

    # What a loss of power makes undone here was delivered, and is delivered once more.
    return Connection(database_path(loaded), NOTICE_LOCK_WAIT_SECONDS, durable=False)


def build_notices(connection: Connection) -> SqliteNotices:
    """What hooks are still to be told."""
    from adapters.sqlite.notices import SqliteNotices

    return SqliteNotices(connection)


def build_notifier(
    loaded: LoadedSettings, open_notices: Callable[[], SqliteNotices], clock: Clock
) -> Notifier:
    """Tells all hooks; opens nothing when there are none.

    Raises:
        SettingsError: a command is set, and it is not known where the media are.
    """
    from adapters.system_chance import SystemChance
    from application.courier import Courier
    from application.notify import Notifier

    hooks = loaded.settings.hooks
    wanted = subscriptions(loaded)
    if not wanted:
        return Notifier((), None, clock)
    notices = open_notices()
    policy = DeliveryPolicy(max_attempts=hooks.max_attempts, base_seconds=hooks.base_seconds)
    couriers = [
        Courier(
            subscription,
            _sender(loaded, subscription, clock),
            notices,
            policy,
            hooks.timeout_seconds,
            clock,
            SystemChance(),
        )
        for subscription in wanted
    ]
    return Notifier(couriers, notices, clock)


def _subscriptions(chosen: dict[NoticeEvent, Hook]) -> Iterator[Subscription]:
    for event, hook in chosen.items():
        if hook.command:
            yield Subscription(event, Channel.COMMAND)
        if hook.webhook is not None:
            yield Subscription(event, Channel.WEBHOOK)


def _sender(loaded: LoadedSettings, subscription: Subscription, clock: Clock) -> NoticeSender:
    from entrypoints.settings.resolution import output_root

    hooks = loaded.settings.hooks
    hook = hooks.published if subscription.event is NoticeEvent.PUBLISHED else hooks.error
    if subscription.channel is Channel.COMMAND:
        from adapters.hooks.command import Command

        return Command(hook.command, {"MEDIAGEN_OUTPUT_ROOT": str(output_root(loaded))}, clock)
    from adapters.hooks.webhook import Webhook

    return Webhook(hook.webhook or "", hooks.secret, clock)
