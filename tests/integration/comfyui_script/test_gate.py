"""A script runs only once its process is recorded, and cannot tell that it waited at a gate."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from returns.pipeline import is_successful

from adapters.comfyui_script import process
from adapters.comfyui_script.process import Limits, ScriptProcess, StopReason, WaitingGates
from adapters.processes.process_table import entry_of
from adapters.system_clock import SystemClock
from domain.failure import FailureCode
from tests.contract.media_renderer_contract import RecordingContext
from tests.integration.comfyui_script.processes import (
    descriptors,
    is_running,
    seconds_since,
    zombies,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.render import WorkflowProcess
    from tests.integration.comfyui_script.conftest import Bench

SHELL = Path("/bin/sh")


@pytest.fixture(params=["dash", "bash", "busybox", "zsh", "mksh"])
def shell(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The shells that /bin/sh may be, as far as installed."""
    for folder in ("/bin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"):
        if (found := Path(folder) / request.param).exists():
            (tmp_path / "shell").mkdir()
            (tmp_path / "shell" / "sh").symlink_to(found)
            monkeypatch.setattr(process, "SHELL", str(tmp_path / "shell" / "sh"))
            return str(request.param)
    pytest.skip("not installed here")


@pytest.fixture(params=["late", "early"])
def early(request: pytest.FixtureRequest, bench: Bench) -> bool:
    """Whether the gate was started before its command was known."""
    bench.early = request.param == "early"
    if bench.early and sys.platform != "linux":
        pytest.skip("no gate is started early here")
    return bench.early


class ObservesProcess(RecordingContext):
    """Observes the process while it waits, and what it has done so far."""

    def __init__(self, trace: Path) -> None:
        super().__init__()
        self.trace = trace
        self.seen: list[object] = []

    def record_process(self, workflow: WorkflowProcess) -> bool:
        time.sleep(0.1)  # a script that ran already would have been there
        entry = entry_of(workflow.group)
        assert entry is not None
        self.seen = [entry.group, entry.session, entry.started, self.trace.exists()]
        return super().record_process(workflow)


@pytest.mark.usefixtures("early")
def test_the_recorded_process_is_the_script(bench: Bench) -> None:
    """Process id, group and start time stay the same when the script takes over."""
    script = bench.folder / "flow.sh"
    trace = bench.folder / "trace"
    script.write_text(f"echo $$ > {trace}; sed 's/.*) //' /proc/$$/stat > {trace}.stat || :")
    bench.watch = watch = ObservesProcess(trace)
    assert is_successful(bench.run(script, interpreter=SHELL))
    [workflow] = watch.workflows
    assert watch.seen == [workflow.group, workflow.group, workflow.started, False]
    assert int(trace.read_text()) == workflow.group
    if sys.platform == "linux":
        assert Path(f"{trace}.stat").read_text().split()[19] == workflow.started


@pytest.mark.usefixtures("early")
def test_a_script_that_may_not_start_never_runs(bench: Bench) -> None:
    """It is interrupted; no process, descriptor or file is left."""
    script, before = bench.folder / "flow.sh", descriptors()
    script.write_text(f"touch {bench.folder / 'trace'}")
    bench.watch = watch = RecordingContext(may_start=False)
    failure = bench.run(script, interpreter=SHELL).failure()
    assert failure.code is FailureCode.INTERRUPTED
    assert not is_running(watch.workflows[0].group)
    assert not (bench.folder / "trace").exists()
    assert (zombies(), descriptors()) == ([], before)


class Broken(RecordingContext):
    def record_process(self, workflow: WorkflowProcess) -> bool:
        super().record_process(workflow)
        raise OSError("the database is gone")


def test_a_failed_record_ends_the_process(bench: Bench) -> None:
    """The exception is passed on, and nothing runs."""
    before = descriptors()
    bench.watch = watch = Broken()
    with pytest.raises(OSError, match="database"):
        bench.run("never_ends.py")
    assert not is_running(watch.workflows[0].group)
    assert (zombies(), descriptors()) == ([], before)


@pytest.mark.usefixtures("early")
def test_a_process_killed_at_the_gate_counts_as_killed(bench: Bench) -> None:
    """The write to its pipe fails, which is not reported as our error."""

    class Killer(RecordingContext):
        def record_process(self, workflow: WorkflowProcess) -> bool:
            os.kill(workflow.group, signal.SIGKILL)
            os.waitid(os.P_PID, workflow.group, os.WEXITED | os.WNOWAIT)
            return True

    bench.watch = Killer()
    assert bench.run("good.py").failure().code is FailureCode.WORKFLOW_KILLED


# Prints the process id at the gate, and dies before anything is recorded.
DYING = """
import os, signal, sys
from pathlib import Path
from adapters.comfyui_script.process import Limits, ScriptProcess
from adapters.system_clock import SystemClock
class Dying:
    def record_process(self, workflow):
        print(workflow.group, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
command = ("/bin/sh", "-c", "touch trace; sleep 600")
ScriptProcess(command, Path.cwd(), Limits(60), SystemClock(), Dying()).run()
"""


def await_end(pid: int) -> None:
    """Wait until a process is gone."""
    began = time.monotonic()
    while is_running(pid):
        assert seconds_since(began) < 60
        time.sleep(0.005)


def test_our_death_before_the_record_leaves_no_process(tmp_path: Path) -> None:
    """The gate stays closed, and the process behind it ends."""
    done = subprocess.run(
        [sys.executable, "-c", DYING],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == -signal.SIGKILL
    await_end(int(done.stdout))
    assert not (tmp_path / "trace").exists()


def test_waiting_at_the_gate_does_not_count_as_script_time(bench: Bench) -> None:
    """A database that is locked for a while uses up neither time limit nor stall limit."""

    class Later(SystemClock):
        seconds = 0.0

        def monotonic(self) -> float:
            return super().monotonic() + self.seconds

    clock = Later()

    class Slow(RecordingContext):
        def record_process(self, workflow: WorkflowProcess) -> bool:
            clock.seconds += 3600
            return True

    bench.watch, bench.clock = Slow(), clock
    script = bench.folder / "flow.sh"
    script.write_text("exit 0")
    facts = bench.run(script, interpreter=SHELL, time_limit_seconds=60, stall_seconds=60).unwrap()
    assert facts.seconds < 60


def python(
    program: str, folder: Path, *words: str, early: bool = False
) -> tuple[str, WorkflowProcess]:
    """Run a program behind the gate; returns its output and its process."""
    context, reserved = RecordingContext(), None
    command = (sys.executable, "-c", program, *words)
    with closing(WaitingGates(SystemClock())) as gates:
        if early:
            gates.start(folder, {})
            [reserved] = gates.processes(folder, {})
        run = ScriptProcess(
            command,
            folder,
            Limits(60),
            SystemClock(),
            context,
            gates=gates,
            reserved=reserved,
        )
        result = run.run()
        assert reserved in {None, context.workflows[0]}
    assert result.status == 0, result.stderr
    return result.stdout, context.workflows[0]


def test_the_environment_is_inherited(
    shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, early: bool
) -> None:
    """Byte for byte, except our settings, the mark, and a few variables of the shell."""
    monkeypatch.setenv("AWKWARD", " a\n'b' \"c\" $HOME \\ \udce9 ")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("IFS_LIKE", "IFS=x")
    monkeypatch.setenv("MEDIA_GENERATOR_WEB__TOKEN", "canary")
    monkeypatch.setenv("MEDIAGEN_RENDER", "another render's")
    monkeypatch.setenv("OLDPWD", "/usr")
    monkeypatch.setenv("PWD", "/somewhere/else")
    printed, workflow = python("import os; print(ascii(dict(os.environ)))", tmp_path, early=early)
    theirs: dict[str, str] = eval(printed)  # noqa: S307 - what ascii() wrote
    ours = dict(os.environ) | {
        "MEDIAGEN_RENDER": f"{workflow.group}-{workflow.started}",
        "PWD": str(tmp_path.resolve()),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH")))),
    }
    del ours["MEDIA_GENERATOR_WEB__TOKEN"]
    for own in ("_", "SHLVL"):  # every shell sets them in its children
        ours.pop(own, None)
        theirs.pop(own, None)
    assert theirs == ours, shell


def test_every_byte_of_an_argument_passes_the_gate(
    shell: str, tmp_path: Path, *, early: bool
) -> None:
    """Shells treat some of them specially."""
    words = [chr(number) for number in range(1, 0x180)] + ["".join(map(chr, range(1, 0x100)))]
    words += ["", " ", "\n\n", "é\udcff\udc81x", "-e", "$x", "`id`", "*", "湖" * 1000, "'\\''"]
    printed, _ = python("import sys; print(ascii(sys.argv[1:]))", tmp_path, *words, early=early)
    assert eval(printed) == words, shell  # noqa: S307 - what ascii() wrote


def test_only_the_three_streams_are_inherited(shell: str, tmp_path: Path, *, early: bool) -> None:
    """The gate's pipe is closed, and standard input is empty."""
    program = """
import os, sys
print(sorted(n for n in range(256) if os.path.exists(f"/dev/fd/{n}")))
print(os.path.samestat(os.fstat(0), os.stat(os.devnull)))
"""
    kept = os.open("/", os.O_RDONLY)
    os.set_inheritable(kept, True)  # noqa: FBT003 - its own way
    try:
        assert python(program, tmp_path, early=early)[0] == "[0, 1, 2]\nTrue\n", shell
    finally:
        os.close(kept)


@pytest.mark.usefixtures("early")
@pytest.mark.parametrize(
    "how", ["vanished", "forbidden", "its interpreter vanished", "overwritten"]
)
def test_an_interpreter_that_disappears_last_minute_is_missing(
    bench: Bench, shell: str, how: str
) -> None:
    """The shell reports it, and its message is not the script's output."""
    interpreter, other = bench.folder / "python", bench.folder / "other"
    trace = bench.folder / "trace"
    other.symlink_to("/bin/sh")
    interpreter.write_text(f"#!{other}\ntouch {trace}\n")
    interpreter.chmod(0o755)

    class Mischief(RecordingContext):
        def record_process(self, workflow: WorkflowProcess) -> bool:
            if how == "vanished":
                interpreter.unlink()
            elif how == "forbidden":
                interpreter.chmod(0o644)
            elif how == "overwritten":
                interpreter.unlink()
                interpreter.mkdir()
            else:
                other.unlink()
            return True

    bench.watch = Mischief()
    failure = bench.run("good.py", interpreter=interpreter).failure()
    assert failure.code is FailureCode.INTERPRETER_MISSING, shell
    assert str(interpreter) in failure.message
    assert not trace.exists()


@pytest.mark.usefixtures("early")
@pytest.mark.parametrize("code", [125, 126, 127])
def test_a_script_may_use_the_shells_exit_codes(bench: Bench, shell: str, code: int) -> None:
    """Even if it fails exactly as the gate could."""
    script = bench.folder / "flow.sh"
    script.write_text(f"echo 'sh: 1: exec: python: not found' >&2; exit {code}")
    failure = bench.run(script, interpreter=SHELL).failure()
    assert failure.code is FailureCode.WORKFLOW_FAILED, shell
    assert f"exit code {code}" in failure.message


def test_a_missing_shell_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter is not blamed."""
    monkeypatch.setattr(process, "SHELL", "/not-there/sh")
    failure = bench.run("good.py").failure()
    assert failure.code is FailureCode.INTERPRETER_MISSING
    assert "/not-there/sh" in failure.message


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count differently")
def test_arguments_at_the_length_limit_run_or_are_too_long(bench: Bench) -> None:
    """The limit may apply to the shell, or after it to the interpreter's own interpreter."""
    interpreter = bench.folder / "python"
    interpreter.write_text(f"#!/bin/sh {'-' + 'u' * 200}\n")
    interpreter.chmod(0o755)

    def outcome(size: int) -> FailureCode | None:
        extra = ("x" * 100_000,) * (size // 100_000) + ("x" * (size % 100_000),)
        result = bench.run("good.py", interpreter=interpreter, extra_arguments=extra)
        return None if is_successful(result) else result.failure().code

    small, large = 0, 7_000_000  # at the end the one still fits, and the other does not
    assert outcome(small) is None
    assert outcome(large) is FailureCode.ARGUMENT_TOO_LONG
    while large - small > 16:
        middle = (small + large) // 2
        if outcome(middle) is FailureCode.ARGUMENT_TOO_LONG:
            large = middle
        else:
            small = middle
    codes = {outcome(size) for size in range(small - 320, small + 640, 40)}
    assert codes == {None, FailureCode.ARGUMENT_TOO_LONG}


@pytest.fixture
def gates() -> Iterator[WaitingGates]:
    """No waiting gates at first."""
    if sys.platform != "linux":
        pytest.skip("no gate is started early here")
    with closing(WaitingGates(SystemClock())) as gates:
        yield gates


def test_a_running_script_starts_the_next_gate(gates: WaitingGates, tmp_path: Path) -> None:
    """The next script becomes that process; one waits at a time, for the same environment only."""
    seen: list[WorkflowProcess] = []
    for _ in range(3):
        process = seen[-1] if seen else None
        context = RecordingContext()
        command = ("/bin/sh", "-c", "exit 0")
        ScriptProcess(
            command,
            tmp_path,
            Limits(60),
            SystemClock(),
            context,
            gates=gates,
            reserved=process,
        ).run()
        assert process in {None, context.workflows[0]}
        [waiting] = gates.processes(tmp_path, {})
        assert gates.processes(tmp_path, {"CUDA_VISIBLE_DEVICES": "1"}) == []
        assert is_running(waiting.group)
        seen.append(waiting)
    gates.close()
    assert not is_running(seen[-1].group)
    assert len(set(seen)) == 3
    assert zombies() == []


def test_a_dead_gate_is_not_used(gates: WaitingGates, tmp_path: Path) -> None:
    """Its render starts another one, and records that."""
    gates.start(tmp_path, {})
    [reserved] = gates.processes(tmp_path, {})
    os.kill(reserved.group, signal.SIGKILL)
    os.waitid(os.P_PID, reserved.group, os.WEXITED | os.WNOWAIT)
    context = RecordingContext()
    result = ScriptProcess(
        ("/bin/sh", "-c", "exit 7"),
        tmp_path,
        Limits(60),
        SystemClock(),
        context,
        gates=gates,
        reserved=reserved,
    ).run()
    assert result.status == 7
    assert context.workflows != [reserved]
    assert gates.processes(tmp_path, {}) == []


def test_a_gate_uses_its_current_directory(gates: WaitingGates, tmp_path: Path) -> None:
    """After ComfyUI was reinstalled, the script runs in the new folder."""
    directory = tmp_path / "it's ComfyUI"
    directory.mkdir()
    gates.start(directory, {})
    [reserved] = gates.processes(directory, {})
    directory.rmdir()
    command = ("/bin/sh", "-c", "touch here; echo ${OLDPWD-none}")
    run = ScriptProcess(
        command,
        directory,
        Limits(60),
        SystemClock(),
        RecordingContext(),
        gates=gates,
        reserved=reserved,
    )
    with pytest.raises(FileNotFoundError):
        run.run()
    directory.mkdir()
    assert run.run().stdout == f"{os.environ.get('OLDPWD', 'none')}\n"
    assert (directory / "here").exists()


def test_a_long_command_does_not_use_a_waiting_gate(gates: WaitingGates, tmp_path: Path) -> None:
    """It does not fit into a pipe; the gate stays for the next render."""
    gates.start(tmp_path, {})
    [reserved] = gates.processes(tmp_path, {})
    assert gates.take(reserved, ("/bin/sh", "-c", "exit 0", "x" * 100_000)) is None
    with pytest.raises(OSError, match="missing"):
        gates.take(reserved, ("/missing",))
    assert gates.processes(tmp_path, {}) == [reserved]


def test_waiting_gates_end_with_their_parent(tmp_path: Path) -> None:
    """They wait for a line that never comes."""
    program = """
import os, signal
from pathlib import Path
from adapters.comfyui_script.process import WaitingGates
from adapters.system_clock import SystemClock
gates = WaitingGates(SystemClock())
gates.start(Path.cwd(), {})
print(gates.processes(Path.cwd(), {})[0].group, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    if sys.platform == "linux":
        await_end(int(done.stdout))


def test_a_refused_start_ends_like_a_requested_stop(tmp_path: Path) -> None:
    """There is only one way in which the render context stops a render."""
    context = RecordingContext(may_start=False)
    result = ScriptProcess(("/bin/sh",), tmp_path, Limits(60), SystemClock(), context).run()
    assert result.stop is StopReason.REQUESTED
