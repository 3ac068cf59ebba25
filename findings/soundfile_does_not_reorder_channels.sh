#!/usr/bin/env bash
# soundfile 0.14.0 (libsndfile 1.2.2) and av 18.1.0 (FFmpeg 8), Python 3.11: sound in 5.1.
#
# Guess:  the channels of an array are those of a WAV (left, right, centre, LFE, back left, back right), in whatever format it is stored.
#         Formats with another order inside (Opus, Vorbis, ALAC in CAF) are reordered by the library, as FFmpeg does,
#         so each voice of a converted song is where it was.
# Seen:   soundfile passes the order of the format through, in both directions, and has no function that tells it: read() of an
#         Opus from FFmpeg gives left, centre, right, back left, back right, LFE. In what soundfile writes as Opus, Vorbis or
#         ALAC, other programs hear the centre (the singer) on one side and the bass at the back. In Opus and Vorbis the
#         back right channel is lost on top: it lands in the channel for the bass, where the encoder drops what
#         is higher. WAV and FLAC are right.
#
# Output seen (the channel that is heard at each place of L R C LFE BL BR; "-" is silence):
#   WAV     FFmpeg wrote, soundfile read: L R C LFE BL BR    soundfile wrote, FFmpeg read: L R C LFE BL BR
#   FLAC    FFmpeg wrote, soundfile read: L R C LFE BL BR    soundfile wrote, FFmpeg read: L R C LFE BL BR
#   Opus    FFmpeg wrote, soundfile read: L C R BL BR LFE    soundfile wrote, FFmpeg read: L C R - LFE BL
#   Vorbis                                                   soundfile wrote, FFmpeg read: L C R - LFE BL
#   ALAC                                                     soundfile wrote, FFmpeg read: R C L BR LFE BL
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check soundfile==0.14.0 av==18.1.0 numpy==2.4.6
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import av
import numpy
import soundfile

RATE = 48_000
TONES = {"L": 300, "R": 500, "C": 700, "LFE": 60, "BL": 1100, "BR": 1700}  # hertz
time = numpy.arange(2 * RATE) / RATE
sound = numpy.stack([0.3 * numpy.sin(2 * numpy.pi * tone * time) for tone in TONES.values()])
sound = sound.astype(numpy.float32)


def heard(channels):
    """Names of the tones that sound in these channels, by their strongest frequency."""
    names = []
    for channel in channels:
        second = channel[RATE // 2 : RATE // 2 + RATE]
        peak = numpy.argmax(numpy.abs(numpy.fft.rfft(second * numpy.hanning(RATE))))
        name = min(TONES, key=lambda name: abs(TONES[name] - peak))
        names.append(name if numpy.abs(second).max() > 0.03 else "-")  # a tenth of a tone
    return " ".join(names)


def write_with_ffmpeg(path, container, codec):
    with av.open(path, "w", format=container) as output:
        stream = output.add_stream(codec, rate=RATE, layout="5.1")
        frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout="5.1")
        frame.sample_rate, frame.pts = RATE, 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def read_with_ffmpeg(path):
    resampler = av.AudioResampler(format="fltp")
    with av.open(path) as source:
        frames = [part for frame in source.decode(audio=0) for part in resampler.resample(frame)]
    return numpy.concatenate([frame.to_ndarray() for frame in frames], axis=1)


FORMATS = {
    "WAV": ("wav", "pcm_s16le", "WAVEX", "PCM_16"),
    "FLAC": ("flac", "flac", "FLAC", "PCM_16"),
    "Opus": ("ogg", "libopus", "OGG", "OPUS"),
    "Vorbis": ("ogg", None, "OGG", "VORBIS"),  # FFmpeg has no encoder for more than stereo
    "ALAC": ("caf", None, "CAF", "ALAC_16"),  # soundfile does not read what FFmpeg writes
}
seen = {}
for label, (container, codec, kind, subtype) in FORMATS.items():
    path = f"{sys.argv[1]}/{label}.{container}"
    by_soundfile = ""
    if codec:
        write_with_ffmpeg(path, container, codec)
        by_soundfile = heard(soundfile.read(path)[0].T)
    soundfile.write(path, sound.T, RATE, format=kind, subtype=subtype)
    seen[label] = (by_soundfile, heard(read_with_ffmpeg(path)))
    first = f"FFmpeg wrote, soundfile read: {by_soundfile}" if codec else ""
    print(f"{label:6}  {first:47}  soundfile wrote, FFmpeg read: {seen[label][1]}")
right, turned = "L R C LFE BL BR", "L C R - LFE BL"
expected = {
    "WAV": (right, right), "FLAC": (right, right), "Opus": ("L C R BL BR LFE", turned),
    "Vorbis": ("", turned), "ALAC": ("", "R C L BR LFE BL"),
}
sys.exit(seen != expected)
PYTHON
