#!/usr/bin/env bash
# comfyui-workflow-templates-core 0.3.315 with comfyui-workflow-templates-json 0.1.50 (Python 3.11): the two versions that
# comfyui-workflow-templates 0.11.44, which ComfyUI 0.33.0 requires, is installed with.
#
# Guess:  core's manifest.json has a SHA-256 for each file of the sister packages, so a mirror or an offline copy can be
#         checked against it, and on packages that were installed together every file passes.
# Seen:   all workflow files pass, but each of the 13 indexes (index.json, one for each language, index.mcp.json) has
#         another hash than the manifest says. A check of the whole manifest fails on a sound installation.
#
# Output seen:
#   JSON files checked: 522, with another hash: 13
#   index.ar.json index.es.json index.fa.json index.fr.json index.ja.json index.json index.ko.json index.mcp.json
#   index.pt-BR.json index.ru.json index.tr.json index.zh-TW.json index.zh.json
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps \
    comfyui-workflow-templates-core==0.3.315 comfyui-workflow-templates-json==0.1.50
"$folder/venv/bin/python" - <<'PYTHON'
import hashlib
import importlib.util
import json
import sys
import textwrap
from pathlib import Path


def folder_of(package):
    return Path(importlib.util.find_spec(package).submodule_search_locations[0])


manifest = json.loads((folder_of("comfyui_workflow_templates_core") / "manifest.json").read_text("utf-8"))
files = {path.name: path for path in folder_of("comfyui_workflow_templates_json").rglob("*.json")}
checked, different = 0, []
for template in manifest["templates"]:
    for asset in template["assets"]:
        path = files.get(asset["filename"])
        if path is None:
            continue  # a picture: it lies in one of the media packages
        checked += 1
        if hashlib.sha256(path.read_bytes()).hexdigest() != asset["sha256"]:
            different.append(asset["filename"])
print(f"JSON files checked: {checked}, with another hash: {len(different)}")
print(textwrap.fill(" ".join(sorted(different)), 110))

indexes = {name for name in files if name.startswith("index.") and name != "index.schema.json"}
sys.exit(not (checked > 500 and len(different) == 13 and set(different) == indexes))
PYTHON
