"""Instruments asked for by name ("acoustic guitar, cello") take seats in the band."""

from dataclasses import replace
from typing import TypeVar

from adapters.sketch.audio_genre import Band

_COMP = {
    "acoustic guitar": ("steel", "fingerpick"), "classical guitar": ("nylon", "fingerpick"),
    "electric guitar": ("overdrive", "drive"), "distorted": ("overdrive", "drive"),
    "nylon": ("nylon", "fingerpick"), "guitar": ("steel", "strum"), "piano": ("piano", "block"),
    "keyboard": ("epiano", "block"), "rhodes": ("epiano", "stabs"), "harp": ("nylon", "arpeggio"),
    "ukulele": ("bright_pluck", "strum"), "banjo": ("bright_pluck", "fingerpick"),
    "mandolin": ("bright_pluck", "strum"), "lute": ("nylon", "fingerpick"),
    "sitar": ("bright_pluck", "fingerpick"), "koto": ("bright_pluck", "sparse"),
    "music box": ("bell", "arpeggio"), "vibraphone": ("bell", "stabs"), "bell": ("bell", "sparse"),
    "marimba": ("bell", "arpeggio"), "arpeggi": ("saw_pluck", "sequence"),
}  # fmt: skip
_SUSTAIN = {
    "string": "strings", "violin": "strings", "viola": "strings", "cello": "cello",
    "orchestra": "strings", "pad": "warm_pad", "synth": "saw_pad", "organ": "organ",
    "accordion": "organ", "harmonium": "organ", "choir": "warm_pad",
}  # fmt: skip
_LEAD = {
    "flute": "flute", "whistle": "flute", "sax": "sax", "trumpet": "sax", "brass": "sax",
    "horn": "sax", "clarinet": "flute", "harmonica": "sax", "violin": "strings",
    "fiddle": "strings", "glockenspiel": "bell", "celesta": "bell", "lead guitar": "overdrive",
}  # fmt: skip
_BASS = {
    "upright": "upright", "double bass": "upright", "synth bass": "synth_bass",
    "808": "sub_bass", "sub bass": "sub_bass", "bass guitar": "finger_bass", "bass": "finger_bass",
}  # fmt: skip
_T = TypeVar("_T")
_DRUMS = ("drum", "percussion", "beat", "cajon", "bongo", "tabla")


def seated(band: Band, instrumentation: str) -> Band:
    """Give `band` with the named instruments in their seats; unknown names change nothing."""
    text = instrumentation.lower()
    comp, sustain = _first(_COMP, text), _first(_SUSTAIN, text)
    if comp is not None:
        keeps = comp[0] == band.comp
        band = replace(band, comp=comp[0], comp_pattern=band.comp_pattern if keeps else comp[1])
    if sustain is not None:
        band = replace(band, sustain=sustain)
    if comp is None and sustain is not None:
        band = replace(band, comp="")
    if comp is not None and band.comp != "overdrive" and band.colour == "power":
        band = replace(band, colour="triad")
    band = replace(
        band,
        lead=_first(_LEAD, text) or band.lead,
        bass=_first(_BASS, text.replace("bassoon", "")) or band.bass,
    )
    if any(name in text for name in _DRUMS) and not band.beat:
        band = replace(band, beat="backbeat")
    return band


def _first(names: dict[str, _T], text: str) -> _T | None:
    found = [(text.find(name), -len(name), value) for name, value in names.items() if name in text]
    return min(found, key=lambda hit: hit[:2])[2] if found else None
