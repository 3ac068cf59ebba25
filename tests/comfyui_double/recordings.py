"""What a real server answered, as recorded from ComfyUI 0.3.64 on a CPU.

Each recording is a JSON object: ``request``, ``http_status``, ``response``, ``history``, and
``ws``, every message of the socket with its time in seconds.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Recording = dict[str, Any]

_FOLDER = Path(__file__).with_name("recordings")

NAMES = sorted(path.stem for path in _FOLDER.glob("*.json"))

# What the double cannot execute; its replay mode serves these as they are.
NOT_EXECUTED = {
    "save_video": "nothing here renders video, so the double has no CreateVideo and SaveVideo",
    "upload_and_load": "nothing here uploads pictures, so the double has no LoadImage",
}

# What takes more than one question: each has a test of its own.
STORIES = (
    "interrupt",
    "interrupt_targeted",
    "ksampler_tiny_interrupt",
    "no_client_id",
    "queue_delete",
    "queue_three",
    "reconnect_same_client_id",
)


def recording(name: str) -> Recording:
    """A recording by its name."""
    content: Recording = json.loads((_FOLDER / f"{name}.json").read_text("utf-8"))
    return content
