"""Writes a good picture, then fails: exit code 1 and a traceback."""

from importlib import import_module

good = import_module("good")
good.write_media(good.parse().output)
raise ValueError("the sampler met a NaN")
