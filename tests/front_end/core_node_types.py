"""Creates the node types that ship with Media Generator from a server's ``/object_info``.

    python -m tests.front_end.core_node_types http://127.0.0.1:8188

Only facts are kept: names, types, defaults, bounds and fixed choices, but no descriptions and no
names of that server's files.
"""

from __future__ import annotations

import gzip
import json
import sys
from contextlib import closing
from pathlib import Path

from adapters.comfyui_graph.bundled_node_types import BUNDLED
from adapters.comfyui_server.address import ServerAddress
from adapters.comfyui_server.client import ServerClient
from adapters.json_values import as_dict, as_list, as_text

_TEXTS = frozenset({"tooltip", "placeholder", "label_on", "label_off", "lazy", "advanced"})
_FILES = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".png", ".jpg", ".webp")
_KEPT = ("input_order", "output", "output_name", "output_matchtypes", "output_node", "display_name")


def facts(info: object) -> dict[str, object]:
    """The node types without descriptions and without files."""
    return {name: _node_type(as_dict(entry)) for name, entry in sorted(as_dict(info).items())}


def _node_type(entry: object) -> dict[str, object]:
    fields = as_dict(entry)
    inputs = {
        group: {name: _input(spec) for name, spec in as_dict(specs).items()}
        for group, specs in as_dict(fields.get("input")).items()
        if group != "hidden"
    }
    return {"input": inputs, **{key: fields[key] for key in _KEPT if key in fields}}


def _input(spec: object) -> list[object]:
    kind, *rest = as_list(spec)
    options = {
        key: _option(key, value)
        for key, value in as_dict(rest[0] if rest else {}).items()
        if key not in _TEXTS
    }
    kept = _choices(kind) if isinstance(kind, list) else kind
    return [kept, options] if rest else [kept]


def _option(key: str, value: object) -> object:
    if key == "options" and isinstance(value, list):
        return [
            {**as_dict(choice), "inputs": _groups(as_dict(choice).get("inputs"))}
            if isinstance(choice, dict)
            else choice
            for choice in _choices(value)
        ]
    if key == "template":
        template = as_dict(value)
        return (
            {**template, "input": _groups(template.get("input"))} if "input" in template else value
        )
    return value


def _groups(inputs: object) -> dict[str, object]:
    return {
        group: {name: _input(spec) for name, spec in as_dict(specs).items()}
        for group, specs in as_dict(inputs).items()
    }


def _choices(choices: list[object]) -> list[object]:
    return [choice for choice in choices if not as_text(choice).lower().endswith(_FILES)]


def main() -> None:
    """Request the node types from the server, and write the file."""
    with closing(ServerClient(ServerAddress(sys.argv[1]))) as client:
        info = facts(client.all_object_info())
        system = as_dict(client.system_stats().get("system"))
    document = {"comfyui": as_text(system.get("comfyui_version")), "object_info": info}
    text = json.dumps(document, separators=(",", ":"), sort_keys=False)
    path = Path(str(BUNDLED))
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{len(info)} node types, {path.stat().st_size} bytes")  # noqa: T201 - a program's report


if __name__ == "__main__":
    main()
