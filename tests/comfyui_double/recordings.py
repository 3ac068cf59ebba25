"""Answers of real servers, recorded from ComfyUI on a CPU, one folder for each version.

Each recording is a JSON object: ``request``, ``http_status``, ``response``, ``history``, and
``ws``, every message of the socket with its time in seconds.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Recording = dict[str, Any]

FOLDER = Path(__file__).with_name("recordings")
VERSIONS = sorted(
    (path.name for path in FOLDER.iterdir()), key=lambda name: [int(n) for n in name.split(".")]
)
OLDEST = VERSIONS[0]


def names(version: str = OLDEST) -> list[str]:
    """The names of all recordings of a version."""
    return sorted(path.stem for path in (FOLDER / version).glob("*.json"))


NAMES = names()

# The double cannot execute these; its replay mode serves them unchanged.
NOT_EXECUTED = {
    "save_video": "nothing here renders video, so the double has no CreateVideo and SaveVideo",
    "upload_and_load": "nothing here uploads pictures, so the double has no LoadImage",
}

# The recording that ran before, if the cache matters.
BEFORE = {
    "cached_rerun_same": "cached_rerun_first",
    "cached_rerun_changed_tail": "cached_rerun_first",
    "exec_error_partial": "exec_error",
    "feature_flags": "own_prompt_id",
    "ksampler_tiny_new_seed": "ksampler_tiny_cold",
    "ksampler_tiny_metadata_previews": "ksampler_tiny_cold",
    "ksampler_tiny_binary_previews_metadata": "ksampler_tiny_binary_previews",
    "ksampler_tiny_after_interrupt": "ksampler_tiny_binary_previews",
}

# Recordings with several requests: each has a test of its own.
STORIES = (
    "interrupt",
    "interrupt_targeted",
    "ksampler_tiny_interrupt",
    "no_client_id",
    "queue_delete",
    "queue_three",
    "reconnect_same_client_id",
)


def recording(name: str, version: str = OLDEST) -> Recording:
    """A recording by its name; the double is compared with the oldest version."""
    content: Recording = json.loads((FOLDER / version / f"{name}.json").read_text("utf-8"))
    return content
