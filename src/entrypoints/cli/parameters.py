"""Kinds of values on the command line: what they may be, and how a shell completes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from domain.artifact_status import ArtifactStatus

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_LARGEST_ID = 2**63 - 1  # of an INTEGER PRIMARY KEY in SQLite
_MOST_IDS_SEARCHED = 500
_MOST_IDS_OFFERED = 30


class PromptId(click.IntRange):
    """The id of a prompt; the shell offers those that are there, newest first.

    Args:
        statuses: offer only prompts with one of these; all when there are none.
    """

    name = "id"

    def __init__(self, *statuses: ArtifactStatus) -> None:
        super().__init__(min=0, max=_LARGEST_ID)
        self._statuses = statuses or (None,)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Ids that begin as typed, with what was asked for."""
        try:
            return self._offered(ctx, param, incomplete)
        except Exception:  # noqa: BLE001 - in the middle of a line there is nobody to tell
            return []

    def _offered(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        from application.ports.prompt_catalogue import PromptQuery
        from entrypoints.cli.invocation import Invocation
        from entrypoints.cli.opening import opened_catalogue
        from entrypoints.cli.printable import fitted, one_line

        invocation = ctx.find_object(Invocation) or Invocation()
        invocation.settings(quietly=True)
        typed = {str(each) for each in ctx.params.get(param.name or "") or ()}
        queries = [PromptQuery(None, status, None, _MOST_IDS_SEARCHED) for status in self._statuses]
        with opened_catalogue(invocation) as catalogue:
            found = [
                CompletionItem(str(prompt.id), help=fitted(one_line(prompt.text), 60))
                for query in queries
                for prompt in catalogue.search(query)
                if str(prompt.id).startswith(incomplete) and str(prompt.id) not in typed
            ]
        return found[:_MOST_IDS_OFFERED]


class StatusWord(click.types.StringParamType):
    """A value of ``artifact_status``; other programs write words of their own."""

    name = "status"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401 - click's signature
        """Any text that a database can hold."""
        return WholeText().convert(value, param, ctx)

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """The words that mean something to us."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(word) for word in ArtifactStatus if word.startswith(incomplete)]


class WholeText(click.types.StringParamType):
    """Text without half characters: an argument that was not UTF-8 cannot be stored."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401 - click's signature
        """The text as it is, or a usage error."""
        text = str(value)
        try:
            text.encode()
        except UnicodeEncodeError as error:
            message = f"character {error.start + 1} is not valid UTF-8; check the terminal's locale"
            self.fail(message, param, ctx)
        return text
