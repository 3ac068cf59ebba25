"""ComfyUI's options, parsed once when they are imported."""

import argparse

import comfy.options

parser = argparse.ArgumentParser()
parser.add_argument("--cpu", action="store_true")
parser.add_argument("--base-directory", default="")
args = parser.parse_args(None if comfy.options.args_parsing else [])
