#!/usr/bin/env bash
# comfyui-workflow-templates-json 0.1.50 (Python 3.11): the official workflow templates, in the editor's format.
#
# Guess:  a graph is stored twice, as a list of links (id, from node and slot, to node and slot) and as a link id at each
#         input, and the two agree, so that a converter may read whichever is handier.
# Seen:   they agree in 503 of 506 files. In two Qwen-Image templates the list has two links into the seed of one KSampler:
#         the wanted one from the subgraph's input, and an older one from a PrimitiveInt that holds the number of steps.
#         Only the input says which counts. Who keeps the first link of the list renders with seed 4 for ever. One Flux.2
#         template keeps 12 links whose target node is not in the graph any more.
#
# Output seen:
#   templates in index.json: 506
#   image_flux2_klein_image_edit_9b_distilled: 12 links to nodes that are not there
#   image_qwen_Image_2512: KSampler.seed says link 371, the list also has link 347 from a PrimitiveInt of 4
#   template_qwen_Image_2512_360_lora: KSampler.seed says link 371, the list also has link 347 from a PrimitiveInt of 4
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps comfyui-workflow-templates-json==0.1.50
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.util
import json
import sys
from pathlib import Path

package = importlib.util.find_spec("comfyui_workflow_templates_json").submodule_search_locations[0]
templates = next(Path(package).rglob("index.json")).parent
names = [
    template["name"]
    for category in json.loads((templates / "index.json").read_text("utf-8"))
    for template in category["templates"]
]
print("templates in index.json:", len(names))

BOUNDARY = (-10, -20)  # the inside of a subgraph names its own inputs and outputs so
KEYS = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
nowhere, contradictions = {}, {}
for name in sorted(names):
    workflow = json.loads((templates / f"{name}.json").read_text("utf-8"))
    for graph in [workflow, *workflow.get("definitions", {}).get("subgraphs", [])]:
        nodes = {node["id"]: node for node in graph["nodes"]}
        for link in graph.get("links", []):
            number, origin, _, target, slot = (
                [link[key] for key in KEYS] if isinstance(link, dict) else link[:5]
            )
            if target not in nodes:
                if target not in BOUNDARY:
                    nowhere[name] = nowhere.get(name, 0) + 1
                continue
            given = nodes[target]["inputs"][slot]
            if given.get("link") != number:
                contradictions[name] = (
                    f"{nodes[target]['type']}.{given['name']}",
                    given.get("link"),
                    number,
                    f"{nodes[origin]['type']} of {nodes[origin]['widgets_values'][0]}",
                )
for name, count in nowhere.items():
    print(f"{name}: {count} links to nodes that are not there")
for name, (place, said, other, origin) in contradictions.items():
    print(f"{name}: {place} says link {said}, the list also has link {other} from a {origin}")

seed = ("KSampler.seed", 371, 347, "PrimitiveInt of 4")
as_described = (
    len(names) == 506
    and nowhere == {"image_flux2_klein_image_edit_9b_distilled": 12}
    and contradictions == {"image_qwen_Image_2512": seed, "template_qwen_Image_2512_360_lora": seed}
)
sys.exit(not as_described)
PYTHON
