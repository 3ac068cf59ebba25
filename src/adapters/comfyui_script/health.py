"""The checklist for interpreter, ComfyUI directory and scripts (contract, section 7)."""

from __future__ import annotations

import ast
import os
import re
import warnings
from typing import TYPE_CHECKING

from adapters.comfyui_script.inquiry import ask
from application.ports.health import Check, Health
from domain.failure import FailureCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from adapters.comfyui_script.workflow import ScriptWorkflow
    from application.ports.clock import Clock
    from domain.kind import Kind

_VERSION = "import sys; print(sys.version.split()[0])"
_FIND_COMFY = "import importlib.util as u; print(u.find_spec('comfy') is not None)"
_OPTION = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")
_SECONDS_FOR_PYTHON = 20.0
_SECONDS_FOR_HELP = 30.0  # exported scripts import much before they read their arguments


class ScriptProbe:
    """Examines what the script renderer needs, by using it."""

    def __init__(self, workflows: Mapping[Kind, ScriptWorkflow], clock: Clock) -> None:
        self._workflows = workflows
        self._clock = clock

    def checks(self) -> Iterator[Check]:
        """One line for each interpreter and directory, two or three for each script."""
        seen: set[Path] = set()
        for workflow in self._workflows.values():
            if workflow.interpreter not in seen:
                yield self._interpreter(workflow)
            if workflow.renderer == "script" and workflow.working_directory not in seen:
                yield _directory(workflow.working_directory)
                yield self._modules(workflow)
            seen |= {workflow.interpreter, workflow.working_directory}
        for kind, workflow in self._workflows.items():
            script = _script(f"{kind.value} script", workflow.script)
            yield script
            if script.health is not Health.BROKEN:
                yield self._arguments(f"{kind.value} script arguments", workflow)

    def _interpreter(self, workflow: ScriptWorkflow) -> Check:
        subject, path = "interpreter", workflow.interpreter
        remedy = FailureCode.INTERPRETER_MISSING.hint
        if not path.is_file():
            return Check(subject, Health.BROKEN, f"{path} is not a file", remedy)
        if not os.access(path, os.X_OK):
            return Check(subject, Health.BROKEN, f"{path} is not executable", remedy)
        reply = ask((str(path), "-c", _VERSION), path.parent, _SECONDS_FOR_PYTHON, self._clock)
        if reply.trouble:
            return Check(subject, Health.BROKEN, f"{path} {reply.trouble}", remedy)
        return Check(subject, Health.WELL, f"{path} is Python {reply.text}")

    def _modules(self, workflow: ScriptWorkflow) -> Check:
        subject = "import comfy"
        command = (str(workflow.interpreter), "-c", _FIND_COMFY)
        reply = ask(command, workflow.working_directory, _SECONDS_FOR_PYTHON, self._clock)
        if reply.text == "True":
            return Check(subject, Health.WELL, "the interpreter finds the module 'comfy'")
        finding = "the interpreter does not find the module 'comfy' in the ComfyUI directory"
        if reply.trouble:
            finding = f"looking for the module 'comfy', {workflow.interpreter} {reply.trouble}"
        return Check(subject, Health.WARNING, finding, FailureCode.COMFYUI_IMPORT.hint)

    def _arguments(self, subject: str, workflow: ScriptWorkflow) -> Check:
        command = (str(workflow.interpreter), str(workflow.script), "--help")
        reply = ask(command, workflow.working_directory, _SECONDS_FOR_HELP, self._clock)
        remedy = FailureCode.ARGUMENTS_REJECTED.hint
        if reply.trouble:
            finding = f"asked for --help, {workflow.script.name} {reply.trouble}"
            return Check(subject, Health.WARNING, finding, remedy)
        known = set(_OPTION.findall(reply.text))
        unknown = [name for name in workflow.arguments.values() if name not in known]
        if not unknown:
            return Check(subject, Health.WELL, "the script knows every argument that it is given")
        finding = f"the script's --help does not list {', '.join(unknown)}"
        return Check(subject, Health.WARNING, finding, remedy)


def _directory(path: Path) -> Check:
    subject, remedy = "ComfyUI directory", FailureCode.COMFYUI_MISSING.hint
    if not path.is_dir():
        return Check(subject, Health.BROKEN, f"{path} is not a directory", remedy)
    if not (path / "main.py").is_file() or not (path / "comfy").is_dir():
        finding = f"{path} does not look like ComfyUI (no main.py, or no comfy folder)"
        return Check(subject, Health.WARNING, finding, remedy)
    return Check(subject, Health.WELL, f"{path} holds ComfyUI")


def _script(subject: str, path: Path) -> Check:
    remedy = FailureCode.SCRIPT_MISSING.hint
    try:
        source = path.read_bytes()
    except OSError as error:
        finding = f"{path} cannot be read: {error.strerror}"
        return Check(subject, Health.BROKEN, finding, remedy)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        # The interpreter that runs it may be newer than ours, and know more syntax.
        finding = f"{path} does not look like a Python program: {error}"
        return Check(subject, Health.WARNING, finding, "Export the script anew, or mend it.")
    return Check(subject, Health.WELL, f"{path} is there and compiles")
