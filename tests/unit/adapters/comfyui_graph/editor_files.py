"""Small files in ComfyUI's editor format, and the node types that they use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SIZES = {
    "key": "by size",
    "inputs": {
        "required": {
            "width": ["INT", {"default": 512}],
            "crop": ["COMBO", {"options": ["no", "center"]}],
        }
    },
}
FACTOR = {"key": "by factor", "inputs": {"required": {"factor": ["FLOAT", {"default": 1.5}]}}}

INFO: Mapping[str, object] = {
    "Load": {
        "input": {"required": {"ckpt_name": [["a.safetensors", "b.safetensors"]]}},
        "output": ["MODEL", "CLIP", "VAE"],
        "display_name": "Load Checkpoint",
    },
    "Lora": {
        "input": {
            "required": {
                "model": ["MODEL"],
                "clip": ["CLIP"],
                "lora_name": [["x.safetensors"]],
                "strength": ["FLOAT", {"default": 1.0}],
            }
        },
        "output": ["MODEL", "CLIP"],
    },
    "Encode": {
        "input": {
            "required": {
                "text": ["STRING", {"multiline": True, "dynamicPrompts": True}],
                "clip": ["CLIP"],
            }
        },
        "output": ["CONDITIONING"],
    },
    "Sampler": {
        "input": {
            "required": {
                "model": ["MODEL"],
                "seed": ["INT", {"default": 0, "control_after_generate": True}],
                "steps": ["INT", {"default": 20}],
                "sampler_name": [["euler", "dpm"]],
                "positive": ["CONDITIONING"],
            },
            "optional": {"denoise": ["FLOAT", {"default": 1.0}]},
        },
        "output": ["LATENT"],
    },
    "Resize": {
        "input": {
            "required": {
                "image": ["IMAGE"],
                "how": ["COMFY_DYNAMICCOMBO_V3", {"options": [SIZES, FACTOR]}],
                "name": ["STRING", {"default": "n"}],
            }
        },
        "output": ["IMAGE"],
    },
    "Batch": {
        "input": {
            "required": {
                "images": [
                    "COMFY_AUTOGROW_V3",
                    {
                        "template": {
                            "input": {"required": {"image": ["IMAGE", {}]}},
                            "prefix": "image",
                            "min": 2,
                        }
                    },
                ]
            }
        },
        "output": ["IMAGE"],
    },
    "Combine": {
        "input": {
            "required": {
                "words": ["STRING", {"forceInput": True}],
                "count": ["INT", {"default": 3}],
                "colors": ["COMBO", {"multi_select": True, "options": ["red", "blue"]}],
            }
        },
        "output": ["STRING"],
    },
    "Text": {"input": {"required": {"value": ["STRING", {}]}}, "output": ["STRING"]},
    "Image": {"input": {"required": {"width": ["INT", {"default": 64}]}}, "output": ["IMAGE"]},
    "Save": {
        "input": {"required": {"images": ["IMAGE"], "prefix": ["STRING", {"default": "p"}]}},
        "output": [],
        "output_node": True,
    },
    "CustomCombo": {
        "input": {"required": {"choice": ["COMBO", {"options": []}]}},
        "output": ["STRING", "INT"],
    },
}


def node(
    node_id: int | str,
    kind: str,
    values: object = None,
    inputs: Sequence[tuple[str, int | None] | tuple[str, int | None, str]] = (),
    outputs: Sequence[Sequence[int]] = (),
    types: Sequence[str] = (),
    **more: object,
) -> dict[str, Any]:
    """A node of a file: inputs as (name, link) or (name, link, type); outputs as lists of links."""
    entry: dict[str, Any] = {"id": node_id, "type": kind, "inputs": [], "outputs": [], **more}
    if values is not None:
        entry["widgets_values"] = values
    for name, link, *rest in inputs:
        entry["inputs"].append({"name": name, "link": link, "type": rest[0] if rest else "*"})
    for number, links in enumerate(outputs):
        kind_of_output = types[number] if number < len(types) else "*"
        entry["outputs"].append({"name": str(number), "links": list(links), "type": kind_of_output})
    return entry


def file(nodes: Sequence[object], links: Sequence[object] = (), **more: object) -> dict[str, Any]:
    """A file of the editor."""
    return {"nodes": list(nodes), "links": list(links), "version": 0.4, **more}


def subgraph(
    subgraph_id: str,
    nodes: Sequence[object],
    links: Sequence[tuple[int, int | str, int, int | str, int]],
    inputs: Sequence[tuple[str, Sequence[int]]] = (),
    outputs: Sequence[tuple[str, Sequence[int]]] = (),
) -> dict[str, Any]:
    """A subgraph; links as (id, origin, its slot, target, its slot), -10 and -20 for its edges."""
    return {
        "id": subgraph_id,
        "name": subgraph_id,
        "nodes": list(nodes),
        "links": [
            {
                "id": link_id,
                "origin_id": origin,
                "origin_slot": origin_slot,
                "target_id": target,
                "target_slot": target_slot,
                "type": "*",
            }
            for link_id, origin, origin_slot, target, target_slot in links
        ],
        "inputs": [{"name": name, "linkIds": list(ids)} for name, ids in inputs],
        "outputs": [{"name": name, "linkIds": list(ids)} for name, ids in outputs],
    }
