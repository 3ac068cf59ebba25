"""Makes a picture as the seed's own script does: a bar, then generated_image_001.png."""

from importlib import import_module
from pathlib import Path

good = import_module("good")
output = good.parse().output
import_module("asked").note(output)
Path("models/checkpoint.safetensors").read_bytes()  # found from the ComfyUI directory alone
good.show_bar()
good.write_media(output)
