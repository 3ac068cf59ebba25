"""A user's own script: short option names, values as separate arguments, few options."""

import argparse
from importlib import import_module
from pathlib import Path

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("-p", dest="prompt", required=True)
parser.add_argument("--out-dir", type=Path, required=True)
parser.add_argument("--title", required=True)
parser.add_argument("--steps", type=int, required=True)
arguments = parser.parse_args()
import_module("call_log").record_call(arguments.out_dir)
(arguments.out_dir / "images").mkdir()
(arguments.out_dir / "images" / "ComfyUI_00001_.png").write_bytes(import_module("good").png())
