#!/usr/bin/env bash
# av 18.1.0 (FFmpeg 8), soundfile 0.14.0 (libsndfile), mutagen 1.48.1 and tinytag 2.3.2 (Python 3.11): the length of exactly one second
# of sound.
#
# Guess:  today's files say how many samples the encoder put before and after the sound (LAME's header, the edit list of MPEG-4, the
#         positions in Ogg), so all readers agree to the sample; at worst a tag reader rounds to whole frames, in one way.
# Seen:   FLAC and Opus are the only ones on which all four agree. mutagen takes the padding off an MP3 that libsndfile wrote but not
#         off one that FFmpeg wrote, though both use LAME and have its header: it looks for the name LAME in it, and FFmpeg puts
#         its own. tinytag takes it off neither. FFmpeg decodes its own M4A with the padding at the end, though not that at the
#         beginning; mutagen counts both, tinytag neither. Of a Vorbis file this short, FFmpeg returns 128 samples less than
#         libsndfile wrote. So a length from a tag reader cannot be compared with a decoder's to tell whether a file is cut,
#         not even within one format.
#
# Output seen (seconds):
#                       PyAV decodes  soundfile  mutagen  tinytag
#   FLAC (soundfile)          1.0000     1.0000   1.0000   1.0000
#   Opus (FFmpeg)             1.0000     1.0000   1.0000   1.0000
#   MP3 (FFmpeg)              1.0000     1.0000   1.0449   1.0449
#   MP3 (soundfile)           1.0000     1.0000   1.0000   1.0449
#   M4A (FFmpeg)              1.0217          -   1.0232   1.0000
#   Vorbis (soundfile)        0.9971     1.0000   1.0000   1.0000
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    av==18.1.0 soundfile==0.14.0 mutagen==1.48.1 tinytag==2.3.2 numpy==2.4.6
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys
from pathlib import Path

import av
import mutagen
import numpy
import soundfile
import tinytag


def tone(rate):
    return (0.5 * numpy.sin(2 * numpy.pi * 440 * numpy.arange(rate) / rate)).astype(numpy.float32)


def by_ffmpeg(path, container, codec, sample_format, rate):
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone(rate).reshape(1, -1), format=sample_format, layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        for part in (frame, None):
            for packet in stream.encode(part):
                output.mux(packet)


def by_libsndfile(path, container, subtype):
    soundfile.write(path, tone(44_100), 44_100, format=container, subtype=subtype)


def decoded(path):
    with av.open(str(path)) as source:
        stream = source.streams.audio[0]
        return sum(frame.samples for frame in source.decode(stream)) / stream.rate


def by_soundfile(path):
    sound, rate = soundfile.read(path)
    return len(sound) / rate


FILES = {
    "FLAC (soundfile)": ("a.flac", by_libsndfile, ("FLAC", "PCM_16"), (1.0, 1.0, 1.0, 1.0)),
    "Opus (FFmpeg)": ("a.opus", by_ffmpeg, ("ogg", "libopus", "flt", 48_000), (1.0, 1.0, 1.0, 1.0)),
    "MP3 (FFmpeg)": ("a.mp3", by_ffmpeg, ("mp3", "libmp3lame", "fltp", 44_100), (1.0, 1.0, 1.0449, 1.0449)),
    "MP3 (soundfile)": ("b.mp3", by_libsndfile, ("MP3", "MPEG_LAYER_III"), (1.0, 1.0, 1.0, 1.0449)),
    "M4A (FFmpeg)": ("a.m4a", by_ffmpeg, ("ipod", "aac", "fltp", 44_100), (1.0217, None, 1.0232, 1.0)),
    "Vorbis (soundfile)": ("a.ogg", by_libsndfile, ("OGG", "VORBIS"), (0.9971, 1.0, 1.0, 1.0)),
}
as_described = True
print(f"{'':18}  PyAV decodes  soundfile  mutagen  tinytag")
for label, (name, write, options, expected) in FILES.items():
    path = Path(sys.argv[1], name)
    write(path, *options)
    seconds = (
        decoded(path),
        by_soundfile(path) if path.suffix != ".m4a" else None,  # which libsndfile does not read
        mutagen.File(path).info.length,
        tinytag.TinyTag.get(path).duration,
    )
    words = [f"{value:.4f}" if value else "-" for value in seconds]
    print(f"{label:18}  {words[0]:>12}  {words[1]:>9}  {words[2]:>7}  {words[3]:>7}")
    as_described &= tuple(value and round(value, 4) for value in seconds) == expected
sys.exit(not as_described)
PYTHON
