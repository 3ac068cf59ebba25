#!/usr/bin/env bash
# pillow-jxl-plugin 1.3.8 with Pillow 13.0.0 (Python 3.11): a JPEG that was opened, changed in place, and saved as JPEG XL.
#
# Guess:  save() writes the pixels that the Image object has. Whether they came from a JPEG matters at most where the picture
#         is untouched: then the plugin may repack the JPEG without loss, as it says in a warning.
# Seen:   the plugin repacks the file that the Image object was opened from, whatever has happened to the pixels since: it goes by
#         format and filename, which methods that work in place (paste, putpixel, thumbnail) leave alone. A
#         painted picture is saved unpainted, and a thumbnail of 16 x 12 pixels is saved as the whole picture. Methods that
#         return a new Image (resize), a JPEG opened from memory, and lossless_jpeg=False give what one expects.
#
# Output seen:
#   paste, saved as PNG:                          64 x 48, red painted black: True
#   paste, saved as JXL:                          64 x 48, red painted black: False
#   paste, saved as JXL with lossless_jpeg=False: 64 x 48, red painted black: True
#   opened from memory, paste, saved as JXL:      64 x 48, red painted black: True
#   thumbnail((16, 16)), saved as PNG:            16 x 12
#   thumbnail((16, 16)), saved as JXL:            64 x 48
#   resize((16, 12)), saved as JXL:               16 x 12
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pillow-jxl-plugin==1.3.8 pillow==13.0.0 packaging==26.3
"$folder/venv/bin/python" -W ignore - "$folder/red.jpg" <<'PYTHON'
import io
import sys
from pathlib import Path

import pillow_jxl  # registers the format
from PIL import Image

Image.new("RGB", (64, 48), "red").save(sys.argv[1], quality=95)


def saved(picture, format_name, **options):
    """The picture as a reader of the written file sees it."""
    buffer = io.BytesIO()
    picture.save(buffer, format_name, **options)
    read = Image.open(buffer).convert("RGB")
    return read.size, max(read.getpixel((0, 0))) < 20


def painted(source=sys.argv[1]):
    picture = Image.open(source)
    picture.paste("black", (0, 0, 64, 48))
    return picture


def thumbnail():
    picture = Image.open(sys.argv[1])
    picture.thumbnail((16, 16))
    return picture


seen = []
in_memory = io.BytesIO(Path(sys.argv[1]).read_bytes())
for label, result in (
    ("paste, saved as PNG:", saved(painted(), "PNG")),
    ("paste, saved as JXL:", saved(painted(), "JXL")),
    ("paste, saved as JXL with lossless_jpeg=False:", saved(painted(), "JXL", lossless_jpeg=False)),
    ("opened from memory, paste, saved as JXL:", saved(painted(in_memory), "JXL")),
    ("thumbnail((16, 16)), saved as PNG:", saved(thumbnail(), "PNG")),
    ("thumbnail((16, 16)), saved as JXL:", saved(thumbnail(), "JXL")),
    ("resize((16, 12)), saved as JXL:", saved(Image.open(sys.argv[1]).resize((16, 12)), "JXL")),
):
    (width, height), black = result
    colour = f", red painted black: {black}" if "paste" in label else ""
    print(f"{label:45} {width} x {height}{colour}")
    seen.append(result)
whole, small = (64, 48), (16, 12)
sys.exit(
    seen
    != [(whole, True), (whole, False), (whole, True), (whole, True), (small, False), (whole, False), (small, False)]
)
PYTHON
