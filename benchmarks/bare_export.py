"""Calls an export's ``main`` in a loop: ``python bare_export.py EXPORT MEMO``, jobs on its input.

This is what a warm host is compared with: no new module, nothing put back or collected. Models are
kept as the host keeps them, by the class of its module, whose path is ``MEMO``. A job is a line of
JSON with the export's arguments; the answer, on the descriptor that was standard output, is a line
with the seconds that it took.
"""

import ast
import importlib.util
import json
import os
import sys
import time


def main() -> None:
    """Run every job of standard input."""
    export, memo_file = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    sys.path[0] = os.path.dirname(export)
    spec = importlib.util.spec_from_file_location("loader_memo", memo_file)
    loader_memo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loader_memo)
    memo = loader_memo.LoaderMemo()
    with open(export) as file:
        tree = ast.parse(file.read(), export)
    del tree.body[-1:]  # the call of main
    space = vars(sys.modules["__main__"])
    space["__file__"] = export
    loaded = False
    for line in sys.stdin:
        words = json.loads(line)
        began = time.monotonic()
        if loaded:
            split = words.index("--") if "--" in words else len(words)
            space["args"] = space["parser"].parse_args(words[:split])
        else:
            sys.argv = [export, *words]
            loop = space["main"]
            exec(compile(tree, export, "exec"), space)
            loaded = True
            space["loop"] = loop
        space["main"]()
        memo.install()
        answers.write(f"{time.monotonic() - began}\n")


if __name__ == "__main__":
    main()
