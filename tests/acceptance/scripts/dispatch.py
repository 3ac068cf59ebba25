"""Runs the script that the prompt (or the song's tags) names; a second word is its --fault."""

import os
import sys
from importlib import import_module
from pathlib import Path

arguments = import_module("good").parse()
name, *fault = (arguments.prompt or arguments.tags).split()
script = Path(__file__).with_name(f"{name}.py")
command = [word for word in sys.argv[1:] if not word.startswith(("--prompt", "--tags"))]
command += [f"--fault={word}" for word in fault]
os.execv(sys.executable, [sys.executable, str(script), *command])  # noqa: S606 - its purpose
