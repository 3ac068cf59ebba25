#!/usr/bin/env bash
# ray 2.60.0 (Python 3.11) on Linux: the priority of a program that an actor starts.
#
# Guess:  a program gets what the cluster's node was started with: its niceness, its weight for the kernel's out-of-memory
#         killer, its number of OpenMP threads.
# Seen:   it runs at niceness 15, is the kernel's first choice when memory runs out (oom_score_adj 1000, the maximum), and
#         sees OMP_NUM_THREADS=1, because an actor asks for no CPU unless told otherwise. All three are inherited from
#         Ray's worker, so a renderer that an actor starts competes badly with whatever else the machine does, dies first,
#         and computes on one core. num_cpus=2 raises the number of threads only.
#
# Output seen:
#   started by the driver:               niceness 0, oom_score_adj 0, OMP_NUM_THREADS None
#   started by an actor:                 niceness 15, oom_score_adj 1000, OMP_NUM_THREADS 1
#   started by an actor with two CPUs:   niceness 15, oom_score_adj 1000, OMP_NUM_THREADS 2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ray==2.60.0
cat > "$folder/probe.py" <<'PYTHON'
import json
import logging
import subprocess
import sys

import ray

SHOW = """
import json, os
print(json.dumps([os.nice(0), int(open("/proc/self/oom_score_adj").read()), os.environ.get("OMP_NUM_THREADS")]))
"""


def look():
    shown = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True)
    return json.loads(shown.stdout)


@ray.remote
class Actor:
    def look(self):
        return look()


own = look()
ray.init(
    num_cpus=2, include_dashboard=False, _node_ip_address="127.0.0.1", logging_level=logging.ERROR
)
seen = {
    "started by the driver:": own,
    "started by an actor:": ray.get(Actor.remote().look.remote()),
    "started by an actor with two CPUs:": ray.get(Actor.options(num_cpus=2).remote().look.remote()),
}
for label, (niceness, weight, threads) in seen.items():
    print(f"{label:36} niceness {niceness}, oom_score_adj {weight}, OMP_NUM_THREADS {threads}")
plain, two = list(seen.values())[1:]
as_described = (
    own[0] < 15 and own[1] < 1000 and plain == [15, 1000, "1"] and two == [15, 1000, "2"]
)
sys.exit(not as_described)
PYTHON
env -u OMP_NUM_THREADS RAY_USAGE_STATS_ENABLED=0 "$folder/venv/bin/python" "$folder/probe.py"
