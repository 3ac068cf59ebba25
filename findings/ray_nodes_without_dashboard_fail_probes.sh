#!/usr/bin/env bash
# ray 2.60.0 (Python 3.11) on Linux, installed as "ray" and as "ray[default]": the health of a node, as KubeRay 1.7 asks for it.
#
# Guess:  a node that Ray calls healthy passes KubeRay's probes. KubeRay makes them itself for Ray 2.53 and later: GET /api/healthz at
#         port 52365 of every pod, which it passes to Ray as --dashboard-agent-listen-port.
# Seen:   with plain "ray", `ray start` ends with 0, `ray health-check` ends with 0, actors run, and nothing listens at that port, without
#         a word: the endpoint belongs to the agent of the dashboard, which only "ray[default]" has. So an image with plain "ray" never
#         gets ready under KubeRay, and each of its pods is restarted after ten minutes. With "ray[default]" the endpoint answers, also
#         to a request without the cluster's token.
#
# Output seen:
#   ray:           ray start 0, ray health-check 0, /api/healthz refused
#   ray[default]:  ray start 0, ray health-check 0, /api/healthz 200
set -euo pipefail
folder=$(mktemp -d /tmp/XXXX)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/up.py" <<'PYTHON'
import fcntl, socket, struct
control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(control, 0x8914, struct.pack("16sh22x", b"lo", 1))  # the loopback is up
PYTHON
cat > "$folder/healthz.py" <<'PYTHON'
import time
import urllib.error
import urllib.request

answer = "no answer"
for _ in range(20):
    try:
        with urllib.request.urlopen("http://127.0.0.1:52365/api/healthz", timeout=5) as response:
            answer = str(response.status)
            break
    except urllib.error.HTTPError as error:
        answer = str(error.code)
    except urllib.error.URLError as error:
        answer = "refused" if isinstance(error.reason, ConnectionRefusedError) else str(error.reason)
    time.sleep(1)
print(answer)
PYTHON
cat > "$folder/inside.sh" <<'SHELL'
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN=0123456789abcdef0123456789abcdef RAY_DISABLE_USAGE_STATS=1 RAY_TMPDIR="$1/$2"
bin="$1/$2/bin"
"$bin/python" "$1/up.py"
status=0
"$bin/ray" start --head --port=6379 --node-ip-address=127.0.0.1 --num-cpus=0 --dashboard-agent-listen-port=52365 > /dev/null 2>&1 || status=$?
checked=0
"$bin/ray" health-check --address 127.0.0.1:6379 > /dev/null 2>&1 || checked=$?
echo "ray start $status, ray health-check $checked, /api/healthz $("$bin/python" "$1/healthz.py")"
SHELL
for name in ray 'ray[default]'; do
    venv=v${#name}
    python3 -m venv "$folder/$venv"
    "$folder/$venv/bin/pip" install --quiet --disable-pip-version-check "$name==2.60.0"
    # Ray listens on all interfaces, and its processes stay: both end with the namespaces.
    seen=$(unshare --map-root-user --net --pid --fork --kill-child --mount-proc bash "$folder/inside.sh" "$folder" "$venv")
    printf '%-14s %s\n' "$name:" "$seen" | tee -a "$folder/seen"
done
[ "$(cat "$folder/seen")" = "ray:           ray start 0, ray health-check 0, /api/healthz refused
ray[default]:  ray start 0, ray health-check 0, /api/healthz 200" ]
