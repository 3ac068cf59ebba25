"""An older export of a workflow for songs: no --output, but ComfyUI's own arguments behind --."""

import argparse
import sys
from importlib import import_module
from pathlib import Path

divide = sys.argv.index("--")
parser = argparse.ArgumentParser(allow_abbrev=False)
for name in ("--tags5", "--lyrics6"):
    parser.add_argument(name, required=True)
parser.add_argument("--queue-size", type=int)
parser.parse_args(sys.argv[1:divide])
comfyui = argparse.ArgumentParser(allow_abbrev=False)
comfyui.add_argument("--output-directory", type=Path, required=True)
output = comfyui.parse_args(sys.argv[divide + 1 :]).output_directory
import_module("asked").note(output)
(output / "audio").mkdir()
song = Path(__file__).with_name("sample.mp3").read_bytes()
(output / "audio" / "ComfyUI_00001_.mp3").write_bytes(song)
