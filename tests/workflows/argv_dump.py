"""Writes its arguments and its environment to the output folder, as JSON."""

import json
import os
import sys
from pathlib import Path

words = sys.argv[1:]
output = (
    next((word.partition("=")[2] for word in reversed(words) if word.startswith("--output=")), None)
    or words[words.index("--output") + 1]
)
facts = {
    "arguments": words,
    "directory": str(Path.cwd()),
    "input": sys.stdin.read(),
    "ours": sorted(name for name in os.environ if name.startswith("MEDIA_GENERATOR_")),
    "unbuffered": os.environ.get("PYTHONUNBUFFERED"),
    "leads_its_group": os.getpgrp() == os.getpid(),
}
text = json.dumps(facts)
(Path(output) / "argv.json").write_text(text, encoding="utf-8")
