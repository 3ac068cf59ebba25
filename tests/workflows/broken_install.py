"""Fails like an export on an incomplete installation; the last argument's value says how.

The exceptions are raised by the same statements as in ComfyUI 0.33, PyTorch and safetensors.
"""

import os
import pickle
import resource
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

NODE_CLASS_MAPPINGS: dict[str, Any] = {"KSampler": object}
fault = sys.argv.pop().rpartition("=")[2]
arguments = import_module("good").parse()
sys.stderr.write("Total VRAM 8192 MB, total RAM 32000 MB\n\r 20%|██        | 4/20 [00:01<00:04]\n")


def get_full_path_or_raise(folder_name: str, filename: str) -> str:
    """As in ComfyUI's folder_paths.py."""
    raise FileNotFoundError(
        f"Model in folder '{folder_name}' with filename '{filename}' not found."
    )


class SafetensorError(Exception):
    """Named as in safetensors."""

    __module__ = "safetensors_rust"


def missing_model() -> None:
    """The checkpoint that the graph names is not installed."""
    get_full_path_or_raise("checkpoints", "sd15.safetensors")


def missing_file() -> None:
    """A custom node opens its model itself."""
    Path("/models/unet/flux-dev.safetensors").open("rb")  # noqa: SIM115 - it fails


def missing_node() -> None:
    """A custom node of the graph is not installed."""
    loader = NODE_CLASS_MAPPINGS["NoSuchNode"]()
    loader.load()


def value_not_in_list() -> None:
    """The error of ComfyUI's validation."""
    raise ValueError("Value not in list: ckpt_name: 'sd15.safetensors' not in ['sdxl.safetensors']")


def corrupt_safetensors() -> None:
    """An incomplete download, or an HTML page under the name of a model."""
    raise SafetensorError("Error while deserializing header: HeaderTooLarge")


def corrupt_pickle() -> None:
    """A checkpoint that is an HTML page."""
    pickle.loads(b"<!doctype html>")  # noqa: S301 - it fails


def corrupt_zip() -> None:
    """An incomplete checkpoint."""
    raise RuntimeError(
        "PytorchStreamReader failed reading zip archive: failed finding central directory"
    )


def no_cuda() -> None:
    """PyTorch for the CPU."""
    raise AssertionError("Torch not compiled with CUDA enabled")


def no_gpu() -> None:
    """A container without the GPU."""
    raise RuntimeError("No CUDA GPUs are available")


def no_driver() -> None:
    """A machine without NVIDIA's driver."""
    raise RuntimeError(
        "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and"
        " installed a driver from http://www.nvidia.com/Download/index.aspx"
    )


def old_export() -> None:
    """An export of a faulty exporter."""
    if has_manager:  # type: ignore[name-defined]  # noqa: F821 - this is the fault
        raise SystemExit


def no_module() -> None:
    """A custom node's requirement is not installed."""
    import_module("insightface_that_nobody_has")


def open_files() -> None:
    """The limit of open files is low."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))
    kept = [tempfile.TemporaryFile() for _ in range(64)]  # noqa: SIM115 - until it fails
    os.write(2, str(len(kept)).encode())


def mps_buffer() -> None:
    """A Mac's GPU has no buffer of that size."""
    raise RuntimeError("Invalid buffer size: 24.31 GiB")


def cudnn() -> None:
    """The GPU's memory is full when cuDNN needs some."""
    raise RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED")


def unknown() -> None:
    """An unknown error: the same words for each prompt, except for prompt-specific parts."""
    address, folder = id(object()), arguments.output
    raise TypeError(
        f"Expected a 4-D tensor at 0x{address:x}, got {os.getpid() % 7} dimensions while encoding"
        f" {arguments.prompt!r} into {folder}/latent_{os.getpid()}.bin"
    )


globals()[fault]()
