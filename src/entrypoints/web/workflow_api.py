"""``POST /api/v1/workflows/check``: checks a workflow file as ``mediagen workflow check`` does."""

from __future__ import annotations

import io
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from domain.prompt import Kind
from entrypoints.web.api import MAX_UPLOAD_BYTES, UPLOAD_PATH, QueryText, Routes
from entrypoints.web.errors import ApiError
from entrypoints.web.json_responses import Document, KindName

if TYPE_CHECKING:
    from typing import BinaryIO

    from entrypoints.web.services import Services

_NAMELESS: Final = "workflow"
_ONE_AT_A_TIME: Final = Lock()  # a check reads the whole file, and may wait for servers

routes = Routes()
blueprint = routes.blueprint


class WorkflowParameters(msgspec.Struct, frozen=True):
    """How a workflow is checked."""

    name: Annotated[QueryText | None, Meta(description="what the file is called")] = None
    kind: Annotated[
        Literal["image", "picture", "image_prompt", "audio", "song", "lyrics_prompt"] | None,
        Meta(description="the media kind to make; by default what its nodes make"),
    ] = None
    offline: Annotated[int, Meta(ge=0, le=1, description="1: ask no server")] = 0


class WorkflowFinding(Document):
    """One thing that would keep a workflow from being rendered."""

    code: Annotated[str, Meta(description="a failure code")]
    node: Annotated[str, Meta(description="id of the node, or blank")]
    title: Annotated[str, Meta(description="title of the node, or blank")]
    input: Annotated[str, Meta(description="name of the node's input, or blank")]
    message: str
    hint: str


class WorkflowServer(Document):
    """What one server says about a workflow."""

    server: Annotated[str, Meta(description="its address")]
    reachable: bool
    trouble: Annotated[str | None, Meta(description="why it could not be asked")]
    versions: dict[str, str]
    findings: list[WorkflowFinding]
    notes: list[str]


class WorkflowInput(Document):
    """An input that a field of a brief goes to."""

    field: str
    input: Annotated[str, Meta(description="node id, a dot, and the name of the input")]
    node: Annotated[str, Meta(description="title or type of the node")]
    reason: Annotated[str, Meta(description="why the field goes there")]
    example: Annotated[
        str | None, Meta(description="what would be sent for an example brief, as text")
    ]


class WorkflowCheck(Document):
    """A workflow file, how it would be used, and what is wrong with it."""

    name: str
    kind: KindName
    nodes: Annotated[int, Meta(description="0 if the file is not a workflow")]
    fine: Annotated[bool, Meta(description="whether nothing keeps it from being rendered")]
    refusal: Annotated[WorkflowFinding | None, Meta(description="why it cannot be used at all")]
    outputs: Annotated[list[str], Meta(description="nodes that leave files")]
    inputs: list[WorkflowInput]
    missing: Annotated[
        dict[str, str], Meta(description="fields without an input, with the reasons")
    ]
    warnings: list[str]
    notes: list[str]
    findings: Annotated[list[WorkflowFinding], Meta(description="whatever server is used")]
    servers: list[WorkflowServer]
    configuration: Annotated[
        dict[str, Any], Meta(description="the mapping, as media.inputs takes it")
    ]
    api_file: Annotated[
        str | None, Meta(description="the text of its API file; null if it is not a workflow")
    ]


@routes.add(
    "POST",
    UPLOAD_PATH,
    WorkflowCheck,
    tag="workflows",
    query=WorkflowParameters,
    upload=MAX_UPLOAD_BYTES,
    errors={
        413: f"The file is larger than {MAX_UPLOAD_BYTES // 1024**2} MiB",
        422: "A parameter is invalid, or the file is a Python script",
        503: "Another file is being checked",
    },
    database=False,
)
def check_workflow_file(
    services: Services, query: WorkflowParameters, body: BinaryIO
) -> WorkflowCheck:
    """Check a workflow file.

    The body is the file itself: a workflow of ComfyUI in API format or as its editor saves it, a
    picture or song that ComfyUI made, or a usual wrapper of a workflow. Nothing is stored.
    """
    if (query.name or "").lower().endswith(".py"):
        message = f"{query.name} is a script, which is compared with the files of ComfyUI"
        raise ApiError(422, "is_script", message, "Run 'mediagen workflow check FILE' instead.")
    if not _ONE_AT_A_TIME.acquire(blocking=False):
        message = "another workflow file is being checked"
        raise ApiError(503, "busy", message, "Try again in a moment.", {"Retry-After": "2"})
    try:
        return _checked(services, query, io.BytesIO(body.read()))
    finally:
        _ONE_AT_A_TIME.release()


def _checked(services: Services, query: WorkflowParameters, file: BinaryIO) -> WorkflowCheck:
    # Imported here, since they cost more than the rest of the page.
    from adapters.comfyui_graph.graph import named, title_of
    from adapters.comfyui_graph.output_nodes import output_nodes
    from adapters.comfyui_graph.workflow_file import api_text

    kind = Kind.of_name(query.kind) if query.kind else None
    checked = services.check_workflow(file, query.name or _NAMELESS, kind, not query.offline)
    document = checked.document()
    refusal = checked.refusal
    values = {(sent.field, sent.target): str(sent.value) for sent in checked.example}
    return WorkflowCheck(
        name=checked.file,
        kind=checked.kind,
        nodes=len(checked.graph),
        fine=checked.is_valid,
        refusal=(
            WorkflowFinding(refusal.code.value, "", "", "", refusal.message, refusal.hint)
            if refusal
            else None
        ),
        outputs=[named(checked.graph, output.node_id) for output in output_nodes(checked.graph)],
        inputs=[
            WorkflowInput(
                name,
                str(target),
                title_of(checked.graph, target.node_id),
                checked.reason(target),
                values.get((name, target)),
            )
            for name, targets in checked.targets.items()
            for target in targets
        ],
        missing=checked.missing(),
        warnings=list(checked.inferred.warnings),
        notes=[*checked.notes, *checked.inferred.notes, *checked.example_notes],
        findings=msgspec.convert(document["findings"], list[WorkflowFinding]),
        servers=msgspec.convert(document["servers"], list[WorkflowServer]),
        configuration=checked.configuration(),
        api_file=api_text(checked.graph) if checked.graph else None,
    )
