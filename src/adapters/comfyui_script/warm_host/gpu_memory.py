"""The memory that a process takes, of the machine and of each GPU."""

from __future__ import annotations

import contextlib
import gc
import resource
import sys
import traceback


def free_gpu_memory() -> None:
    """Move the models out of the GPU's memory, and give back what torch holds of it."""
    manage = sys.modules.get("comfy.model_management")
    if manage is None:
        return
    try:
        manage.unload_all_models()
        gc.collect()
        manage.soft_empty_cache()
    except Exception:  # noqa: BLE001 - printed for the next job's log
        traceback.print_exc()


def memory_use() -> dict[str, object] | None:
    """Bytes of memory that this process takes, and that are used of each GPU; None if unknown.

    ``resident`` is the most that the process has occupied; ``devices`` has a list for each GPU that
    it uses: number, bytes in all, bytes that are used now, by whatever process, and how many more
    this one has used at a time. Without a GPU it is empty.
    """
    try:
        devices = _gpu_use()
        with contextlib.suppress(OSError), open("/proc/self/status") as file:  # noqa: PTH123
            for line in file:
                if line.startswith("VmHWM:"):
                    return {"resident": int(line.split()[1]) * 1024, "devices": devices}
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        unit = 1 if sys.platform == "darwin" else 1024
        return {"resident": most * unit, "devices": devices}
    except Exception:  # noqa: BLE001 - another ComfyUI, or another torch: it is unknown then
        return None


def _gpu_use() -> list[list[int]]:
    """What ``memory_use`` says of GPUs. Raises an exception of any kind if it is unknown."""
    if getattr(sys.modules.get("comfy.memory_management"), "aimdo_enabled", False):
        raise LookupError("an allocator that torch knows nothing of")
    device = sys.modules["comfy.model_management"].get_torch_device()
    if device.type == "cpu":
        return []
    if device.type != "cuda":  # those of Macs share the machine's memory and tell no maximum
        raise LookupError(device.type)
    cuda = sys.modules["torch"].cuda
    main = cuda.current_device() if device.index is None else device.index
    devices = []
    for number in range(cuda.device_count()):
        if number != main and not cuda.max_memory_reserved(number):
            continue
        if getattr(cuda.get_device_properties(number), "is_integrated", False):
            raise LookupError("it shares the machine's memory")
        free, total = cuda.mem_get_info(number)
        growth = cuda.max_memory_reserved(number) - cuda.memory_reserved(number)
        devices.append([number, total, total - free, growth])
    return devices
