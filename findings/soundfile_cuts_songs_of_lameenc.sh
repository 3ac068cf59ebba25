#!/usr/bin/env bash
# lameenc 1.9.0 with soundfile 0.14.0 (libsndfile 1.2.2), mutagen 1.48.1, tinytag 2.3.2, pedalboard 0.9.26 and av 18.1.0 (Python 3.11): reading a
# song that lameenc made with a variable bitrate.
#
# Guess:  lameenc is LAME, so a song with a variable bitrate begins with LAME's header, which says how many frames follow. Where that is
#         missing, a program that shows a length may estimate it, but a program that decodes returns all samples.
# Seen:   lameenc writes no such header, whatever the mode. soundfile takes the size of the file divided by the bitrate of the first
#         frame for the length, and reads no further: of ten seconds the program gets the first three, without an error, also
#         if it asks for more. How much is lost hangs on the first frame alone: behind a silent beginning everything is
#         read. pedalboard opens the same three seconds, mutagen reports them, FFmpeg's container reports another wrong
#         number and decodes everything. So the length of an MP3 is known once it has been decoded, by a decoder that
#         does not trust an estimate; with a constant bitrate all agree, and with FFmpeg's LAME as well.
#
# Output seen (seconds of 10 of sound: a tone, then noise):
#                         soundfile reads  pedalboard  mutagen  tinytag  PyAV states  PyAV decodes
#   lameenc, constant               10.03       10.03    10.03    10.03        10.03         10.03
#   lameenc, variable                3.05        3.03     3.05    10.03        14.75         10.03
#   FFmpeg,  variable               10.00       10.03    10.03    10.03        10.00         10.00
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    lameenc==1.9.0 soundfile==0.14.0 mutagen==1.48.1 tinytag==2.3.2 pedalboard==0.9.26 av==18.1.0 numpy==2.4.6
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys
from pathlib import Path

import av
import lameenc
import mutagen
import numpy
import pedalboard.io
import soundfile
import tinytag

RATE = 44_100
HALF = 5 * RATE
tone = 0.4 * numpy.sin(2 * numpy.pi * 440 * numpy.arange(HALF) / RATE)
noise = 0.25 * numpy.random.default_rng(0).standard_normal(HALF)
samples = (numpy.clip(numpy.concatenate([tone, noise]), -1, 1) * 32_767).astype("<i2")


def by_lameenc(path, variable):
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_in_sample_rate(RATE)
    encoder.set_channels(1)
    encoder.set_quality(2)
    if variable:
        encoder.set_vbr(4)
        encoder.set_vbr_quality(2)
    else:
        encoder.set_bit_rate(128)
    path.write_bytes(bytes(encoder.encode(samples.tobytes()) + encoder.flush()))


def by_ffmpeg(path, variable):
    with av.open(str(path), "w", format="mp3") as output:
        stream = output.add_stream("libmp3lame", rate=RATE, layout="mono")
        stream.codec_context.qscale = variable
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        for part in (frame, None):
            output.mux(stream.encode(part))


def lengths(path):
    sound, _ = soundfile.read(path)
    with pedalboard.io.AudioFile(str(path)) as file:
        opened = file.frames / RATE
    with av.open(str(path)) as source:
        stated = source.duration / av.time_base
        decoded = sum(frame.samples for frame in source.decode(audio=0)) / RATE
    tags = mutagen.File(path).info.length, tinytag.TinyTag.get(path).duration
    return (len(sound) / RATE, opened, *tags, stated, decoded)


print(f"{'':20}  soundfile reads  pedalboard  mutagen  tinytag  PyAV states  PyAV decodes")
seen = {}
for label, write, variable in (
    ("lameenc, constant", by_lameenc, False),
    ("lameenc, variable", by_lameenc, True),
    ("FFmpeg,  variable", by_ffmpeg, True),
):
    path = Path(sys.argv[1], "song.mp3")
    write(path, variable)
    seen[label] = lengths(path)
    words = [f"{value:{width}.2f}" for value, width in zip(seen[label], (15, 10, 7, 7, 11, 12))]
    print(f"{label:20}  {'  '.join(words)}")
cut = seen.pop("lameenc, variable")
whole = all(9.9 < value < 10.1 for values in seen.values() for value in values)
sys.exit(not (whole and max(cut[:3]) < 5 and cut[4] > 12 and 9.9 < min(cut[3], cut[5]) < 10.1))
PYTHON
