"""Makes different pictures whose names some file systems consider equal."""

from importlib import import_module

NAMES = (
    "a.png",
    "A.png",
    "a.PNG",
    "caf\u00e9.png",
    "cafe\u0301.png",
    "stra\u00dfe.png",
    "STRASSE.png",
)

good = import_module("good")
output = good.parse().output
for number, name in enumerate(NAMES, start=1):
    folder = output / str(number)  # separate folders, so that none overwrites another
    folder.mkdir()
    (folder / name).write_bytes(good.png(side=64 + number))
