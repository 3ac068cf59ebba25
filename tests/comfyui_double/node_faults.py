"""Configured faults of nodes."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.comfyui_double.behaviour import NodeFault
    from tests.comfyui_double.execution import Workshop
    from tests.comfyui_double.job_queue import Job

_LOOK_SECONDS = 0.01
_SLOW_SECONDS = 0.25
_FULL = (
    "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 23.64 GiB of "
    "which 1.12 GiB is free. Including non-PyTorch memory, this process has 22.51 GiB in use."
)
_TIP = "This error means you ran out of memory on your GPU."


class InterruptedJobError(Exception):
    """The job was interrupted."""


class StoppedError(Exception):
    """The double was stopped."""


class WorkerDeathError(Exception):
    """An error outside of any node, which ends the executing thread."""


class GpuFullError(Exception):
    """The GPU is out of memory."""


_LETTERS = str.maketrans("0123456789-", "ghijklmnopq")


def raise_fault(fault: NodeFault, job: Job, shop: Workshop) -> None:
    """Apply a fault; returns when the node may continue."""
    match fault.kind:
        case "exception":
            message = fault.message or "the node did not like it"
            raise RuntimeError(message.replace("{job}", job.prompt_id.translate(_LETTERS)))
        case "out_of_memory":
            raise GpuFullError(fault.message or _FULL)
        case "interrupt":
            raise InterruptedJobError
        case "worker_death":
            raise WorkerDeathError
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "slow":
            _dawdle(job, shop)
        case "hang":
            shop.stopped.wait()
            raise StoppedError
        case "hold":
            _hold(job, shop)


def _dawdle(job: Job, shop: Workshop) -> None:
    if shop.stopped.wait(_SLOW_SECONDS):
        raise StoppedError
    if job.interrupted.is_set():
        raise InterruptedJobError


def _hold(job: Job, shop: Workshop) -> None:
    while not shop.released.wait(_LOOK_SECONDS):
        if shop.stopped.is_set():
            raise StoppedError
        if job.interrupted.is_set():
            raise InterruptedJobError


def exception_type(error: Exception) -> str:
    """The name that ComfyUI gives to an exception's type."""
    if isinstance(error, GpuFullError):
        return "torch.OutOfMemoryError"
    kind = type(error)
    return kind.__name__ if kind.__module__ == "builtins" else "Exception"


def message_of(error: Exception) -> str:
    """ComfyUI's message for an exception: its text, and a tip on a separate line."""
    return f"{error}\n{_TIP if isinstance(error, GpuFullError) else ''}"
