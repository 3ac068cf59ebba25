"""A process that claims prompts in batches on request, with the code of any checkout.

Run as a program with the folder ``src`` of a build on ``PYTHONPATH``, so that two builds can be
measured in turns. It uses only what every build with named workflows, and the one before, has.

Each line of its input is a number of prompts to claim. It answers with the milliseconds of
processor time that its thread took for each: the disk's speed has nothing to do with it.
"""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path

from application.ports.prompt_repository import Selection
from domain.prompt import Kind
from entrypoints.container import compose
from entrypoints.settings.loader import load_settings


def main(config: Path) -> None:
    """Claim until the input ends."""
    loaded = load_settings(config_file=config, environ={}, cwd=config.parent)
    container = compose(loaded)
    pictures = Selection(frozenset({Kind.IMAGE}))
    with closing(container.connection()), closing(container.renderer()):
        admission = container.admission()
        if hasattr(admission, "restore"):
            admission.restore()
        for line in sys.stdin:
            count = int(line)
            began = time.thread_time()
            claims = [admission.claim(pictures) for _ in range(count)]
            seconds = time.thread_time() - began
            assert all(claims)
            print(1000 * seconds / count, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
