#!/usr/bin/env bash
# prometheus-client 0.26.0 (Python 3.11): asking for one metric (/metrics?name[]=...) that a collector of one's own yields.
#
# Guess:  the filter looks at what the collectors yield, so it finds every metric that the whole page shows. A collector that counts a
#         queue at each scrape is the documented way for values that live elsewhere, and needs collect() only.
# Seen:   the filter goes by names that were noted at registration. In a registry of one's own nothing is noted for a collector without
#         describe(), and the answer to its name is a page with status 200 and no text: an exporter or a health check that asks for that
#         one metric sees "no such metric" for ever, while the whole page shows it. The default registry notes what the first
#         collect() yields, so a metric that appears later is not found there either. Metric objects (Gauge) are always found.
#
# Output seen:
#   CollectorRegistry():                    whole page: early gauge late; by name: gauge
#   CollectorRegistry(auto_describe=True):  whole page: early gauge late; by name: early gauge
#   with describe():                        whole page: early gauge late; by name: early gauge late
#   status of an empty answer: 200 OK, bytes: 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check prometheus-client==0.26.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from wsgiref.util import setup_testing_defaults

from prometheus_client import CollectorRegistry, Gauge, make_wsgi_app
from prometheus_client.core import GaugeMetricFamily

NAMES = ("early", "gauge", "late")


class Queue:
    names = ["early"]

    def collect(self):
        return [GaugeMetricFamily(name, name, value=1) for name in self.names]


class DescribedQueue(Queue):
    def describe(self):
        return [GaugeMetricFamily(name, name) for name in ("early", "late")]


def scrape(registry, query):
    environ, statuses = {"QUERY_STRING": query}, []
    setup_testing_defaults(environ)
    body = b"".join(make_wsgi_app(registry)(environ, lambda status, headers: statuses.append(status)))
    return statuses[0], body.decode()


def look(registry, collector):
    registry.register(collector)
    Gauge("gauge", "gauge", registry=registry)
    collector.names = ["early", "late"]
    _, page = scrape(registry, "")
    whole = [name for name in NAMES if f"\n{name} " in page]
    named = [name for name in NAMES if f"\n{name} " in scrape(registry, f"name[]={name}")[1]]
    return " ".join(whole), " ".join(named)


seen = {
    "CollectorRegistry():": look(CollectorRegistry(), Queue()),
    "CollectorRegistry(auto_describe=True):": look(CollectorRegistry(auto_describe=True), Queue()),
    "with describe():": look(CollectorRegistry(), DescribedQueue()),
}
for label, (whole, named) in seen.items():
    print(f"{label:39} whole page: {whole}; by name: {named}")
registry = CollectorRegistry()
registry.register(Queue())
status, body = scrape(registry, "name[]=early")
print(f"status of an empty answer: {status}, bytes: {len(body)}")
everything = "early gauge late"
expected = [(everything, "gauge"), (everything, "early gauge"), (everything, everything)]
sys.exit(list(seen.values()) != expected or (status, body) != ("200 OK", ""))
PYTHON
