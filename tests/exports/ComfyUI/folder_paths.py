"""The paths of ComfyUI's files."""

import os

from comfy.cli_args import args

base_path = os.path.dirname(os.path.abspath(__file__))
output_directory = os.path.join(args.base_directory or base_path, "output")


def get_full_path(folder_name: str, filename: str) -> str:
    """The path of a model."""
    return os.path.join(base_path, "models", folder_name, filename)
