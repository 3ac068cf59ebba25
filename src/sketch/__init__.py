"""Two programs that draw and sing without a model. Only the paths of their scripts are used.

Media Generator runs them as it runs any workflow script, in a process of their own, and imports
nothing else from here.
"""

from pathlib import Path

_HERE = Path(__file__).resolve().parent

IMAGE_SCRIPT = _HERE / "image" / "image_workflow.py"
AUDIO_SCRIPT = _HERE / "audio" / "audio_workflow.py"
