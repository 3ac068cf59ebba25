"""Makes a song like the contract's own script: a progress bar, then generated_song.mp3."""

from importlib import import_module
from pathlib import Path

good = import_module("good")
output = good.parse().output
import_module("call_log").record_call(output)
good.show_bar()
song = Path(__file__).with_name("sample.mp3").read_bytes()
(output / "generated_song.mp3").write_bytes(song)
