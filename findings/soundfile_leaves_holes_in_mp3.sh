#!/usr/bin/env bash
# soundfile 0.14.0 with its libsndfile 1.2.2 (Python 3.11): reading a song in blocks, as one does to keep memory flat.
#
# Guess:  blocks() gives the same samples as read() in one call, in every format: it reads on from where it stopped.
# Seen:   of an MP3 with a pure tone it gives silence for almost half the time. After each block soundfile seeks to the place where
#         it is already. In an MP3 about two thousand samples after such a seek are silent, presumably since a frame borrows
#         bits from the frames before it, which the decoder has dropped. Number, length and order of the blocks are
#         right and nothing is raised. Noise comes back whole, and so does the tone in FLAC, Vorbis and Opus. An MP3 is to be
#         read in one call, or with another decoder.
#
# Output seen (3 seconds, read in blocks of 4096; samples that differ from those of one call by more than 0.02):
#   tone  MP3     57.9 %, silent in the blocks:  42.6 %
#   tone  FLAC     0.0 %, silent in the blocks:   0.0 %
#   tone  Vorbis   0.0 %, silent in the blocks:   0.0 %
#   tone  Opus     0.0 %, silent in the blocks:   0.0 %
#   noise MP3      0.0 %, silent in the blocks:   0.0 %
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check soundfile==0.14.0 numpy==2.4.6
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import numpy
import soundfile

SECONDS = 3
FORMATS = {
    "MP3": ("MP3", "MPEG_LAYER_III", 44_100),
    "FLAC": ("FLAC", "PCM_16", 44_100),
    "Vorbis": ("OGG", "VORBIS", 44_100),
    "Opus": ("OGG", "OPUS", 48_000),
}


def sound(name, rate):
    if name == "noise":
        return 0.1 * numpy.random.default_rng(0).standard_normal(SECONDS * rate)
    return 0.5 * numpy.sin(2 * numpy.pi * 440 * numpy.arange(SECONDS * rate) / rate)


seen = {}
for name, format_name in (*(("tone", format_name) for format_name in FORMATS), ("noise", "MP3")):
    container, subtype, rate = FORMATS[format_name]
    path = f"{sys.argv[1]}/{name}.{format_name}"
    soundfile.write(path, sound(name, rate), rate, format=container, subtype=subtype)
    at_once, _ = soundfile.read(path)
    with soundfile.SoundFile(path) as file:
        in_blocks = numpy.concatenate(list(file.blocks(4096)))
    different = 100 * float(numpy.mean(numpy.abs(at_once - in_blocks) > 0.02))
    silent = 100 * float(numpy.mean(numpy.abs(in_blocks) < 1e-6))
    print(f"{name:5} {format_name:6} {different:5.1f} %, silent in the blocks: {silent:5.1f} %")
    seen[name, format_name] = different, silent
holes = seen.pop(("tone", "MP3"))
sys.exit(not (min(holes) > 30 and max(share for shares in seen.values() for share in shares) < 1))
PYTHON
