"""Known exceptions of ComfyUI, PyTorch and model loaders, and the failures that they mean."""

from __future__ import annotations

import re
from dataclasses import dataclass

from domain.failure import FailureCode

_MODEL_FILE = r"\.(?:safetensors|sft|ckpt|pth?|bin|gguf|onnx)\b"
_MODEL_INPUT = r"(?:ckpt|lora|vae|unet|clip|model|control_net|text_encoder)\w*_name\d*\b"


@dataclass(frozen=True, slots=True)
class Rule:
    """A failure code for exceptions by the end of their name or a pattern of their message.

    Attributes:
        code: of the failure.
        types: endings of exception names.
        pattern: of messages.
    """

    code: FailureCode
    types: tuple[str, ...]
    pattern: re.Pattern[str]

    def fits(self, exception: str, message: str) -> bool:
        """Whether the rule applies to an exception; its name is "" for a message alone."""
        return exception.endswith(self.types) or self.pattern.search(message) is not None


MEMORY = Rule(
    FailureCode.OUT_OF_MEMORY,
    ("MemoryError", "OutOfMemoryError"),
    re.compile(
        r"(?:CUDA|MPS backend|HIP|XPU|NPU) out of memory|(?:CUDA|HIP) error: out of memory"
        r"|Allocation on device|DefaultCPUAllocator: (?:can't allocate|not enough) memory"
        r"|kIOGPUCommandBufferCallbackErrorOutOfMemory|Invalid buffer size: "
        r"|CU(?:BLAS|DNN|SPARSE|SOLVER)_STATUS_\w*ALLOC\w*_FAILED"
        r"|CU(?:BLAS|DNN)_STATUS_NOT_INITIALIZED"
        r"|(?:FIND|GET) was unable to find an engine to execute this computation"
        r"|Cannot allocate memory|std::bad_alloc|paging file is too small",
        re.IGNORECASE,
    ),
)

RULES = (
    MEMORY,
    Rule(
        FailureCode.TOO_MANY_OPEN_FILES,
        (),
        re.compile(r"Too many open files|received 0 items of ancdata|EMFILE", re.IGNORECASE),
    ),
    Rule(
        FailureCode.MODEL_BROKEN,
        ("SafetensorError", "UnpicklingError"),
        re.compile(
            r"Error while deserializing header|safetensors file is corrupt"
            r"|(?:Invalid)?Header(?:TooLarge|TooSmall)|MetadataIncompleteBuffer"
            r"|invalid load key, |pickle data was truncated|PytorchStreamReader failed"
            r"|unexpected EOF, expected \d+ more bytes|The file might be corrupted"
            r"|GGUF magic invalid|Could not detect model type of"
            r"|does not contain a valid (?:clip|text encoder|vae|unet)"
            r"|Error\(s\) in loading state_dict for ",
            re.IGNORECASE,
        ),
    ),
    Rule(
        FailureCode.MODEL_MISSING,
        (),
        re.compile(
            r"Model in folder '.*' with filename '.*' not found"
            rf"|No such file or directory: .*{_MODEL_FILE}"
            rf"|{_MODEL_FILE}\S* (?:does not exist|not found)"
            rf"|Value not in list: (?:{_MODEL_INPUT}|\w+: '[^']*{_MODEL_FILE})",
            re.IGNORECASE,
        ),
    ),
    Rule(
        FailureCode.GRAPH_REJECTED,
        (),
        re.compile(r"Value not in list: "),
    ),
    Rule(
        FailureCode.GPU_UNAVAILABLE,
        (),
        re.compile(
            r"Torch not compiled with (?:CUDA|ROCm|HIP|XPU|MPS) enabled"
            r"|PyTorch is not linked with support for \w+ devices"
            r"|No (?:CUDA|HIP|XPU) GPUs are available|no (?:CUDA|ROCm)-capable device is detected"
            r"|Found no NVIDIA driver|NVIDIA driver on your system is too old"
            r"|CUDA driver (?:version is insufficient|initialization failed)"
            r"|no kernel image is available for execution|HIP error: invalid device function"
            r"|CUDA error: (?:invalid device ordinal|CUDA-capable device\(s\) is/are busy)"
            r"|cudaGetDeviceCount|CUDA unknown error|forward compatibility was attempted"
            r"|deserialize object on a CUDA device but torch\.cuda\.is_available\(\) is False"
            r"|Failed to initialize NVML|The MPS backend is supported on",
            re.IGNORECASE,
        ),
    ),
)
"""Rules for scripts and for jobs on servers; the first that fits counts."""


def code_of(exception: str, message: str) -> FailureCode | None:
    """The failure code for an exception, or None if it is unknown.

    Args:
        exception: its name, with or without its module; "" for a message alone.
        message: its text.
    """
    return next((rule.code for rule in RULES if rule.fits(exception, message)), None)
