#!/usr/bin/env bash
# comfyui-workflow-templates-json 0.1.50 (Python 3.11): the UUIDs in the official workflow templates.
#
# Guess:  a workflow's id is a random UUID, so it names one workflow; a subgraph's id is one too, and an instance refers to its
#         definition by it, so equal ids mean the same graph. Either serves as the key of a cache, of saved state, of statistics.
# Seen:   of 504 templates that have an id, 352 share it with another one; a single id stands for 21, which make pictures, films and
#         speech. It looks as if a copy keeps the id of what it was copied from. 40 subgraph ids occur in several templates, and 37 of
#         them stand for different graphs there, 21 for graphs with different inputs. So an id of a subgraph means something only
#         inside its own file, and an id of a workflow does not tell workflows apart.
#
# Output seen:
#   templates: 506, with an id: 504, ids: 250, templates that share theirs: 352, most with one id: 21
#   subgraph ids: 212, in several templates: 40, of these with different graphs: 37, with different inputs: 21
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps comfyui-workflow-templates-json==0.1.50
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.util
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

package = importlib.util.find_spec("comfyui_workflow_templates_json").submodule_search_locations[0]
templates = next(Path(package).rglob("index.json")).parent
workflows = {
    template["name"]: json.loads((templates / f"{template['name']}.json").read_text("utf-8"))
    for category in json.loads((templates / "index.json").read_text("utf-8"))
    for template in category["templates"]
}
uses = Counter(workflow["id"] for workflow in workflows.values() if "id" in workflow)
shared = sum(count for count in uses.values() if count > 1)
print(f"templates: {len(workflows)}, with an id: {uses.total()}, ids: {len(uses)}, templates that share theirs: {shared}, "
      f"most with one id: {max(uses.values())}")

definitions = defaultdict(list)
for workflow in workflows.values():
    for subgraph in workflow.get("definitions", {}).get("subgraphs", []):
        definitions[subgraph["id"]].append(subgraph)
several = [graphs for graphs in definitions.values() if len(graphs) > 1]


def differ(aspect):
    return sum(len({json.dumps(aspect(graph), sort_keys=True) for graph in graphs}) > 1 for graphs in several)


graphs = differ(lambda graph: [graph["nodes"], graph["links"]])
inputs = differ(lambda graph: [item["name"] for item in graph["inputs"]])
print(f"subgraph ids: {len(definitions)}, in several templates: {len(several)}, "
      f"of these with different graphs: {graphs}, with different inputs: {inputs}")
seen = (len(workflows), uses.total(), len(uses), shared, max(uses.values()), len(definitions), len(several), graphs, inputs)
sys.exit(seen != (506, 504, 250, 352, 21, 212, 40, 37, 21))
PYTHON
