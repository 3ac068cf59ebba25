"""A workflow in the form of ComfyUI-SaveAsScript's exports, for a real ComfyUI, without a model.

Copied as ``picture.py`` it makes a picture with ``EmptyImage``, as ``song.py`` a song with
``EmptyAudio``. It is run by ComfyUI's interpreter; ``benchmarks.warm`` uses it where no real export
is named.
"""

import argparse
import os
import sys
import wave

import torch

IS_SONG = os.path.basename(__file__) == "song.py"


def add_comfyui_directory_to_sys_path() -> None:
    """Make ComfyUI's modules importable; it is the working folder."""
    sys.path.append(os.getcwd())


def add_extra_model_paths() -> None:
    """Let ComfyUI read its options."""
    from comfy.options import enable_args_parsing

    enable_args_parsing()


def import_custom_nodes() -> None:
    """Import every node, like exports that use one beyond ComfyUI's basic ones."""
    import asyncio

    import execution
    import nodes
    import server

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    async def inner() -> None:
        execution.PromptQueue(server.PromptServer(loop))
        await nodes.init_extra_nodes(init_custom_nodes=True)

    loop.run_until_complete(inner())


parser = argparse.ArgumentParser()
parser.add_argument("--queue-size", "-q", type=int, default=1)
parser.add_argument("--output", "-o", default=None)
parser.add_argument("--random-seed-type", default="random", choices=["random", "fixed"])

comfy_args = [sys.argv[0]]
if "--" in sys.argv:
    idx = sys.argv.index("--")
    comfy_args += sys.argv[idx + 1 :]
    sys.argv = sys.argv[:idx]
args = parser.parse_args()
sys.argv = comfy_args

_custom_nodes_imported = not IS_SONG
_custom_path_added = False


def main() -> None:
    """Create one file for each pass."""
    global _custom_nodes_imported, _custom_path_added
    if not _custom_path_added:
        add_comfyui_directory_to_sys_path()
        add_extra_model_paths()
        _custom_path_added = True
    if not _custom_nodes_imported:
        import_custom_nodes()
        _custom_nodes_imported = True
    from nodes import NODE_CLASS_MAPPINGS

    with torch.inference_mode():
        for _ in range(args.queue_size):
            if IS_SONG:
                node = NODE_CLASS_MAPPINGS["EmptyAudio"]
                audio = getattr(node(), node.FUNCTION)(duration=2.0, sample_rate=44100, channels=2)[
                    0
                ]
                samples = (audio["waveform"][0].T * 32767).to(torch.int16).numpy()
                with wave.open(os.path.join(args.output, "song.wav"), "wb") as file:
                    file.setnchannels(2)
                    file.setsampwidth(2)
                    file.setframerate(44100)
                    file.writeframes(samples.tobytes())
            else:
                from PIL import Image

                picture = NODE_CLASS_MAPPINGS["EmptyImage"]().generate(1024, 1024, 1, 255)[0]
                pixels = (picture[0] * 255).to(torch.uint8).numpy()
                Image.fromarray(pixels).save(os.path.join(args.output, "output.png"))


if __name__ == "__main__":
    main()
