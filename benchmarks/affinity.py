"""The savings of ordering prompts by loaded models if prompts for two models alternate.

With ``COMFYUI_DIR`` and ``COMFYUI_PYTHON`` (as for ``warm``) a real ComfyUI renders, with two nodes
of its own: one reads a whole checkpoint with random weights, the other makes a small picture of it.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.request
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.sqlite.shared_schema import create_database
from benchmarks.arrivals import Author
from benchmarks.builds import BuildProcess, checkouts
from benchmarks.daemon_process import READY, running_daemon
from benchmarks.databases import Contents, fill_database
from benchmarks.machine import memory_folder
from benchmarks.reports import Report
from benchmarks.samples import Sample, interleaved
from benchmarks.workflow import install

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from benchmarks.reports import Trial

_MODELS = ("first", "second")
_MOST, _SECONDS = 40, 600.0
_BATCH = 10  # claims for each value: one alone is too short to compare
_WARM_UP = 5
_ROOM = 200_000_000  # bytes, for the databases that are claimed from
_PLAIN, _GROUPED = "the order of the queue", "workers.affinity"
_START_SECONDS = 600.0
_NODES = """
import logging

import comfy.utils
import folder_paths
import torch


class BenchLoader:
    RETURN_TYPES, FUNCTION, CATEGORY = ("BENCH_MODEL",), "load", "bench"

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"ckpt_name": (folder_paths.get_filename_list("checkpoints"),)}}

    def load(self, ckpt_name):
        path = folder_paths.get_full_path_or_raise("checkpoints", ckpt_name)
        weights = comfy.utils.load_torch_file(path)
        model = {name: value.float() for name, value in weights.items()}
        logging.info("bench: loaded %s", ckpt_name)
        return (model,)


class BenchSampler:
    RETURN_TYPES, FUNCTION, CATEGORY = ("IMAGE",), "sample", "bench"

    @classmethod
    def INPUT_TYPES(cls):
        seed = ("INT", {"default": 0, "min": 0, "max": 2**64 - 1})
        text = ("STRING", {"multiline": True})
        return {"required": {"model": ("BENCH_MODEL",), "text": text, "seed": seed}}

    def sample(self, model, text, seed):
        noise = torch.randn(64 * 64 * 3, generator=torch.Generator().manual_seed(seed % 2**63))
        weight = next(iter(model.values())).flatten()[: noise.numel()]
        return (torch.sigmoid(noise * weight).reshape(1, 64, 64, 3),)


NODE_CLASS_MAPPINGS = {"BenchLoader": BenchLoader, "BenchSampler": BenchSampler}
"""


@dataclass(frozen=True, slots=True)
class _Comfy:
    """A running ComfyUI.

    Attributes:
        url: its address.
        log: path of its log.
    """

    url: str
    log: Path

    def loads(self) -> list[str]:
        """The checkpoints that it loaded, in order, according to its log."""
        lines = self.log.read_text("utf-8", "replace").splitlines()
        loads = [line.split()[-1] for line in lines if "bench: loaded" in line]
        return [load.removesuffix("\x1b[0m") for load in loads]


@dataclass(frozen=True, slots=True)
class _Drained:
    """Results of alternating prompts that were rendered.

    Attributes:
        seconds: time until the last one was ready.
        waits: time until each was ready, in seconds.
        loads: the checkpoints that each server loaded meanwhile.
    """

    seconds: float
    waits: Sample
    loads: tuple[list[str], ...]


def measure(trial: Trial) -> Report:
    """Loads, time and waits with and without affinity; and the claim with one workflow."""
    report = Report()
    if "COMFYUI_DIR" in os.environ:
        _measure_servers(trial, report)
    else:
        report.say("Loads were not measured: COMFYUI_DIR and COMFYUI_PYTHON name no ComfyUI.")
    _measure_claims(trial, report)
    return report


def _measure_servers(trial: Trial, report: Report) -> None:
    count = trial.choose(40, 12)
    with ExitStack() as stack:
        servers = [stack.enter_context(_comfy(trial, number)) for number in (1, 2)]
        one = servers[:1]
        trial.note("the first job of each server")
        _drain(trial, "start", servers, 4, 0)
        trial.note(f"{count} alternating prompts on one server, in the order of the queue")
        plain = _drain(trial, "plain", one, count, 0)
        trial.note("the same with affinity")
        grouped = _drain(trial, "grouped", one, count, _MOST)
        trial.note("the same on two servers")
        both = _drain(trial, "both", servers, count, _MOST)
    head = (f"{count} alternating prompts, one server", _PLAIN, _GROUPED)
    p95 = plain.waits.percentile(95), grouped.waits.percentile(95)
    rows = [
        ("model loads, by the server's log", len(plain.loads[0]), len(grouped.loads[0])),
        ("seconds until all are ready", f"{plain.seconds:.1f}", f"{grouped.seconds:.1f}"),
        ("seconds of wait, 95th percentile", f"{p95[0]:.1f}", f"{p95[1]:.1f}"),
    ]
    report.table(head, [tuple(map(str, row)) for row in rows])
    share = len(grouped.loads[0]) / len(plain.loads[0])
    report.verdict("at most 1/8 of the loads", f"{share:.3f}", met=share <= 1 / 8)
    ratio = grouped.seconds / plain.seconds
    report.verdict("at most 0.5 times the time", f"{ratio:.2f} times", met=ratio <= 0.5)
    report.verdict(
        f"95th percentile of the wait at most that of the order of the queue and {_SECONDS:g} s",
        f"{p95[1] - p95[0]:+.1f} s",
        met=p95[1] <= p95[0] + _SECONDS,
    )
    by_server = "; ".join(", ".join(one) or "none" for one in both.loads)
    last = [one[-1] for one in both.loads if one]
    report.verdict(
        "each of two servers loads one model in the whole run",
        f"{by_server}, in {both.seconds:.1f} s",
        met=all(len(one) <= 1 for one in both.loads) and len(set(last)) == len(last),
    )


@contextmanager
def _comfy(trial: Trial, number: int) -> Iterator[_Comfy]:
    """A ComfyUI with two checkpoints and the nodes that use them."""
    base = trial.folder / f"comfyui-{number}"
    for name in ("models/checkpoints", "custom_nodes/bench", "input", "output", "temp", "user"):
        (base / name).mkdir(parents=True)
    (base / "custom_nodes" / "bench" / "__init__.py").write_text(_NODES)
    for model in _MODELS:
        checkpoint = base / "models" / "checkpoints" / f"{model}.safetensors"
        if number == 1:
            _write_checkpoint(checkpoint, trial.choose(256, 64))
        else:
            checkpoint.hardlink_to(
                trial.folder / "comfyui-1" / "models" / "checkpoints" / checkpoint.name
            )
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    server, log = _Comfy(f"http://127.0.0.1:{port}", base / "server.log"), base / "server.log"
    command = [
        *(os.environ["COMFYUI_PYTHON"], "main.py", "--listen", "127.0.0.1", "--port", str(port)),
        *("--base-directory", str(base), "--disable-api-nodes"),
        *os.environ.get("COMFYUI_ARGUMENTS", "").split(),
    ]
    with (
        log.open("wb") as written,
        subprocess.Popen(
            command, cwd=os.environ["COMFYUI_DIR"], stdout=written, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            until = time.monotonic() + _START_SECONDS
            while not _answers(server.url):
                assert process.poll() is None, log.read_text()[-2000:]
                assert time.monotonic() < until, "ComfyUI did not start"
                time.sleep(0.5)
            yield server
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/queue", timeout=5) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except OSError:
        return False


def _write_checkpoint(path: Path, megabytes: int) -> None:
    """Random weights as safetensors: the length of a JSON header, the header, the values."""
    length = megabytes * 2**20
    header = {"weights": {"dtype": "F16", "shape": [length // 2], "data_offsets": [0, length]}}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _ in range(megabytes):
            # No infinities: the exponent's first bit stays 0.
            file.write(os.urandom(2**20).translate(bytes(b & 0xBF for b in range(256))))


def _graph(model: str) -> dict[str, Any]:
    loader = {"ckpt_name": f"{model}.safetensors"}
    sampler = {"model": ["1", 0], "text": "a lake", "seed": 1}
    return {
        "1": {"class_type": "BenchLoader", "inputs": loader},
        "2": {"class_type": "BenchSampler", "inputs": sampler},
        "3": {
            "class_type": "SaveImage",
            "inputs": {"images": ["2", 0], "filename_prefix": "bench"},
        },
    }


def _drain(trial: Trial, name: str, servers: list[_Comfy], count: int, most: int) -> _Drained:
    """Let a daemon render alternating prompts on these servers."""
    folder = trial.folder / name
    folder.mkdir()
    for model in _MODELS:
        (folder / f"{model}.json").write_text(json.dumps(_graph(model)))
    inputs = {"prompt": "2.text", "seed": "2.seed", "negative_prompt": None}
    named = [
        {"name": model, "file": str(folder / f"{model}.json"), "when": {"style": model}}
        for model in _MODELS[:-1]
    ]
    named.append({"name": _MODELS[-1], "file": str(folder / f"{_MODELS[-1]}.json")})
    database = folder / "shared.db"
    create_database(database)
    installation = install(
        folder / "place",
        database,
        sections={
            "comfyui": {
                "hosts": [server.url for server in servers],
                "output_directory": str(folder / "place" / "output"),
            },
            "media": {
                "renderer": {"image": "server", "audio": "sketch"},
                "workflows": {"image": named},
                "inputs": {"image": inputs},
            },
            "workers": {"affinity": {"most": most, "seconds": _SECONDS}},
        },
    )
    before = [len(server.loads()) for server in servers]
    with running_daemon(installation, database) as daemon, closing(Author(database)) as author:
        began = time.time()
        author.add_briefs(
            json.dumps({"prompt": "a lake", "style_tags": [_MODELS[number % 2]]})
            for number in range(count)
        )
        lines = [one for one in daemon.await_ready(count, 1200.0) if one.event == READY]
    waits = Sample(tuple(line.at - began for line in lines))
    loads = [server.loads() for server in servers]
    return _Drained(
        max(waits.values),
        waits,
        tuple(one[start:] for one, start in zip(loads, before, strict=True)),
    )


def _measure_claims(trial: Trial, report: Report) -> None:
    """The claim through the admission, with one workflow and with two, and of an earlier build."""
    rounds = trial.choose(300, 10)
    trial.note(f"{rounds} times {_BATCH} claims each, with one workflow and with two")
    two: list[dict[str, object]] = [{"name": model, "script": "workflow.sh"} for model in _MODELS]
    two[0]["when"] = {"style": _MODELS[0]}
    builds = checkouts()
    now = builds["now"]
    pending = _BATCH * (rounds + _WARM_UP)
    with ExitStack() as stack:
        memory = memory_folder(_ROOM)
        folder = (
            Path(stack.enter_context(tempfile.TemporaryDirectory(dir=memory)))
            if memory
            else trial.folder
        )

        def turn(checkout: Path, workflows: object = None, most: int = 0) -> Callable[[], float]:
            place = Path(tempfile.mkdtemp(dir=folder))
            config = _claimed_queue(place, pending, workflows, most)
            process = BuildProcess(checkout, "admission_worker.py", [config])
            stack.enter_context(process)
            return lambda: float(process.answer(_BATCH))

        turns = {
            "one workflow": turn(now),
            "one workflow, once more": turn(now),
            "one workflow, workers.affinity": turn(now, most=_MOST),
            "two workflows": turn(now, two),
            "two workflows, workers.affinity": turn(now, two, _MOST),
        }
        if "before" in builds:
            turns["one workflow, the build before"] = turn(builds["before"])
        samples = interleaved(rounds, turns, warm_up=_WARM_UP)
    plain = samples["one workflow"]
    report.table(
        (f"claims from {pending:,} pending", "processor ms", "times one workflow"),
        [(name, sample.shown(3), sample.over(plain).shown(3)) for name, sample in samples.items()],
    )
    ratio = samples["one workflow, workers.affinity"].over(plain)
    report.verdict(
        "with one workflow at most 1.05 times as long with affinity as without",
        ratio.shown(3),
        met=ratio.median <= 1.05,
    )
    if before := samples.get("one workflow, the build before"):
        ratio = plain.over(before)
        report.verdict(
            "with one workflow at most 1.05 times as long as the build before",
            ratio.shown(3),
            met=ratio.median <= 1.05,
        )


def _claimed_queue(folder: Path, pending: int, workflows: object, most: int) -> Path:
    """Make a queue of its own and the configuration for it; returns the latter's path."""
    database = fill_database(folder / "shared.db", Contents(1_000, pending))
    media: dict[str, object] = {
        "scripts": {"image": "workflow.sh", "music": "workflow.sh"},
        "renderer": {"image": "script", "audio": "sketch"},
    }
    sections: dict[str, Mapping[str, object]] = {"media": media}
    if workflows:
        media["workflows"] = {"image": workflows}
    if most:
        sections["workers"] = {"affinity": {"most": most, "seconds": _SECONDS}}
    return install(folder / "place", database, sections=sections).config
