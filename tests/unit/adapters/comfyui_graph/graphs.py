"""Sample graphs, files and jobs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from adapters.comfyui_server.examples import example
from adapters.comfyui_server.server_workflow import WorkflowSource
from application.ports.media_renderer import RenderJob
from domain.brief import Brief, ImageBrief, LyricsBrief, Section
from domain.picture_size import PictureSize
from domain.prompt import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.comfyui_graph.graph import Graph, Node
    from adapters.comfyui_graph.mapping import ConfiguredInputs
    from adapters.comfyui_server.server_workflow import ServerWorkflow

SONG = LyricsBrief(
    sections=(Section("verse", "Steam ascends"),),
    genre="indie folk",
    mood="warm",
    tempo="92 BPM",
    seconds=95.5,
)


def node(class_type: str, title: str = "", **inputs: object) -> Node:
    """One node, with an optional title."""
    made: Node = {"class_type": class_type, "inputs": inputs}
    if title:
        made["_meta"] = {"title": title}
    return made


def example_graph(name: str) -> dict[str, Any]:
    """One of the shipped examples."""
    found: dict[str, Any] = json.loads(example(name))
    return found


def saved(folder: Path, document: object) -> Path:
    """Write a document to a file."""
    path = folder / "flow.json"
    path.write_text(json.dumps(document))
    return path


def loaded(
    folder: Path, graph: Graph, given: ConfiguredInputs | None = None, kind: Kind = Kind.IMAGE
) -> ServerWorkflow:
    """The workflow of a graph."""
    return WorkflowSource(saved(folder, graph), kind, given or {})().unwrap()


def why_not(
    folder: Path, graph: object, given: ConfiguredInputs | None = None, kind: Kind = Kind.IMAGE
) -> str:
    """Why a workflow cannot be used."""
    return WorkflowSource(saved(folder, graph), kind, given or {})().failure().message


def job(brief: Brief, out: Path, seed: int = 42) -> RenderJob:
    """A job; that of a picture is 768 by 1024 pixels."""
    size = PictureSize(768, 1024) if isinstance(brief, ImageBrief) else None
    return RenderJob(prompt_id=200, render_id=3, brief=brief, seed=seed, size=size, output=out)


def picture(out: Path, prompt: str = "a lake", negative_prompt: str = "") -> RenderJob:
    """A job for a picture."""
    return job(ImageBrief(prompt=prompt, negative_prompt=negative_prompt), out)
