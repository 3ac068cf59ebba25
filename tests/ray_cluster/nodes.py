"""A Ray cluster of several nodes on this machine, in a network of its own."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from adapters.comfyui_script.workflow import DEFAULT_ARGUMENTS, ArgumentStyle, ScriptWorkflow
from adapters.ray_cluster.cluster import RayCluster
from adapters.ray_cluster.messages import ClusterSetup, SlotDemand
from adapters.ray_cluster.renderer import RayRenderer
from adapters.system_clock import SystemClock
from domain.prompt import Kind
from entrypoints.ray_node import NodeWorkflows, make_renderer
from entrypoints.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from domain.workflow_rules import WorkflowKey

INSIDE = "MEDIAGEN_INSIDE_NAMESPACE"
PORT = 6379
ADDRESS = f"127.0.0.1:{PORT}"
PATIENCE = 240.0  # seconds, for actions that take a few on a quiet machine
WORKFLOWS = Path(__file__).parents[1] / "workflows"
_STARTS, _START_SECONDS = 4, 60
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1  # netdevice(7)


def loopback_up() -> None:
    """Start the loopback of a new network namespace."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as control:
        request = struct.pack("16sh22x", b"lo", 0)
        name, flags = struct.unpack("16sh22x", fcntl.ioctl(control, _SIOCGIFFLAGS, request))
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh22x", name, flags | _IFF_UP))


def wait_for(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait until a condition holds; fails after four minutes."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited for {seconds:g} seconds: {what}"
        time.sleep(0.05)


class Nodes:
    """The head and the nodes of one cluster; all of them have this machine's files.

    The first node is the head, on 127.0.0.1; the others have addresses of their own.

    Args:
        folder: for Ray's files; its path must be short, since it contains sockets.
        token: the cluster's token.
    """

    def __init__(self, folder: Path, token: str = "0123456789abcdef" * 2) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.environment = {
            **os.environ,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": token,
            "RAY_DISABLE_USAGE_STATS": "1",
            "RAY_TMPDIR": str(folder),
            # How long Ray waits for a lost head before it ends nodes and drivers.
            "RAY_gcs_rpc_server_reconnect_timeout_s": "30",
        }
        self._running: set[int] = set()

    def only(self, *numbers: int) -> None:
        """Run these nodes besides the head, and no others; each has one slot.

        A node takes seconds to start, so running ones stay.
        """
        for number in self._running - set(numbers):
            self.kill(number)
        for number in sorted(set(numbers) - self._running):
            self.start(number)

    def start(self, number: int = 1, resources: Mapping[str, float] | None = None) -> None:
        """Start the head (1), or another node with these resources, by default one slot."""
        where = ["--head", f"--port={PORT}"] if number == 1 else [f"--address={ADDRESS}"]
        if resources is None:
            resources = {"slot": 1, "contract": 4} if number > 1 else {}
        command = [
            *(sys.executable, "-m", "ray.scripts.scripts", "start"),
            *where,
            f"--node-ip-address=127.0.0.{number}",
            "--num-cpus=0",
            "--num-gpus=0",
            f"--resources={json.dumps(resources)}",
            f"--labels=number={number}",
            "--object-store-memory=80000000",
            *(["--include-dashboard=false"] if number == 1 else []),
        ]
        said = ""
        for _ in range(_STARTS):  # Ray gives up after 30 seconds, however busy the machine is
            # A file, since processes of a failed start would keep a pipe open.
            with (self.folder / "start.log").open("w+") as log, suppress(subprocess.TimeoutExpired):
                ended = subprocess.run(  # noqa: S603 - Ray's own program
                    command,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    check=False,
                    timeout=_START_SECONDS,
                )
                if ended.returncode == 0:
                    break
            said = (self.folder / "start.log").read_text()
            self.kill_head() if number == 1 else self.kill(number)
        else:
            raise AssertionError(said)
        if number > 1:
            self._running.add(number)

    def kill(self, number: int) -> None:
        """Kill a node's daemon and its workers, as if the machine were gone."""
        self._running.discard(number)
        for raylet in self._processes(f"--node_ip_address=127.0.0.{number}"):
            if raylet.name() == "raylet":
                family = [*raylet.children(recursive=True), raylet]
                for process in family:
                    with suppress(psutil.NoSuchProcess):
                        process.kill()

    def kill_head(self) -> None:
        """Kill the head with its daemon."""
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.name() == "gcs_server":
                    process.kill()
        self.kill(1)

    def workers(self) -> list[psutil.Process]:
        """The processes of the slots."""
        return self._processes("ray::NodeSlot")

    def drivers(self) -> list[psutil.Process]:
        """The drivers of this machine's workers."""
        return self._processes("adapters.ray_cluster.driver")

    @staticmethod
    def _processes(word: str) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if any(word in part for part in process.cmdline()):
                    found.append(process)
        return found


def script_workflow(
    script: Path, folder: Path, kind: Kind, interpreter: Path = Path(sys.executable)
) -> ScriptWorkflow:
    """A script as the settings would describe it."""
    return ScriptWorkflow(
        renderer="script",
        interpreter=interpreter,
        script=script,
        working_directory=folder,
        arguments=dict(DEFAULT_ARGUMENTS[kind]),
        extra_arguments=(),
        argument_style=ArgumentStyle.EQUALS,
        queue_size=1,
        time_limit_seconds=PATIENCE,
        stall_seconds=0,
        grace_seconds=2,
    )


def workflows_of(scripts: Mapping[WorkflowKey, ScriptWorkflow]) -> NodeWorkflows:
    """The slots' workflows, with the default limits of the settings."""
    return NodeWorkflows(
        version=VERSION,
        scripts=scripts,
        graphs={},
        server="",
        seconds=PATIENCE,
        stall_seconds=0,
        unreachable_seconds=10,
        preview_method="",
        free_memory=False,
        keep_negative_prompt=True,
        max_files=500,
        max_bytes=2**31,
        warm_prompts=200,
        warm_bytes=None,
        warm_seconds=300,
    )


def ray_cluster(
    workflows: NodeWorkflows,
    *demands: SlotDemand,
    shared_folder: Path | None = None,
    graphs: Callable[[], dict[WorkflowKey, tuple[str, bytes]]] = dict,
    connect_seconds: float = 60,
    start_seconds: float = 60,
) -> RayCluster:
    """The worker's side of the cluster."""
    setup = ClusterSetup(
        ADDRESS,
        partial(make_renderer, workflows),
        demands,
        tuple(workflows.scripts or workflows.graphs),
        shared_folder=shared_folder,
        connect_seconds=connect_seconds,
        start_seconds=start_seconds,
    )
    return RayCluster(setup, graphs, SystemClock())


def ray_renderer(cluster: RayCluster) -> RayRenderer:
    """The renderer on a cluster."""
    return RayRenderer(cluster, SystemClock())


def demand(**resources: float) -> SlotDemand:
    """A slot for both kinds, which takes no GPU."""
    return SlotDemand(frozenset(Kind), count=8, num_gpus=0, resources=resources)


def living(pids: list[int]) -> list[int]:
    """The processes that have not ended; zombies have."""
    alive = []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                alive.append(pid)
    return alive


def kill(process: psutil.Process) -> None:
    """Kill a process, ignoring errors."""
    with suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGKILL)
