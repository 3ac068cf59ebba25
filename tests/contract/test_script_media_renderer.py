"""Contract tests of the script renderer, with real scripts."""

from __future__ import annotations

import sys
from pathlib import Path

from adapters.comfyui_script.renderer import ScriptRenderer
from adapters.comfyui_script.workflow import DEFAULT_ARGUMENTS, ArgumentStyle, ScriptWorkflow
from adapters.system_clock import SystemClock
from domain.prompt import Kind
from tests.contract.media_renderer_contract import Behaviour, MediaRendererContract

WORKFLOWS = Path(__file__).parents[1] / "workflows"
SCRIPTS = {
    Behaviour.SUCCEED: "good.py",
    Behaviour.FAIL: "fails.py",
    Behaviour.TAKE_LONG: "never_ends.py",
    Behaviour.BE_BROKEN: "good.py",
}


class TestScriptRenderer(MediaRendererContract):
    """For all kinds at once."""

    def renderer(self, behaviour: Behaviour, folder: Path) -> ScriptRenderer:
        broken = behaviour is Behaviour.BE_BROKEN
        workflows = {
            (kind, ""): ScriptWorkflow(
                renderer="script",
                interpreter=folder / "no-python" if broken else Path(sys.executable),
                script=WORKFLOWS / SCRIPTS[behaviour],
                working_directory=folder,
                arguments=DEFAULT_ARGUMENTS[kind],
                extra_arguments=(),
                argument_style=ArgumentStyle.EQUALS,
                queue_size=1,
                time_limit_seconds=60,
                stall_seconds=0,
                grace_seconds=2,
            )
            for kind in self.kinds
        }
        return ScriptRenderer(workflows, SystemClock())


class TestScriptRendererOfOneKind(TestScriptRenderer):
    """For one kind, as if another renderer made the other kind."""

    kinds = frozenset({Kind.AUDIO})
