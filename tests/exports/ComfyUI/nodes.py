"""The nodes: one loads a model slowly, one draws a picture of its inputs."""

import hashlib
import logging
import os
import struct
import sys
import time
import zlib

import comfy.model_management
import folder_paths

NODE_CLASS_MAPPINGS = {}
time.sleep(float(os.environ.get("COMFYUI_IMPORT_SECONDS", "0")))
with open(os.path.join(folder_paths.base_path, "imports.log"), "a") as log:
    log.write(f"{os.getpid()}\n")


def init_extra_nodes() -> None:
    """Import custom nodes; they may be broken."""
    custom = os.path.join(folder_paths.base_path, "custom_nodes")
    for name in sorted(os.listdir(custom)) if os.path.isdir(custom) else ():
        with open(os.path.join(custom, name)) as file:
            exec(file.read(), {"__name__": name})
    os.environ["SET_BY_A_NODE"] = "1"
    logging.getLogger("comfy").addHandler(logging.StreamHandler(sys.stderr))


class Load:
    """Loads a model."""

    CATEGORY = "loaders"
    FUNCTION = "load"

    def load(self, ckpt_name: str) -> tuple[str]:
        """Read it slowly."""
        path = folder_paths.get_full_path("checkpoints", ckpt_name)
        time.sleep(float(os.environ.get("COMFYUI_LOAD_SECONDS", "0")))
        with open(os.path.join(folder_paths.base_path, "loads.log"), "a") as log:
            log.write(f"{os.getpid()}\n")
        try:
            with open(path) as file:
                return (file.read(),)
        except FileNotFoundError:
            return ("none",)


class Draw:
    """Draws."""

    CATEGORY = "sampling"
    FUNCTION = "draw"

    def draw(self, model: str, text: str, seed: int, output: str | None) -> None:
        """Show a bar, and write one picture."""
        comfy.model_management.load(model)
        seconds = float(os.environ.get("COMFYUI_DRAW_SECONDS", "0"))
        for step in range(3):
            time.sleep(seconds / 3)
            bar = f"\r{50 * step:3}%|{'#' * step}| {step}/2 [00:00<00:00, 9.00it/s]"
            print(bar, end="", file=sys.stderr, flush=True)
        with open(os.path.join(folder_paths.base_path, "draws.log"), "a") as log:
            log.write(f"{os.getpid()}\n")
        pixels = hashlib.shake_256(f"{model} {text} {seed}".encode()).digest(64 * 64)
        path = os.path.join(output or folder_paths.output_directory, "output.png")
        with open(path, "wb") as file:
            file.write(png(pixels))
        print(f"Saved image to {path}")


def png(pixels: bytes) -> bytes:
    """A grey picture of 64 by 64 pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    rows = b"".join(b"\0" + pixels[at : at + 64] for at in range(0, 64 * 64, 64))
    header = struct.pack(">IIBBBBB", 64, 64, 8, 0, 0, 0, 0)
    picture = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + picture


NODE_CLASS_MAPPINGS.update({"Load": Load, "Draw": Draw})
