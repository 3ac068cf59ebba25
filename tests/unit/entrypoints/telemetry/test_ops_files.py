"""The dashboard and the alerts only use existing metrics."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from domain.artifact_status import ArtifactStatus
from domain.failure import FailureCode
from domain.prompt import Kind
from entrypoints.factories import open_database
from entrypoints.telemetry.metrics import OUTCOMES
from entrypoints.telemetry.queue_metrics import STATUSES
from tests.contract.worker_register_contract import HERE
from tests.unit.entrypoints.telemetry.sample_events import SERVER
from tests.unit.entrypoints.telemetry.scrapes import WORKFLOWS
from tests.unit.entrypoints.telemetry.test_telemetry import Station

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[4]
ALERTS = (ROOT / "ops" / "alert-rules.yml").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
NAME = re.compile(r"\bmediagen_[a-z_]+\b")
PAIR = re.compile(r'(\w+)(?:=|=~|!~)"([^"$]+)"')


@pytest.fixture(scope="module")
def scrape(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[tuple[str, str]]]:
    """Every metric of a real scrape, with its labels."""
    station = Station(tmp_path_factory.mktemp("ops"))
    with closing(open_database(station.load())) as database:
        database.workers.register(HERE)
    station.made.apply(station.load(), {**WORKFLOWS, (Kind.IMAGE, "anime"): "anime"}, [SERVER])
    found: dict[str, set[tuple[str, str]]] = {}
    for name, labels in station.scrape():
        found.setdefault(name, set()).update(labels)
    station.made.close()
    return found


def dashboard() -> dict[str, Any]:
    """The dashboard, parsed as Grafana does."""
    text = (ROOT / "ops" / "grafana-dashboard.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def panel_expressions() -> Iterator[str]:
    """Every query of every panel."""
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


def alert_expressions() -> list[str]:
    """Every condition of the alert rules."""
    return re.findall(r"^ {8}expr: (.+)$", ALERTS, re.MULTILINE)


def test_every_query_uses_existing_metrics_and_labels(
    scrape: dict[str, set[tuple[str, str]]],
) -> None:
    """A renamed metric or label value would empty a panel and silence an alert."""
    expressions = [*panel_expressions(), *alert_expressions()]
    assert len(expressions) > 15
    for expression in expressions:
        names = NAME.findall(expression)
        assert names
        assert set(names) <= set(scrape), expression
        for label, values in PAIR.findall(expression):
            if label != "job":
                known = {pair for name in names for pair in scrape[name]}
                assert {(label, value) for value in values.split("|")} <= known, expression


def test_every_metric_is_shown_and_documented(
    scrape: dict[str, set[tuple[str, str]]],
) -> None:
    """A metric that no panel shows need not be collected; the documentation explains each."""
    shown = set(NAME.findall(" ".join(panel_expressions())))
    bare = {re.sub(r"_(?:bucket|count|sum|created)$", "", name) for name in scrape}
    bare = {name for name in bare if f"{name}_total" not in scrape}
    assert {name for name in bare if not any(each.startswith(name) for each in shown)} == set()
    rows = set(re.findall(r"^\| `(mediagen_\w+)", PAGE, re.MULTILINE))
    assert rows == bare


def test_the_dashboard_is_valid_for_grafana_10() -> None:
    """Panels have unique ids, lie inside the grid and do not overlap."""
    board = dashboard()
    assert board["schemaVersion"] >= 38
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    variables = {each["name"] for each in board["templating"]["list"]}
    used = set(re.findall(r"\$(?!__)(\w+)", " ".join(panel_expressions())))
    assert used <= variables


def test_every_alert_is_complete() -> None:
    """Each has a unique name, a condition, a severity and a description."""
    rules = ALERTS.split("      - alert: ")[1:]
    assert len(rules) == len(alert_expressions()) == 10
    assert len({rule.split("\n", 1)[0] for rule in rules}) == 10
    for rule in rules:
        assert re.search(r"^ {10}severity: (?:critical|warning)$", rule, re.MULTILINE)
        assert re.search(r'^ {10}summary: ".+"$', rule, re.MULTILINE)
        assert re.search(r'^ {10}description: ".+"$', rule, re.MULTILINE)
        expression = re.findall(r"^ {8}expr: (.+)$", rule, re.MULTILINE)[0]
        assert all(expression.count(a) == expression.count(b) for a, b in ("()", "{}", "[]"))
        assert ": " not in expression, "YAML would take it for a mapping"
        assert " #" not in expression, "YAML would take it for a comment"


def test_the_documentation_lists_every_label_value() -> None:
    """The values for writing queries are listed there."""
    for word in {*OUTCOMES, *STATUSES, *(status.value for status in ArtifactStatus)}:
        assert f"`{word}`" in PAGE
    assert FailureCode.DISK_FULL.value in PAGE
