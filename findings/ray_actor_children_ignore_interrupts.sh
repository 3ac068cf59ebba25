#!/usr/bin/env bash
# ray 2.60.0 (Python 3.11) on Linux: a program that an actor starts.
#
# Guess:  subprocess.Popen in an actor starts a program as it does anywhere else. SIGINT ends it, which is the polite way
#         to stop encoders and ComfyUI scripts, so that they can close their files.
# Seen:   in a program that was started by an actor SIGINT is blocked: it inherits the signal mask of Ray's worker.
#         send_signal(SIGINT) stays pending for ever; a second try changes nothing. SIGTERM works. With
#         pthread_sigmask(SIG_UNBLOCK) between fork and exec the program can be interrupted again.
#
# Output seen:
#   started by the driver:                      blocked [], after SIGINT: ended by signal 2
#   started by an actor:                        blocked ['SIGINT'], after SIGINT: still running
#   started by an actor with SIGINT unblocked:  blocked [], after SIGINT: ended by signal 2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ray==2.60.0
cat > "$folder/probe.py" <<'PYTHON'
import logging
import signal
import subprocess
import sys

import ray

SHOW_MASK = "import signal; print(*sorted(s.name for s in signal.pthread_sigmask(signal.SIG_BLOCK, [])))"


def unblock():
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])


def interrupt_a_child(**options):
    shown = subprocess.run(
        [sys.executable, "-c", SHOW_MASK], capture_output=True, text=True, check=True, **options
    )
    child = subprocess.Popen(["sleep", "120"], **options)
    child.send_signal(signal.SIGINT)
    try:
        ending = f"ended by signal {-child.wait(10)}"
    except subprocess.TimeoutExpired:
        ending = "still running"
        child.kill()
        child.wait()
    return shown.stdout.split(), ending


@ray.remote
class Actor:
    def inherited(self):
        return interrupt_a_child()

    def unblocked(self):
        return interrupt_a_child(preexec_fn=unblock)


ray.init(
    num_cpus=1, include_dashboard=False, _node_ip_address="127.0.0.1", logging_level=logging.ERROR
)
actor = Actor.remote()
seen = {
    "started by the driver:": interrupt_a_child(),
    "started by an actor:": ray.get(actor.inherited.remote()),
    "started by an actor with SIGINT unblocked:": ray.get(actor.unblocked.remote()),
}
for label, (blocked, ending) in seen.items():
    print(f"{label:43} blocked {blocked}, after SIGINT: {ending}")
ended = ([], "ended by signal 2")
sys.exit(list(seen.values()) != [ended, (["SIGINT"], "still running"), ended])
PYTHON
RAY_USAGE_STATS_ENABLED=0 "$folder/venv/bin/python" "$folder/probe.py"
