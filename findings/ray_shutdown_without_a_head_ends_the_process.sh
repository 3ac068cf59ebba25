#!/usr/bin/env bash
# ray 2.60.0 (Python 3.11) on Linux: ray.shutdown() in a program whose cluster lost its head two seconds ago.
#
# Guess:  the call gives up a connection that is dead already. It returns at once, or raises something that can be caught, and the
#         program continues: it may connect to another cluster.
# Seen:   the call does not return. It waits until Ray's time limit for a lost head is over (60 seconds, here set to 5), and then
#         Ray's library ends the whole process with exit status 1: no exception, no `finally`, no atexit handler. Without the call the
#         same happens at the end of the time limit. So a program that must outlive the cluster can only use Ray in a child process.
#
# Output seen:
#   connected
#   the head is gone; calling ray.shutdown()
#   exit status 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ray==2.60.0
cat > "$folder/program.py" <<'PYTHON'
import atexit
import os
import signal
import time
from pathlib import Path

import ray

atexit.register(print, "the atexit handler ran", flush=True)
ray.init(address="127.0.0.1:20379", log_to_driver=False, logging_level="ERROR")
print("connected", flush=True)
for stat in Path("/proc").glob("[0-9]*/comm"):
    if stat.read_text().strip() == "gcs_server":
        os.kill(int(stat.parent.name), signal.SIGKILL)
time.sleep(2)
print("the head is gone; calling ray.shutdown()", flush=True)
try:
    ray.shutdown()
    print("it returned", flush=True)
except BaseException as error:
    print("it raised", type(error).__name__, flush=True)
finally:
    print("the program continues", flush=True)
PYTHON
cat > "$folder/inside.sh" <<'SHELL'
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN=0123456789abcdef0123456789abcdef RAY_DISABLE_USAGE_STATS=1
export RAY_gcs_rpc_server_reconnect_timeout_s=5 RAY_TMPDIR="$1"
"$1/venv/bin/python" - <<'PYTHON'
import fcntl, socket, struct
control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(control, 0x8914, struct.pack("16sh22x", b"lo", 1))  # the loopback is up
PYTHON
"$1/venv/bin/ray" start --head --port=20379 --node-ip-address=127.0.0.1 --num-cpus=0 --include-dashboard=false > /dev/null 2>&1
status=0
timeout 120 "$1/venv/bin/python" "$1/program.py" 2> /dev/null || status=$?
echo "exit status $status"
SHELL
# Ray listens on all interfaces, and its processes stay: both end with the namespaces.
seen=$(unshare --map-root-user --net --pid --fork --kill-child --mount-proc bash "$folder/inside.sh" "$folder")
echo "$seen"
[ "$seen" = "connected
the head is gone; calling ray.shutdown()
exit status 1" ]
