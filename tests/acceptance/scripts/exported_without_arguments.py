"""An export of ComfyUI-to-Python-Extension: its whole command line is for ComfyUI's parser."""

from importlib import import_module


def add_comfyui_directory_to_sys_path() -> None:
    """Both exporters write a function of this name into every export."""


def build_workflow() -> dict[str, object]:
    """The graph."""
    return {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "color": 255}},
        "2": {"class_type": "SaveImage", "inputs": {"filename_prefix": "a", "images": ["1", 0]}},
    }


output = import_module("export_parts").comfyui_output_directory()
import_module("asked").note(output)
(output / "ComfyUI_00001_.png").write_bytes(import_module("good").png())
