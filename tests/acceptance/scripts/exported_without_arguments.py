"""An export of ComfyUI-to-Python-Extension, which passes its whole command line to ComfyUI."""

from importlib import import_module


def add_comfyui_directory_to_sys_path() -> None:
    """Both exporters write a function of this name into every export."""


def build_workflow() -> dict[str, object]:
    """Build the workflow's graph, as both exporters name the function."""
    return {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "color": 255}},
        "2": {"class_type": "SaveImage", "inputs": {"filename_prefix": "a", "images": ["1", 0]}},
    }


output = import_module("export_parts").comfyui_output_directory()
import_module("call_log").record_call(output)
(output / "ComfyUI_00001_.png").write_bytes(import_module("good").png())
