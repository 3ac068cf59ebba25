"""Runs with an interpreter that does not have ComfyUI's modules."""

from importlib import import_module

import_module("comfy.samplers_that_nobody_has")
