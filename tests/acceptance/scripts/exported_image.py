"""An export of a workflow for pictures: names of its own, and nothing else is accepted."""

import argparse
from importlib import import_module
from pathlib import Path

parser = argparse.ArgumentParser(allow_abbrev=False)
for name in ("--text4", "--text5", "--comfyui-directory"):
    parser.add_argument(name, required=True)
for name in ("--width6", "--height7", "--seed9", "--queue-size"):
    parser.add_argument(name, type=int, required=True)
parser.add_argument("--output", type=Path, required=True)
arguments = parser.parse_args()
if not Path(arguments.comfyui_directory).samefile("."):
    parser.error("this is not ComfyUI")
import_module("asked").note(arguments.output)
import_module("good").write_media(arguments.output)
