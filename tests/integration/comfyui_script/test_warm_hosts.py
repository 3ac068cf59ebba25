"""Exports in a warm host end as they would in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from returns.pipeline import is_successful

from adapters.comfyui_script.host_pool import HostLimits, HostPool
from adapters.comfyui_script.host_records import HostRecords
from adapters.comfyui_script.renderer import ScriptRenderer
from adapters.processes.system_processes import SystemProcesses
from adapters.system_clock import SystemClock
from application.ports.events import HostEnded, HostFailed, HostStarted
from domain.brief import ImageBrief
from domain.failure import FailureCode
from domain.prompt import Kind
from tests.contract.media_renderer_contract import RecordingContext, job_for
from tests.exports import install
from tests.integration.comfyui_script.processes import descriptors, is_running, zombies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from returns.result import Result

    from application.ports.events import Event
    from application.ports.media_renderer import RenderingFacts
    from domain.failure import Failure
    from tests.integration.comfyui_script.conftest import Make


class Collected:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def handle(self, event: Event) -> None:
        self.events.append(event)

    def reasons(self, kind: type[HostEnded | HostFailed]) -> list[str]:
        return [event.reason for event in self.events if isinstance(event, kind)]


class Listening(RecordingContext):
    def __init__(self) -> None:
        super().__init__()
        self.chunks: list[bytes] = []

    def on_output(self, stream: str, chunk: bytes) -> None:
        self.chunks.append(chunk)


class WarmBench:
    """Renders with one export, with and without warm hosts."""

    def __init__(self, folder: Path, make: Make) -> None:
        self.folder = folder
        self.script = install(folder)
        self.comfyui = folder / "ComfyUI"
        self.clock = SystemClock()
        self.events = Collected()
        processes = SystemProcesses(self.clock)
        self.records = HostRecords(folder / "state", lambda: processes)
        self.make = make
        self.limits = HostLimits(200, None, 300.0, ahead="off")
        self.watch = RecordingContext()
        self.outputs: list[Path] = []
        self.waiting: list[int] = []
        self._pool: HostPool | None = None

    @property
    def pool(self) -> HostPool:
        if self._pool is None:
            self._pool = HostPool(self.records, self.limits, self.clock, self.events)
        return self._pool

    def render(
        self,
        prompt: str = "a lake",
        *,
        warm: bool = True,
        watch: RecordingContext | None = None,
        environment: dict[str, str] | None = None,
        slot: int = 1,
        **changes: Any,  # noqa: ANN401 - any field of the workflow
    ) -> Result[RenderingFacts, Failure]:
        """Render a prompt into its own folder."""
        output = self.folder / f"out{len(self.outputs)}"
        self.outputs.append(output)
        job = replace(
            job_for(output),
            brief=ImageBrief(prompt=prompt),
            environment=environment or {},
            slot=slot,
        )
        fields: dict[str, Any] = {
            "working_directory": self.comfyui,
            "warm": warm,
        }
        workflow = self.make(self.script, **(fields | changes))
        renderer = ScriptRenderer({(Kind.IMAGE, ""): workflow}, self.clock, self.pool)
        waiting = renderer.waiting_processes(Kind.IMAGE, job.environment, slot)
        self.waiting = [process.group for process in waiting]
        try:
            return renderer.render(job, watch or self.watch)
        finally:
            renderer._gates.close()  # noqa: SLF001 - the hosts stay

    def run(self, *lines: str, **changes: Any) -> Result[RenderingFacts, Failure]:  # noqa: ANN401
        """Render a prompt that makes the export run these lines of Python."""
        return self.render("run:" + "\n".join(lines), **changes)

    def picture(self, at: int = -1) -> bytes:
        return (self.outputs[at] / "output.png").read_bytes()

    def note(self, at: int = -1) -> Any:  # noqa: ANN401 - what an export noted
        return json.loads((self.outputs[at] / "note.json").read_text())

    def pids(self, log: str = "draws") -> list[int]:
        """The processes that rendered, imported or loaded."""
        path = self.comfyui / f"{log}.log"
        return [int(line) for line in path.read_text().split()] if path.exists() else []


@pytest.fixture
def bench(tmp_path: Path, make: Make) -> Iterator[WarmBench]:
    """A bench whose hosts end with the test."""
    bench = WarmBench(tmp_path, make)
    yield bench
    bench.pool.close()


def test_an_idle_host_is_known_before_its_next_prompt(bench: WarmBench) -> None:
    """To its slot, so that it is recorded with the claim; a busy one or another slot's is not."""
    bench.render().unwrap()
    assert bench.waiting == []
    bench.render().unwrap()
    assert bench.waiting == bench.pids()[-1:]
    bench.render(slot=2).unwrap()
    assert bench.waiting == []


def until_ended(pid: int) -> None:
    """Wait for the end of a killed process."""
    wait_until(lambda: not is_running(pid))


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that was already caused."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_one_host_renders_every_prompt_like_a_process_of_its_own(bench: WarmBench) -> None:
    """The same bytes, ComfyUI imported and the model loaded once, everything recorded before."""
    for prompt in ("a lake", "a hill", '"1984"', "a lake"):
        assert is_successful(bench.render(prompt))
        warm = bench.picture()
        assert is_successful(bench.render(prompt, warm=False))
        assert bench.picture() == warm
    imports, draws, loads = bench.pids("imports"), bench.pids(), bench.pids("loads")
    [host] = {event.pid for event in bench.events.events if isinstance(event, HostStarted)}
    assert imports.count(host) == loads.count(host) == 1
    assert draws.count(host) == 4
    assert [watched.group for watched in bench.watch.workflows[::2]] == [host] * 4
    assert len(set(draws)) == 5


def test_progress_and_output_belong_to_their_prompt(bench: WarmBench) -> None:
    """Also the output of C programs and child processes, and writes to a closed stream."""
    for mark in ("first", "second"):
        watch = Listening()
        bench.run(
            "import atexit, ctypes, os, sys",
            f"ctypes.CDLL(None).puts(b'{mark} from C')",
            f"os.system('echo {mark} from a child')",
            f"os.write(1, b'{mark} raw\\n'); print('{mark} printed')",
            "atexit.register(sys.stdout.close)",
            watch=watch,
        ).unwrap()
        printed = b"".join(watch.chunks).decode()
        for source in ("from C", "from a child", "raw", "printed"):
            assert f"{mark} {source}" in printed
        assert "first" not in printed or mark == "first"
        assert watch.reports[-1][0] == 1.0


# Writes to every socket of the process.
JUNK = (
    "import socket, stat; [socket.socket(fileno=os.dup(n)).send(b'junk\\n') for n in range(3, 1000)"
    " if os.path.exists(f'/dev/fd/{n}') and stat.S_ISSOCK(os.fstat(n).st_mode)]"
)
LEAVINGS = """
import atexit, json, logging, os, random, signal, sys, threading, warnings
import folder_paths, helper
found = dict(
    known=globals().get("kept", "nothing"), argv=sys.argv[1:], cwd=os.getcwd(),
    variable=os.environ.get("LEFT"), node=os.environ.get("SET_BY_A_NODE"),
    path=sys.path.count("/left"),
    first=sys.path[0], handlers=len(logging.root.handlers), warnings=len(warnings.filters),
    alarm=str(signal.getsignal(signal.SIGALRM)), output=folder_paths.output_directory,
    stdout=sys.stdout.fileno(), helper=helper.told, hook=sys.excepthook is sys.__excepthook__,
    main=sys.modules["__main__"].__dict__ is globals(), name=__name__, file=__file__,
    umask=os.umask(0o22), level=logging.root.level, disabled=logging.root.manager.disable,
)
os.umask(found["umask"])
open(os.path.join(args.output, "note.json"), "w").write(json.dumps(found))
kept = helper.told = "something"
os.environ["LEFT"] = "yes"; del os.environ["SET_BY_A_NODE"]
sys.path.append("/left"); sys.argv.append("left")
logging.basicConfig(level=logging.DEBUG, force=True); logging.disable(logging.ERROR)
logging.root.addHandler(logging.NullHandler()); warnings.simplefilter("ignore")
signal.signal(signal.SIGALRM, lambda *_: None); signal.signal(signal.SIGTERM, signal.SIG_IGN)
folder_paths.output_directory = "/elsewhere"; sys.excepthook = print; os.umask(0o77)
log = open(os.path.join(args.output, "log.txt"), "w"); sys.stdout = log; os.dup2(log.fileno(), 2)
random.seed(1)
os.chdir("/")
def bye(): open(os.path.join(args.output, "bye.txt"), "w").write("bye")
atexit.register(bye)
threading.Thread(target=lambda: (__import__("time").sleep(0.2), bye_too())).start()
def bye_too(): open(os.path.join(args.output, "thread.txt"), "w").write("done")
"""


def test_changes_by_a_script_do_not_reach_the_next_one(bench: WarmBench) -> None:
    """Its changes are undone, its threads have ended, and its exit handlers were called."""
    (bench.script.parent / "helper.py").write_text("told = 'nothing'")
    bench.render("first").unwrap()
    for _ in range(2):
        assert is_successful(bench.run(LEAVINGS))
    warm = [bench.note(1), bench.note(2)]
    bench.run(LEAVINGS, warm=False).unwrap()
    cold = bench.note()
    for note, output in zip(warm, bench.outputs[1:3], strict=True):
        assert note == cold
        assert (output / "bye.txt").read_text() == "bye"
        assert (output / "thread.txt").read_text() == "done"
    assert len(set(bench.pids()[:3])) == 1


def test_random_numbers_are_not_repeated(bench: WarmBench) -> None:
    """A script that seeds the generator leaves no seed to the next."""
    note = (
        "import json, os, random",
        "open(os.path.join(args.output, 'note.json'), 'w').write(json.dumps(random.random()))",
        "random.seed(1)",
    )
    bench.run(*note)
    bench.run(*note)
    bench.run(*note)
    assert len({bench.note(at) for at in range(3)}) == 3
    assert len(set(bench.pids())) == 1


@pytest.mark.parametrize(
    "line",
    ["raise ValueError('no such colour')", "sys.exit(3)", "sys.exit('no such colour')"],
)
def test_an_error_of_the_script_is_the_prompts_own(bench: WarmBench, line: str) -> None:
    """It ends as it would without a host, is not retried, and the next prompt gets a new host."""
    assert is_successful(bench.render())
    assert is_successful(bench.render())
    counting = "open(os.path.join(os.getcwd(), 'tries'), 'a').write('x')"
    warm = bench.run("import os, sys", counting, line).failure()
    assert (bench.comfyui / "tries").read_text() == "x"
    cold = bench.run("import os, sys", counting, line, warm=False).failure()
    assert (warm.code, warm.message, warm.words) == (cold.code, cold.message, cold.words)
    lines = warm.detail.splitlines()
    assert [one for one in cold.detail.splitlines() if one in lines] == lines
    assert is_successful(bench.render())
    assert len(set(bench.pids())) == 2
    assert bench.events.reasons(HostEnded) == ["a prompt failed in it"]


@pytest.mark.parametrize(
    ("lines", "blamed"),
    [
        (("import os", "os._exit(0)"), "status 0"),
        (("import os, signal", "os.kill(os.getpid(), signal.SIGKILL)"), "status -9"),
        (("import os", "os.abort()"), "status -6"),
        (("import os", "os.closerange(3, 1000)"), "status"),
        (("import os", JUNK, "import time; time.sleep(60)"), "status"),
        (("raise MemoryError",), "out_of_memory"),
        (("import missing_module",), "comfyui_import"),
    ],
)
def test_a_possible_fault_of_the_host_is_retried_without_it(
    bench: WarmBench, lines: tuple[str, ...], blamed: str
) -> None:
    """Once, in the same attempt; the first try's files are gone, and its group has ended."""
    here = f"{str(bench.comfyui / 'tried')!r}"
    first = ("import os", f"if not os.path.exists({here}):")
    body = (f"open({here}, 'w').close()", "open(args.output + '/left.png', 'w').write('half')")
    inner = "\n".join(f"    {line}" for line in (*body, *lines))
    assert is_successful(bench.run(*first, inner))
    assert [path.name for path in bench.outputs[-1].iterdir()] == ["output.png"]
    host, process = (workflow.group for workflow in bench.watch.workflows)
    assert not is_running(host)
    assert bench.pids()[-1] == process
    [reason] = bench.events.reasons(HostFailed)
    assert blamed in reason
    assert not bench.records.hosts()


def test_out_of_memory_ends_idle_hosts_of_other_slots(bench: WarmBench) -> None:
    """They may hold the memory that the second try needs."""
    bench.render(slot=2).unwrap()
    [idle] = bench.records.hosts()
    assert bench.run("raise MemoryError").failure().code is FailureCode.OUT_OF_MEMORY
    assert not is_running(idle.pid)
    assert "another prompt ran out of memory" in bench.events.reasons(HostEnded)


@pytest.mark.slow
def test_both_tries_share_one_time_limit(bench: WarmBench) -> None:
    """The host's time is not granted a second time."""
    lines = ("import os, time", "time.sleep(2)", "os._exit(1)")
    failure = bench.run(*lines, time_limit_seconds=3.5).failure()
    assert failure.code is FailureCode.TIMED_OUT
    assert len(bench.watch.workflows) == 2


def test_a_script_whose_hosts_fail_gets_its_own_processes(bench: WarmBench) -> None:
    """Until it is changed; two failures are enough."""
    lines = (
        "import os, threading",
        "'mediagen-channel' in str(threading.enumerate()) and os._exit(1)",
    )
    for _ in range(3):
        assert is_successful(bench.run(*lines))
    assert len(bench.watch.workflows) == 5
    bench.script.write_text(bench.script.read_text() + "\n# edited\n")
    source = bench.script.read_text()
    bench.script.write_text(source.replace("# edited", ""))
    assert is_successful(bench.render())
    assert is_successful(bench.render())
    assert len(set(bench.pids()[-2:])) == 1


def test_a_host_that_cannot_be_used_twice_is_not_blamed_on_the_prompt(bench: WarmBench) -> None:
    """The first failure of a host's second use is retried without the host."""
    line = "import nodes; assert not hasattr(nodes, 'seen'); nodes.seen = True"
    assert is_successful(bench.run(line))
    assert is_successful(bench.run(line))
    assert len(bench.events.reasons(HostFailed)) == 1


@pytest.mark.slow
def test_time_limit_stall_and_cancel_end_the_host_and_the_prompt(bench: WarmBench) -> None:
    """As without a host; nothing is retried, and nothing is left."""
    before = descriptors()
    bench.render().unwrap()
    hang = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    changes: dict[str, Any] = {"grace_seconds": 0.2}
    stalled = bench.run(hang, stall_seconds=0.5, **changes).failure()
    late = bench.run(hang, time_limit_seconds=3.0, **changes).failure()
    watch = RecordingContext(stop_after=1)
    bars = "import sys, time\nwhile True: print(' 10%|#| 1/9 [', file=sys.stderr); time.sleep(0.1)"
    stopped = bench.run(bars, watch=watch).failure()
    codes = [failure.code for failure in (stalled, late, stopped)]
    assert codes == [FailureCode.STALLED, FailureCode.TIMED_OUT, FailureCode.INTERRUPTED]
    assert bench.events.reasons(HostEnded) == ["its prompt was stopped"] * 3
    assert not bench.events.reasons(HostFailed)
    assert not any(is_running(workflow.group) for workflow in bench.watch.workflows)
    assert (zombies(), descriptors()) == ([], before)


def test_a_prompt_that_may_not_start_reaches_no_host(bench: WarmBench) -> None:
    """Refused before anything runs, in a new host and in a waiting one."""
    refusing = RecordingContext(may_start=False)
    assert bench.render(watch=refusing).failure().code is FailureCode.INTERRUPTED
    assert bench.pids("imports") == []
    bench.render().unwrap()
    assert bench.render(watch=refusing).failure().code is FailureCode.INTERRUPTED
    assert len(bench.pids()) == 1


def test_processes_left_by_a_script_are_ended(bench: WarmBench) -> None:
    """Inside or outside its group; so are its threads, and the host with them."""
    note = "open(os.path.join(args.output, 'note.json'), 'w').write(str(child.pid))"
    for detached in ("False", "True"):
        bench.run(
            "import os, subprocess",
            f"child = subprocess.Popen(['sleep', '600'], start_new_session={detached})",
            note,
        ).unwrap()
        until_ended(bench.note())
    bench.run(
        "import threading, time",
        "threading.Thread(target=lambda: time.sleep(600), daemon=True).start()",
    ).unwrap()
    assert bench.events.reasons(HostEnded) == [
        "its script left processes running",
        "its script left processes running",
        "the script left a thread running",
    ]


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (HostLimits(2, None, 300.0), "it rendered 2 prompts"),
        (HostLimits(200, 1, 300.0), "it occupied more than 1 bytes of memory"),
    ],
)
def test_a_host_is_replaced(bench: WarmBench, limits: HostLimits, reason: str) -> None:
    """After a number of prompts, and when its memory grows."""
    bench.limits = limits
    for _ in range(3):
        bench.render().unwrap()
    assert bench.events.reasons(HostEnded)[0] == reason
    assert len(set(bench.pids())) == (2 if limits.max_prompts == 2 else 3)


@pytest.mark.parametrize("what", ["the export", "a node of ComfyUI", "a custom node", "options"])
def test_a_change_needs_a_new_host(bench: WarmBench, what: str) -> None:
    """Imported and parsed files must not be older than their current versions."""
    nodes = bench.comfyui / "custom_nodes"
    nodes.mkdir()
    bench.render().unwrap()
    changes: dict[str, Any] = {}
    if what == "the export":
        source = bench.script.read_text()
        bench.script.write_text(source.replace("def main", "edited = 1\n\n\ndef main"))
    elif what == "a node of ComfyUI":
        path = bench.comfyui / "nodes.py"
        path.write_text(path.read_text().replace('f"{model} {text}', 'f"new {text}'))
    elif what == "a custom node":
        (nodes / "new.py").write_text("import nodes\nnodes.NEW = 1")
    else:
        changes["extra_arguments"] = ("--", "--cpu")
    bench.render(**changes).unwrap()
    assert len(set(bench.pids())) == 2
    warm = bench.picture()
    bench.render(warm=False, **changes).unwrap()
    assert bench.picture() == warm


def test_a_changed_model_file_is_loaded_again(bench: WarmBench) -> None:
    """A loader's result is kept only as long as the file is unchanged."""
    models = bench.comfyui / "models" / "checkpoints"
    models.mkdir(parents=True)
    for weights in ("old", "new weights"):
        (models / "tiny.bin").write_text(weights)
        for _ in range(2):
            bench.render().unwrap()
        warm = bench.picture()
        bench.render(warm=False).unwrap()
        assert bench.picture() == warm
    [host] = {event.pid for event in bench.events.events if isinstance(event, HostStarted)}
    assert bench.pids("loads").count(host) == 2


def test_an_idle_host_frees_the_gpu_and_then_ends(bench: WarmBench) -> None:
    """First the memory of the GPU, much later the rest."""
    bench.limits = HostLimits(200, None, 0.1)
    bench.render().unwrap()
    [host] = bench.records.hosts()
    wait_until(lambda: not (bench.comfyui / "gpu").exists())
    wait_until(lambda: not is_running(host.pid))
    wait_until(lambda: not bench.records.hosts())
    bench.render().unwrap()
    assert not bench.events.reasons(HostFailed)


def test_a_script_without_a_host_gets_the_gpu_to_itself(bench: WarmBench) -> None:
    """A host of the same slot frees its memory first, and is used again afterwards."""
    bench.render().unwrap()
    other = bench.folder / "other.sh"
    other.write_text(f"test ! -e {bench.comfyui / 'gpu'} || exit 7")
    workflow = bench.make(other, interpreter=Path("/bin/sh"))
    renderer = ScriptRenderer({(Kind.IMAGE, ""): workflow}, bench.clock, bench.pool)
    assert is_successful(
        renderer.render(replace(job_for(bench.folder / "other"), slot=1), RecordingContext())
    )
    bench.render().unwrap()
    assert len(set(bench.pids())) == 1


def test_two_slots_share_no_host(bench: WarmBench) -> None:
    """Nor do two environments of one slot."""
    bench.render().unwrap()
    bench.render(slot=2).unwrap()
    bench.render(environment={"CUDA_VISIBLE_DEVICES": "1"}).unwrap()
    assert len(set(bench.pids())) == 3


def test_a_dead_host_is_replaced(bench: WarmBench) -> None:
    """Without a failure of the prompt."""
    bench.render().unwrap()
    [host] = bench.records.hosts()
    assert (host.prompts, host.scripts) == (1, ("export.py",))
    os.kill(host.pid, signal.SIGKILL)
    wait_until(lambda: not is_running(host.pid))
    bench.render().unwrap()
    assert len(bench.watch.workflows) == 2
    assert bench.events.reasons(HostEnded) == ["it ended while it was idle"]
    assert zombies() == []


def test_a_folder_without_space_for_records_means_no_host(bench: WarmBench) -> None:
    """A host without a record could not be found again, and must not run."""
    (bench.folder / "state").write_text("a file")
    assert is_successful(bench.render())
    [failed] = bench.events.reasons(HostFailed)
    assert failed.startswith("it cannot be recorded")
    assert len(bench.watch.workflows) == 1


def test_the_end_of_the_pool_ends_every_host(bench: WarmBench) -> None:
    """In order: exit handlers registered by the host's modules are called."""
    custom = bench.comfyui / "custom_nodes"
    custom.mkdir()
    bye = bench.folder / "bye"
    (custom / "node.py").write_text(f"import atexit\natexit.register(open, {str(bye)!r}, 'w')")
    before = descriptors()
    bench.render().unwrap()
    bench.pool.close()
    assert bye.exists()
    assert (zombies(), descriptors(), bench.records.hosts()) == ([], before, [])
    assert not list((bench.folder / "state").iterdir())
