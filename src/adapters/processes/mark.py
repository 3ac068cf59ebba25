"""The mark that everything started by a workflow bears, wherever it goes.

It stands in the environment, so a child inherits it even when it leaves the process group or
loses its parent; only a program that is started with another environment escapes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.processes.process_table import environment_holds

if TYPE_CHECKING:
    from domain.render import WorkflowProcess

MARK = "MEDIAGEN_RENDER"
"""The name of the variable."""


def mark_of(workflow: WorkflowProcess) -> str:
    """Its value; no two workflows of one machine have the same between two starts of it."""
    return f"{workflow.group}-{workflow.started}"


def bears_mark(pid: int, workflow: WorkflowProcess) -> bool | None:
    """Whether a process was started by this workflow.

    False when we may not see that, None when it cannot be told yet.
    """
    return environment_holds(pid, MARK, mark_of(workflow))
