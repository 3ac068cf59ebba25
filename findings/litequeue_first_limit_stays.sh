#!/usr/bin/env bash
# litequeue 0.9 (Python 3.11): opening a queue again with another limit, or with none.
#
# Guess:  maxsize is an argument of the object that opens the queue, as in queue.Queue: the limit given last is in force, and
#         without one there is none. full() and put() agree.
# Seen:   the first limit becomes a trigger of the database, made only where none exists. Everyone who opens the file later has that
#         limit, whatever they give. The object believes its own argument, so that full() says False and put() then raises
#         sqlite3.IntegrityError. A limit that proved too small is raised only by dropping the trigger by hand.
#
# Output seen:
#   opened with maxsize=2:    2 waiting, full() True
#   opened with maxsize=1000: 2 waiting, full() False, put(): IntegrityError: Max queue length reached: 2
#   opened without a limit:   2 waiting, full() False, put(): IntegrityError: Max queue length reached: 2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check litequeue==0.9
"$folder/venv/bin/python" - "$folder/queue.db" <<'PYTHON'
import sqlite3
import sys

from litequeue import LiteQueue

queue = LiteQueue(sys.argv[1], maxsize=2)
queue.put("first")
queue.put("second")
print(f"opened with maxsize=2:    {queue.qsize()} waiting, full() {queue.full()}")
seen = [queue.full()]
queue.close()
for label, options in (("with maxsize=1000:", {"maxsize": 1000}), ("without a limit:  ", {})):
    queue = LiteQueue(sys.argv[1], **options)
    full = queue.full()
    try:
        queue.put("third")
        answer = "accepted"
    except sqlite3.IntegrityError as error:
        answer = f"{type(error).__name__}: {error}"
    print(f"opened {label} {queue.qsize()} waiting, full() {full}, put(): {answer}")
    seen += [full, answer]
    queue.close()
refused = "IntegrityError: Max queue length reached: 2"
sys.exit(seen != [True, False, refused, False, refused])
PYTHON
