"""The singer's mouth: resonances of vowels and noises of consonants, in Hz and seconds.

The vowels follow the averages that Peterson and Barney measured (JASA 24, 1952), the upper two
resonances are those of an ordinary adult; consonants follow textbook loci, simplified.
"""

from dataclasses import dataclass

VOWELS: dict[str, tuple[float, float, float]] = {
    "a": (740.0, 1180.0, 2500.0),
    "e": (520.0, 1850.0, 2500.0),
    "i": (290.0, 2250.0, 3000.0),
    "o": (480.0, 850.0, 2450.0),
    "u": (320.0, 800.0, 2300.0),
    "@": (500.0, 1450.0, 2450.0),
    "m": (260.0, 1050.0, 2250.0),
}
"""The three lowest resonances of a low adult voice; a higher voice multiplies them."""

UPPER = (3350.0, 4200.0)


@dataclass(frozen=True, slots=True)
class Consonant:
    """What happens before (or after) the vowel."""

    seconds: float
    voice: float
    """How much of the voice sounds through it, 0..1."""
    shape: tuple[float, float, float] | None
    """Resonances that the voice takes on meanwhile; None keeps those of the vowel."""
    noise: float
    """Level of the noise, 0..1."""
    centre: float
    """Of the noise, in Hz."""
    width: float
    """Of the noise, in Hz."""
    burst: float
    """The share of the time, at its end, in which the noise sounds: 1 hisses, less pops."""


_BILABIAL = (250.0, 750.0, 2200.0)
_DENTAL = (260.0, 1750.0, 2600.0)
_VELAR = (260.0, 1900.0, 2300.0)

CONSONANTS: dict[str, Consonant] = {
    "p": Consonant(0.075, 0.0, None, 0.5, 900, 900, 0.3),
    "t": Consonant(0.075, 0.0, None, 0.6, 4600, 2200, 0.3),
    "k": Consonant(0.08, 0.0, None, 0.6, 2000, 1100, 0.35),
    "b": Consonant(0.055, 0.18, _BILABIAL, 0.2, 700, 700, 0.25),
    "d": Consonant(0.05, 0.18, _DENTAL, 0.25, 3800, 2000, 0.25),
    "g": Consonant(0.06, 0.18, _VELAR, 0.25, 1900, 1000, 0.25),
    "s": Consonant(0.1, 0.0, None, 0.55, 6600, 2200, 0.95),
    "S": Consonant(0.1, 0.0, None, 0.55, 3300, 1500, 0.95),
    "C": Consonant(0.09, 0.0, None, 0.6, 3500, 1700, 0.6),
    "f": Consonant(0.085, 0.0, None, 0.22, 5000, 5000, 0.95),
    "T": Consonant(0.06, 0.25, _DENTAL, 0.14, 5500, 4500, 0.95),
    "h": Consonant(0.07, 0.1, None, 0.22, 1400, 2200, 0.95),
    "v": Consonant(0.06, 0.4, (280.0, 950.0, 2200.0), 0.12, 4500, 4500, 0.95),
    "z": Consonant(0.08, 0.35, _DENTAL, 0.3, 6200, 2200, 0.95),
    "Z": Consonant(0.08, 0.35, _DENTAL, 0.3, 3100, 1500, 0.95),
    "m": Consonant(0.075, 0.5, (250.0, 1000.0, 2200.0), 0.0, 1000, 1000, 1.0),
    "n": Consonant(0.07, 0.5, (260.0, 1450.0, 2450.0), 0.0, 1000, 1000, 1.0),
    "l": Consonant(0.065, 0.6, (350.0, 1000.0, 2700.0), 0.0, 1000, 1000, 1.0),
    "r": Consonant(0.07, 0.6, (320.0, 1080.0, 1600.0), 0.0, 1000, 1000, 1.0),
    "w": Consonant(0.07, 0.6, (290.0, 620.0, 2200.0), 0.0, 1000, 1000, 1.0),
    "j": Consonant(0.065, 0.6, (270.0, 2200.0, 3000.0), 0.0, 1000, 1000, 1.0),
}
