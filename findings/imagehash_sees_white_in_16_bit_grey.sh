#!/usr/bin/env bash
# ImageHash 4.3.2 with Pillow 13.0.0 and numpy 2.3.5 (Python 3.11): the perceptual hashes of grey pictures with 16 bits a pixel.
#
# Guess:  a perceptual hash looks at a small grey copy of the picture, so the depth of the file does not matter: a picture
#         saved with 8 and with 16 bits has the same hash, and two different pictures have hashes that differ in many bits.
# Seen:   each hash converts the picture with Pillow's convert("L"). For the mode "I;16", which Pillow gives to a grey PNG of
#         16 bits, that conversion cuts values off at 255 and does not scale them, so that all but the blackest pixels are
#         white. All four hashes of such a file are those of a blank picture: waves and a chessboard are at distance 0, and a
#         search for duplicates takes them, and every other grey picture of 16 bits, for copies of one another.
#
# Output seen:
#   phash         8 bits: distance 31;  16 bits: distance 0, both 8000000000000000;  the waves with 8 and with 16 bits: 31
#   dhash         8 bits: distance 30;  16 bits: distance 0, both 0000000000000000;  the waves with 8 and with 16 bits: 32
#   average_hash  8 bits: distance 29;  16 bits: distance 0, both 0000000000000000;  the waves with 8 and with 16 bits: 31
#   whash         8 bits: distance 32;  16 bits: distance 0, both 0000000000000000;  the waves with 8 and with 16 bits: 32
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ImageHash==4.3.2 pillow==13.0.0 numpy==2.3.5
"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import imagehash
import numpy
from PIL import Image

rows, columns = numpy.mgrid[0:256, 0:256]
waves = (numpy.sin(columns / 20) + numpy.cos(rows / 31)) * 60 + 128
chessboard = (columns // 16 + rows // 16) % 2 * 100 + 100


def saved(pixels, depth):
    """The picture as a reader of the PNG file sees it."""
    eight = pixels.astype(numpy.uint8)
    buffer = io.BytesIO()
    Image.fromarray(eight if depth == 8 else eight.astype(numpy.uint16) * 257).save(buffer, "PNG")
    return Image.open(buffer)


as_expected = True
for name in ("phash", "dhash", "average_hash", "whash"):
    make = getattr(imagehash, name)
    of = {(pattern, depth): make(saved(pixels, depth))
          for pattern, pixels in (("waves", waves), ("chessboard", chessboard)) for depth in (8, 16)}
    shallow = of["waves", 8] - of["chessboard", 8]
    deep = of["waves", 16] - of["chessboard", 16]
    same = of["waves", 8] - of["waves", 16]
    print(f"{name:13} 8 bits: distance {shallow};  16 bits: distance {deep}, both {of['waves', 16]};  "
          f"the waves with 8 and with 16 bits: {same}")
    as_expected &= shallow > 10 and deep == 0 and same > 10
sys.exit(not as_expected)
PYTHON
