#!/usr/bin/env bash
# standardwebhooks 1.0.1 (Python 3.11): signing with a time that has a zone.
#
# Guess:  an aware datetime names one moment, in whatever zone it is written. 12:00 in UTC and 14:00 at UTC+2 compare equal,
#         so they give the same signature, and the receiver, which checks the header with the seconds since 1970, accepts both.
# Seen:   sign() replaces the zone by UTC instead of converting to it. Of 14:00 at UTC+2 it signs 14:00 UTC. The header
#         webhook-timestamp that the sender makes from the same datetime says 12:00 UTC, so the receiver finds no matching
#         signature. It works on every machine whose zone is UTC, such as a server or a continuous integration, and fails
#         elsewhere. A sender passes datetime.now(timezone.utc), or converts with astimezone(timezone.utc) first.
#
# Output seen:
#   UTC+0: equal moments: True, equal signatures: True, receiver: accepted
#   UTC+2: equal moments: True, equal signatures: False, receiver: No matching signature found
#   UTC-8: equal moments: True, equal signatures: False, receiver: No matching signature found
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check standardwebhooks==1.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import base64
import sys
from datetime import datetime, timedelta, timezone

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook("whsec_" + base64.b64encode(bytes(range(24))).decode())
body = '{"status": "ready"}'
moment = datetime.now(timezone.utc)
answers = {}
for hours in (0, 2, -8):
    local = moment.astimezone(timezone(timedelta(hours=hours)))
    signature = webhook.sign("message", local, body)
    headers = {
        "webhook-id": "message",
        "webhook-timestamp": str(int(local.timestamp())),
        "webhook-signature": signature,
    }
    try:
        webhook.verify(body, headers)
        answers[hours] = "accepted"
    except WebhookVerificationError as error:
        answers[hours] = str(error)
    same = signature == webhook.sign("message", moment, body)
    print(f"UTC{hours:+d}: equal moments: {local == moment}, equal signatures: {same}, receiver: {answers[hours]}")
refused = "No matching signature found"
sys.exit(answers != {0: "accepted", 2: refused, -8: refused})
PYTHON
