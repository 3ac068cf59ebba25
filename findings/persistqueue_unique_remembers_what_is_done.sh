#!/usr/bin/env bash
# persist-queue 1.1.0 (Python 3.11): putting an item again into UniqueAckQ, after it was done.
#
# Guess:  a unique queue refuses an item that is waiting already. Once a worker has taken and acknowledged it, it is in the queue no
#         more and can be put again, as with UniqueQ of the same package: the same picture may be asked for next week.
# Seen:   an acknowledged item stays in the table, and uniqueness counts it. put() returns None instead of an id, raises nothing, and
#         the queue stays empty: the second job is never run. The same holds for one that failed. Even clear_acked_data() does
#         not help with its defaults, which keep the latest thousand. With keep_latest=0 the item is accepted again.
#
# Output seen:
#   UniqueQ:     first put: 1, after get: 2, waiting: 1
#   UniqueAckQ:  first put: 1, after ack: None, waiting: 0
#   UniqueAckQ:  first put: 1, after ack_failed: None, waiting: 0
#   UniqueAckQ:  after clear_acked_data(): None, waiting: 0
#   UniqueAckQ:  after clear_acked_data(keep_latest=0): 2, waiting: 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check persist-queue==1.1.0
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import persistqueue

folder = sys.argv[1]
seen = []


def note(label, *values):
    print(label.format(*values))
    seen.append(values)


queue = persistqueue.UniqueQ(f"{folder}/unique", auto_commit=True)
first = queue.put("picture")
queue.get()
note("UniqueQ:     first put: {}, after get: {}, waiting: {}", first, queue.put("picture"), queue.size)

for ending in ("ack", "ack_failed"):
    queue = persistqueue.UniqueAckQ(f"{folder}/{ending}", auto_commit=True)
    first = queue.put("picture")
    getattr(queue, ending)(queue.get())
    note(f"UniqueAckQ:  first put: {{}}, after {ending}: {{}}, waiting: {{}}", first, queue.put("picture"), queue.size)

queue = persistqueue.UniqueAckQ(f"{folder}/ack", auto_commit=True)
for arguments in ({}, {"keep_latest": 0}):
    queue.clear_acked_data(**arguments)
    words = ", ".join(f"{name}={value}" for name, value in arguments.items())
    note(f"UniqueAckQ:  after clear_acked_data({words}): {{}}, waiting: {{}}", queue.put("picture"), queue.size)
sys.exit(seen != [(1, 2, 1), (1, None, 0), (1, None, 0), (None, 0), (2, 1)])
PYTHON
