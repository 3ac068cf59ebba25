"""The doctor's checks of interpreter, ComfyUI directory and scripts (contract, section 7)."""

from __future__ import annotations

import json
import os
import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.comfyui_script.mapping_checks import mapping_problems, shown_mapping
from adapters.comfyui_script.output import output_lines
from adapters.comfyui_script.process import Limits, ScriptProcess
from adapters.comfyui_script.script_source import ScriptSource, parse_script, script_source
from application.ports.doctor import Check, CheckStatus
from domain.failure import FailureCode
from domain.prompt import Kind
from domain.workflow_rules import workflow_subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from adapters.comfyui_script.workflow import ScriptWorkflow
    from application.ports.live_state import HostReader, HostView
    from application.ports.system import Clock
    from domain.workflow_rules import WorkflowKey

_VERSION = "import sys; print(sys.version.split()[0])"
# Where a script gets the modules of ComfyUI from. Python looks in the script's folder first.
_FIND_MODULES = (
    "import importlib.util as u, json, sys; sys.path[0] = sys.argv[1]; specs ="
    " {m: u.find_spec(m) for m in sys.argv[2:]}; print(json.dumps({m: s and (s.origin or"
    " [*s.submodule_search_locations][0]) for m, s in specs.items()}))"
)
_MODULES = ("comfy", "nodes", "folder_paths")
_COMPILE = "import sys; compile(open(sys.argv[1], 'rb').read(), sys.argv[1], 'exec')"
_OPTION = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")
_PYTHON_TIMEOUT_SECONDS = 20.0
_HELP_TIMEOUT_SECONDS = 30.0  # exported scripts import much before they read their arguments


class ScriptChecks:
    """Checks what the script renderer needs, by running it.

    Args:
        workflows: the scripts that are rendered.
        clock: measures the time limits of the programs that are run.
        unset: the workflows whose script the user has not named; it need not exist.
        hosts: shows the warm hosts; None if there can be none.
    """

    def __init__(
        self,
        workflows: Mapping[WorkflowKey, ScriptWorkflow],
        clock: Clock,
        unset: frozenset[WorkflowKey] = frozenset(),
        hosts: HostReader | None = None,
    ) -> None:
        self._workflows = workflows
        self._clock = clock
        self._unset = unset
        self._hosts = hosts

    def checks(self) -> Iterator[Check]:
        """One check for each interpreter and each directory, and several for each script."""
        yield from self._installations()
        # Who renders one kind only needs no script for the other.
        one_works = any(os.path.lexists(flow.script) for flow in self._workflows.values())
        spared = self._unset if one_works or len(self._workflows) < len(Kind) else frozenset()
        for key, workflow in self._workflows.items():
            if key in spared and not os.path.lexists(workflow.script):
                yield _no_script(key[0], workflow.script)
            else:
                for check in self._workflow(key, workflow):
                    yield replace(check, workflow=key)
        for host in self._hosts.hosts() if self._hosts is not None else ():
            yield Check("warm host", CheckStatus.OK, describe_host(host))

    def _installations(self) -> Iterator[Check]:
        seen: set[Path] = set()
        for workflow in self._workflows.values():
            if workflow.interpreter not in seen:
                yield self._interpreter(workflow)
            if workflow.renderer == "script" and workflow.working_directory not in seen:
                yield _directory(workflow.working_directory)
            seen |= {workflow.interpreter, workflow.working_directory}

    def _workflow(self, key: WorkflowKey, workflow: ScriptWorkflow) -> Iterator[Check]:
        kind, subject = key[0], workflow_subject(key, "script")
        script = self._script(subject, workflow)
        yield script
        if script.status is not CheckStatus.ERROR:
            source = script_source(workflow.script)
            if source.export is not None:
                from adapters.comfyui_script.export_arguments import resolved_workflow

                workflow = resolved_workflow(workflow, source, kind)
                yield from _other_comfyui(workflow)
            if workflow.renderer == "script":
                yield self._modules(workflow)
            yield from self._all_arguments(key, workflow, source)
            yield from self._installed(workflow_subject(key, "workflow"), workflow, source)
            if self._hosts is not None and workflow.renderer == "script":
                yield _warmth(f"{subject} start", kind, workflow)

    def _all_arguments(
        self, key: WorkflowKey, workflow: ScriptWorkflow, source: ScriptSource
    ) -> Iterator[Check]:
        kind, subject = key[0], f"{workflow_subject(key, 'script')} arguments"
        problems = list(mapping_problems(subject, kind, workflow, source))
        yield from problems
        arguments = self._arguments(subject, workflow, source)
        if not problems or arguments.status is not CheckStatus.OK:
            yield arguments
        yield from shown_mapping(workflow_subject(key, "fields"), kind, workflow, source)

    def _installed(
        self, subject: str, workflow: ScriptWorkflow, source: ScriptSource
    ) -> Iterator[Check]:
        """The models and node types of an export that ComfyUI lacks."""
        if source.export is None or not source.export.document:
            return
        from adapters.comfyui_script.exported_source import exported_graph
        from adapters.comfyui_script.installed import UnknownInstallationError, installed_problems

        try:
            problems = installed_problems(exported_graph(source.export), workflow, self._clock)
        except UnknownInstallationError as error:
            finding = f"models and node types were not checked: {workflow.interpreter} {error}"
            hint = FailureCode.COMFYUI_IMPORT.hint
            yield Check(subject, CheckStatus.WARNING, finding, hint, _installation(workflow))
            return
        for problem in problems:
            yield Check(subject, CheckStatus.ERROR, str(problem), problem.code.hint)
        if not problems:
            finding = "ComfyUI has every model and node type that it uses"
            yield Check(subject, CheckStatus.OK, finding)

    def _interpreter(self, workflow: ScriptWorkflow) -> Check:
        subject, path = "interpreter", workflow.interpreter
        remedy = FailureCode.INTERPRETER_MISSING.hint
        if not path.is_file():
            finding = f"{path} is not a file"
            return Check(subject, CheckStatus.ERROR, finding, remedy, "mediagen setup --force")
        if not os.access(path, os.X_OK):
            finding, command = f"{path} is not executable", f"chmod u+x {shlex.quote(str(path))}"
            return Check(subject, CheckStatus.ERROR, finding, remedy, command)
        result = run_probe(
            (str(path), "-c", _VERSION), path.parent, _PYTHON_TIMEOUT_SECONDS, self._clock
        )
        if result.problem:
            return Check(subject, CheckStatus.ERROR, f"{path} {result.problem}", remedy)
        return Check(subject, CheckStatus.OK, f"{path} is Python {result.text}")

    def _modules(self, workflow: ScriptWorkflow) -> Check:
        """Which ComfyUI the script will import, with its own interpreter and search path."""
        subject = "import comfy"
        command = (str(workflow.interpreter), "-c", _FIND_MODULES, str(workflow.script.parent))
        result = run_probe(
            (*command, *_MODULES), workflow.working_directory, _PYTHON_TIMEOUT_SECONDS, self._clock
        )
        try:
            origins: dict[str, str | None] = json.loads(result.text)
        except ValueError:
            finding = f"the search for the module 'comfy': {workflow.interpreter} {result.problem}"
            hint = FailureCode.COMFYUI_IMPORT.hint
            return Check(subject, CheckStatus.WARNING, finding, hint)
        home = workflow.working_directory  # which may consist of links to another folder
        for name, place in origins.items():
            if place is None:
                finding = (
                    f"the interpreter cannot find the module {name!r} in the ComfyUI directory"
                )
            elif not (
                Path(place).is_relative_to(home)
                or Path(place).resolve().is_relative_to(home.resolve())
            ):
                finding = (
                    f"{workflow.script.name} would import {name!r} from {place}, not from {home}"
                )
            else:
                continue
            hint = FailureCode.COMFYUI_IMPORT.hint
            return Check(subject, CheckStatus.WARNING, finding, hint, _installation(workflow))
        finding = f"{workflow.script.name} finds the module 'comfy' in {home}"
        return Check(subject, CheckStatus.OK, finding)

    def _script(self, subject: str, workflow: ScriptWorkflow) -> Check:
        path = workflow.script
        try:
            source = path.read_bytes()
        except OSError as error:
            finding = f"{path} cannot be read: {error.strerror}"
            return Check(subject, CheckStatus.ERROR, finding, FailureCode.SCRIPT_MISSING.hint)
        try:
            parse_script(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            # The interpreter that runs it may be newer than ours, and know more syntax.
            command = (str(workflow.interpreter), "-c", _COMPILE, str(path))
            result = run_probe(command, path.parent, _PYTHON_TIMEOUT_SECONDS, self._clock)
            if result.problem:
                finding = f"{path} is not a Python program: {error}"
                return Check(subject, CheckStatus.ERROR, finding, FailureCode.SCRIPT_BROKEN.hint)
        return Check(subject, CheckStatus.OK, f"{path} exists and compiles")

    def _arguments(self, subject: str, workflow: ScriptWorkflow, source: ScriptSource) -> Check:
        remedy = FailureCode.ARGUMENTS_REJECTED.hint
        if source.export is not None and source.takes_arguments:
            options: frozenset[str] | set[str] = source.options
        elif source.export is not None:
            return Check(subject, CheckStatus.OK, "the arguments are ComfyUI's own")
        else:
            command = (str(workflow.interpreter), str(workflow.script), "--help")
            result = run_probe(
                command, workflow.working_directory, _HELP_TIMEOUT_SECONDS, self._clock
            )
            if result.problem:
                finding = f"{workflow.script.name} --help {result.problem}"
                return Check(subject, CheckStatus.WARNING, finding, remedy)
            options = set(_OPTION.findall(result.text))
        names = [name for names in workflow.arguments.values() for name in names]
        if unknown := [name for name in names if name not in options]:
            finding = f"the script does not know {', '.join(unknown)}"
            return Check(subject, CheckStatus.WARNING, finding, remedy)
        finding = "the script accepts all of its arguments"
        return Check(subject, CheckStatus.OK, finding)


def _warmth(subject: str, kind: Kind, workflow: ScriptWorkflow) -> Check:
    """Whether the script runs in a warm host."""
    name = workflow.script.name
    if not workflow.warm:
        reason = f"media.warm.{kind.value} is off"
    elif script_source(workflow.script).can_be_warm:
        finding = f"{name} runs in a warm host, which keeps ComfyUI and the models loaded"
        return Check(subject, CheckStatus.OK, finding)
    else:
        reason = "it is no export of ComfyUI-SaveAsScript, or does not end with main()"
    return Check(subject, CheckStatus.OK, f"{name} is started again for each prompt: {reason}")


def describe_host(host: HostView) -> str:
    """One line about a warm host."""
    memory = "" if host.memory_bytes is None else f", {host.memory_bytes / 1e6:,.0f} MB of memory"
    prompts = f"{host.prompts} prompt{'' if host.prompts == 1 else 's'} rendered"
    return f"process {host.pid} for {', '.join(host.scripts)}: {prompts}{memory}"


def _no_script(kind: Kind, path: Path) -> Check:
    setting = "media.scripts.image" if kind is Kind.IMAGE else "media.scripts.music"
    media = "pictures" if kind is Kind.IMAGE else "songs"
    finding = f"there is none: {setting} is not set, and {path} does not exist; {media} would wait"
    return Check(f"{kind.value} script", CheckStatus.OK, finding)


def _other_comfyui(workflow: ScriptWorkflow) -> Iterator[Check]:
    """A folder called ComfyUI that an export finds, looking upwards, besides the configured one."""
    home = workflow.working_directory
    places = (place / "ComfyUI" for place in (home, *home.parents))
    nearest = next((place for place in places if place.is_dir()), None)
    if nearest is not None and nearest.resolve() != home.resolve():
        finding = (
            f"{workflow.script.name} also finds {nearest}; modules and custom nodes that {home}"
            " lacks would come from there"
        )
        remedy = "Rename or move that folder if it is not meant."
        yield Check("ComfyUI directory", CheckStatus.WARNING, finding, remedy)


def _installation(workflow: ScriptWorkflow) -> str:
    """The command that installs what ComfyUI imports into the interpreter's environment."""
    requirements = workflow.working_directory / "requirements.txt"
    return shlex.join([str(workflow.interpreter), "-m", "pip", "install", "-r", str(requirements)])


def _directory(path: Path) -> Check:
    subject, remedy = "ComfyUI directory", FailureCode.COMFYUI_MISSING.hint
    if not path.is_dir():
        finding, command = f"{path} is not a directory", "mediagen setup --force"
        return Check(subject, CheckStatus.ERROR, finding, remedy, command)
    if not (path / "main.py").is_file() or not (path / "comfy").is_dir():
        finding = f"{path} does not look like ComfyUI (no main.py, or no comfy folder)"
        return Check(subject, CheckStatus.WARNING, finding, remedy)
    return Check(subject, CheckStatus.OK, f"{path} contains ComfyUI")


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The result of a program that was run as a check.

    Attributes:
        text: its output if it succeeded in time; "" otherwise.
        problem: why it failed, as the end of a sentence, or "".
    """

    text: str
    problem: str = ""


def run_probe(command: Sequence[str], directory: Path, seconds: float, clock: Clock) -> ProbeResult:
    """Run a program and read its standard output.

    Args:
        command: the program and its arguments.
        directory: the directory to run in.
        seconds: the time limit, after which it is killed.
        clock: measures the time limit.
    """
    try:
        ended = ScriptProcess(command, directory, Limits(seconds), clock).run()
    except OSError as error:
        return ProbeResult("", f"could not be started: {error.strerror}")
    if ended.stop:
        return ProbeResult("", f"did not answer within {seconds:g} seconds")
    if ended.status:
        lines = output_lines(ended.stderr)
        last_line = lines[-1] if lines else "no error message"
        return ProbeResult("", f"ended with status {ended.status}: {last_line}")
    return ProbeResult(ended.stdout.strip())
