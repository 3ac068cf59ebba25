"""Types of values on the command line: their validation and their shell completion."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from domain.artifact_status import ArtifactStatus
from domain.prompt import CANCELLED, KIND_NAMES, Kind

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from domain.variation import Axis

    _KindParameter = click.ParamType[Kind]
    _TimeParameter = click.ParamType[datetime]
else:
    _KindParameter = _TimeParameter = click.ParamType  # generic only since click 8.4

_AGE: Final = r"([0-9]{1,6}) ?(s|min|h|d)"
_SECONDS: Final = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_MAX_ID: Final = 2**63 - 1  # of an INTEGER PRIMARY KEY in SQLite
_MAX_IDS_SEARCHED: Final = 500
_MAX_IDS_OFFERED: Final = 30
_MAX_LABELS_SEARCHED: Final = 500


class PromptId(click.IntRange):
    """The id of a prompt; the shell completes existing ids, newest first.

    Args:
        statuses: complete only prompts with one of these statuses; all prompts if there are none.
    """

    name = "id"

    def __init__(self, *statuses: ArtifactStatus) -> None:
        super().__init__(min=0, max=_MAX_ID)
        self._statuses = statuses or (None,)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Ids that begin as typed, each with the text of its prompt; none after any error."""
        from click.shell_completion import CompletionItem

        from application.ports.prompt_catalogue import PromptQuery
        from entrypoints.cli.invocation import Invocation
        from entrypoints.terminal_text import fitted, one_line

        invocation = ctx.find_object(Invocation) or Invocation()
        typed = {str(prompt_id) for prompt_id in ctx.params.get(param.name or "") or ()}
        queries = [PromptQuery(None, status, None, _MAX_IDS_SEARCHED) for status in self._statuses]
        completions: list[CompletionItem] = []
        with suppress(Exception):  # an error cannot be shown in the middle of a line
            invocation.settings(quietly=True)
            with invocation.open_database() as database:
                completions += [
                    CompletionItem(str(prompt.id), help=fitted(one_line(prompt.text), 60))
                    for query in queries
                    for prompt in database.catalogue.search(query)
                    if str(prompt.id).startswith(incomplete) and str(prompt.id) not in typed
                ]
        return completions[:_MAX_IDS_OFFERED]


class KindName(_KindParameter):
    """A kind of media by any of its names; ``song``, ``audio`` and ``lyrics_prompt`` are one."""

    name = "kind"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002 - click's signature
        """The two names that most people use, for the help."""
        return "[image|song]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Kind:  # noqa: ANN401 - click's signature
        """The kind, or a usage error."""
        kind = Kind.of_name(str(value))
        if kind is None:
            self.fail(f"{value!r} is not one of {', '.join(KIND_NAMES)}", param, ctx)
        return kind

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """The kinds' own names."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(kind.value) for kind in Kind if kind.startswith(incomplete)]


class PastTime(_TimeParameter):
    """A time in the past: ISO 8601, local without a zone, or an age such as ``90min``."""

    name = "time"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> datetime:
        """The time with its zone, or a usage error."""
        text = str(value).strip()
        if match := re.fullmatch(_AGE, text):
            return datetime.now(UTC) - timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
        try:
            time = datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            message = (
                f"{text!r} is neither a date or time (2026-01-06, 2026-01-06T21:30) nor an age"
                " (90min, 2h, 3d)"
            )
            self.fail(message, param, ctx)
        return time


class DatabaseText(click.types.StringParamType):
    """Text that a database can hold: an argument that is not valid UTF-8 is refused."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401 - click's signature
        """The text unchanged, or a usage error."""
        text = str(value)
        try:
            text.encode()
        except UnicodeEncodeError as error:
            message = f"character {error.start + 1} is not valid UTF-8; check the terminal's locale"
            self.fail(message, param, ctx)
        return text


class LabelText(DatabaseText):
    """A label of prompts; the shell completes existing ones, newest first."""

    name = "label"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401 - click's signature
        """The label without white space around it, or a usage error."""
        from domain.variation import VariationError, check_label

        try:
            return check_label(super().convert(value, param, ctx))
        except VariationError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """Labels that begin as typed, each with its number of prompts; none after any error."""
        from click.shell_completion import CompletionItem

        from entrypoints.cli.invocation import Invocation

        invocation = ctx.find_object(Invocation) or Invocation()
        with suppress(Exception):  # an error cannot be shown in the middle of a line
            invocation.settings(quietly=True)
            with invocation.open_database() as database:
                return [
                    CompletionItem(label.name, help=f"{label.prompts} prompts")
                    for label in database.labels.all(_MAX_LABELS_SEARCHED)
                    if label.name.startswith(incomplete)
                ][:_MAX_IDS_OFFERED]
        return []


class AxisText(DatabaseText):
    """What is varied, as ``PATH=VALUES``."""

    name = "path=values"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's signature
        """The axis, or a usage error."""
        from domain.variation import Axis, VariationError

        if isinstance(value, Axis):
            return value
        try:
            return self.axis(super().convert(value, param, ctx))
        except VariationError as error:
            self.fail(str(error), param, ctx)

    def axis(self, written: str) -> Axis:
        """The axis that was written."""
        from domain.variation import read_axis

        return read_axis(written)


class AxisValues(AxisText):
    """The values of one axis, as numbers with commas between them.

    Args:
        path: of the axis.
    """

    name = "values"

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def axis(self, written: str) -> Axis:
        """The axis that was written."""
        from domain.variation import Axis, read_values

        return Axis(self._path, read_values(self._path, written))


class StatusText(DatabaseText):
    """A value of ``artifact_status``, where other programs write values of their own."""

    name = "status"

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """The statuses of Media Generator."""
        from click.shell_completion import CompletionItem

        names = [*ArtifactStatus, CANCELLED]
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]
