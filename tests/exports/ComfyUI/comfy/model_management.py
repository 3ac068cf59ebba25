"""The GPU's contents: a file in ComfyUI's folder represents its memory."""

import types
from pathlib import Path

_GPU = Path(__file__).parent.parent / "gpu"


def load(name: str) -> None:
    """Put a model on the GPU."""
    _GPU.write_text(name)


def cleanup_models_gc() -> None:
    """Forget models that are gone."""


def unload_all_models() -> None:
    """Take every model off the GPU."""
    _GPU.unlink(missing_ok=True)


def soft_empty_cache() -> None:
    """Release unused memory."""


def interrupt_current_processing(value: bool = True) -> None:
    """Stop at the next step."""


def get_torch_device() -> types.SimpleNamespace:
    """The processor, since there is no torch here."""
    return types.SimpleNamespace(type="cpu", index=None)
