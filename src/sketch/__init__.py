"""Two programs that draw and sing without a model. Only the paths of their scripts are used.

Media Generator runs them as it runs any workflow script, in a process of their own, and imports
nothing else from here.
"""

from pathlib import Path

_HERE = Path(__file__).resolve().parent

IMAGE_SCRIPT = _HERE / "image" / "sketch_picture.py"
AUDIO_SCRIPT = _HERE / "audio" / "sketch_song.py"
