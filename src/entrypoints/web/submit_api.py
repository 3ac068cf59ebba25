"""``POST /api/v1/prompts``: prompts from a form, checked field by field before they are queued."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from flask import request
from msgspec import Meta
from returns.pipeline import is_successful

from application.ports.intake import KeyReusedError
from domain.brief import BRIEF_FIELDS, NUMBER_BOUNDS, PROMPT_FIELDS, FieldType
from domain.brief_parser import parse_brief
from domain.prompt import Kind
from domain.variation import (
    MAX_AXES,
    MAX_LABEL,
    MAX_VARIATIONS,
    SEED,
    Axis,
    VariationError,
    read_values,
)
from entrypoints.submission import (
    MAX_KEY_LENGTH,
    make_submission,
    named_request,
    notes_on,
    variation_axes,
    vary,
    writing_json,
)
from entrypoints.web.api import (
    MAX_ROW_ID,
    Answer,
    Routes,
    bad_body,
    is_unicode,
    requirement,
    without_null,
)
from entrypoints.web.briefs import BriefOrNull, show_brief
from entrypoints.web.errors import ApiError
from entrypoints.web.json_responses import Document, ErrorDetail, FormError, json_response
from entrypoints.web.prompts_api import find_prompt
from entrypoints.workflow_choice import chosen_workflow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flask import Response

    from application.ports.intake import Submission, SubmitRequest
    from domain.brief import Brief, BriefField
    from domain.workflow_rules import WorkflowRules
    from entrypoints.web.services import Services

MAX_PROSE: Final = 50_000  # characters of a prompt, or of lyrics
MAX_LINE: Final = 500  # characters of any other text
MAX_WORDS: Final = 100  # in a list

routes = Routes()
blueprint = routes.blueprint


# ------------------------------------------------------------------------------------------ bodies

_PROSE = Annotated[str, Meta(min_length=1, max_length=MAX_PROSE)]
_LINE = Annotated[str, Meta(min_length=1, max_length=MAX_LINE)]
_WORDS = Annotated[list[_LINE], Meta(max_length=MAX_WORDS)]
_STRUCTURE = list[dict[str, str | int]]


_SEED_LIST = Annotated[
    list[Annotated[int, Meta(ge=0, le=MAX_ROW_ID)]], Meta(max_length=MAX_VARIATIONS)
]
_VALUES = Annotated[list[Any], Meta(min_length=1, max_length=MAX_VARIATIONS)]
_TYPED = Annotated[str, Meta(max_length=MAX_PROSE)]
_VARIATION_INPUTS: Final[Mapping[str, tuple[Any, str]]] = {
    "label": (
        Annotated[str, Meta(min_length=1, max_length=MAX_LABEL)],
        "a label that the prompt has in common with others; variations without one get one",
    ),
    "variations": (
        Annotated[int, Meta(extra_json_schema={"minimum": 1, "maximum": MAX_VARIATIONS})],
        "number of prompts to submit, which differ in their seed",
    ),
    "seeds": (_SEED_LIST | _TYPED, 'a prompt for each of these seeds; as text "1,2,3" or "1..20"'),
    "vary": (
        Annotated[dict[str, _VALUES | _TYPED], Meta(max_length=MAX_AXES)],
        "values by field, or by path as technical_params.steps, also as text: 10,20,30",
    ),
}
"""What makes many prompts of one form: type and description."""


def _input_type(spec: BriefField) -> Any:  # noqa: ANN401 - a type
    """The type of a field in a request."""
    if spec.is_number:
        # msgspec has no bounds beyond 64 bits with a sign, so numbers are compared by hand.
        minimum, maximum = NUMBER_BOUNDS[spec.type]
        bounds = Meta(extra_json_schema={"minimum": minimum, "maximum": maximum})
        return Annotated[float if spec.type is FieldType.SECONDS else int, bounds]
    if spec.type is FieldType.TEXTS:
        return _WORDS
    return _PROSE if spec.type is FieldType.PROSE else _LINE


def _form(name: str, kind: Kind, summary: str, default_text: str) -> type[msgspec.Struct]:
    """The Struct of a prompt in a request; every field but the image's prompt may be null."""
    inputs: dict[str, tuple[Any, str]] = {
        spec.name: (_input_type(spec), spec.about) for spec in BRIEF_FIELDS[kind] if spec.names
    }
    if kind is Kind.AUDIO:
        inputs["structure"] = (_STRUCTURE, "sections, each with type and lyrics, instead of lyrics")
    inputs["members"] = (
        dict[str, Any],
        "other members of the brief's JSON, which the settings give to inputs of the workflow",
    )
    inputs["text"] = (_PROSE, f"the original request; by default {default_text}")
    inputs["workflow"] = (_LINE, "name of the workflow that renders it, whatever the rules say")
    inputs |= _VARIATION_INPUTS
    is_required = kind is Kind.IMAGE
    return msgspec.defstruct(
        name,
        [
            (name, Annotated[type_, Meta(description=about)])
            if is_required and name == PROMPT_FIELDS[kind]
            else (name, Annotated[type_ | None, Meta(description=about)], None)
            for name, (type_, about) in inputs.items()
        ],
        bases=(Document,),
        namespace={"__doc__": summary},
        tag_field="kind",
        tag=kind.value,
        kw_only=True,
    )


ImagePrompt: Final = _form("ImagePrompt", Kind.IMAGE, "An image to render.", "the prompt")
SongPrompt: Final = _form(
    "SongPrompt", Kind.AUDIO, "A song to render; lyrics or structure is required.", "the title"
)
_FORMS: Final = {Kind.IMAGE: ImagePrompt, Kind.AUDIO: SongPrompt}


# ----------------------------------------------------------------------------------------- answers


class Created(Document):
    """The new prompt, or all of them if it was varied."""

    id: Annotated[int, Meta(description="of the new prompt; of several the first")]
    ids: Annotated[list[int], Meta(description="of all new prompts")]
    label: Annotated[str | None, Meta(description="that they have in common")]


class VariationsBody(Document):
    """Which variations of a prompt to submit."""

    count: Annotated[
        int, Meta(ge=1, le=MAX_VARIATIONS, description="number of new prompts, with new seeds")
    ] = 1
    seeds: Annotated[
        list[Annotated[int, Meta(ge=0, le=MAX_ROW_ID)]],
        Meta(max_length=MAX_VARIATIONS, description="these seeds, instead of a count"),
    ] = []  # noqa: RUF012 - msgspec copies it
    vary: Annotated[
        dict[str, _VALUES | _TYPED], Meta(description=_VARIATION_INPUTS["vary"][1])
    ] = {}  # noqa: RUF012 - msgspec copies it
    label: Annotated[
        str | None,
        Meta(description="of the new prompts; by default that of the earlier prompt, or a new one"),
    ] = None


class Variations(Document):
    """The new prompts, in the order of their seeds."""

    ids: list[int]
    seeds: Annotated[list[int], Meta(description="of each prompt; empty if none was varied")]
    label: Annotated[str, Meta(description="that they have in common")]


class Checked(Document):
    """What a prompt would become."""

    ok: Annotated[bool, Meta(description="whether the prompt can be submitted")]
    fields: Annotated[dict[str, str], Meta(description="what is wrong, by field name")]
    brief: BriefOrNull
    writing: Annotated[str | None, Meta(description="the JSON text that the queue would get")]
    prompts: Annotated[int, Meta(description="number of prompts that it would become")]


# ------------------------------------------------------------------------------------------ routes

_KEY_HEADER: Final = {
    "Idempotency-Key": "your own name for this request, up to 255 printable ASCII characters;"
    " a second request with it adds nothing and gets the first answer"
}


@routes.add(
    "POST",
    "/api/v1/prompts",
    tag="prompts",
    body=ImagePrompt | SongPrompt,
    body_required=True,
    answers={
        201: Answer(
            "The prompt is in the queue", Created, headers={"Location": "address of the prompt"}
        )
    },
    errors={
        409: "Another prompt was submitted under this Idempotency-Key",
        422: Answer("Some fields are invalid", FormError),
    },
    request_headers=_KEY_HEADER,
)
def submit_prompt(services: Services, body: Mapping[str, Any]) -> Response:
    """Submit a prompt, or many that differ in what is varied.

    It enters the queue like a prompt of the Poets Service. With variations, seeds or vary, all of
    them are submitted or none, under one label. A request whose answer was lost can be repeated
    with the same Idempotency-Key: the prompts are submitted once.
    """
    named = _named_request(body)
    form = check_form(body, services.rules)
    if not form.submissions:
        problems = "; ".join(f"{name} {text}" for name, text in sorted(form.problems.items()))
        error = ErrorDetail(
            "bad_brief", f"the prompt was not accepted: {problems}", "Correct the named fields."
        )
        return json_response(FormError(error, dict(form.problems)), 422)
    ids = _submitted(services, form.submissions, named)
    address = f"{request.script_root}/api/v1/prompts/{ids[0]}"
    label = services.labels().of(ids[:1]).get(ids[0])
    created = Created(ids[0], list(ids), label.label if label else None)
    return json_response(created, 201, {"Location": address})


def _submitted(
    services: Services, submissions: Sequence[Submission], named: SubmitRequest | None
) -> tuple[int, ...]:
    """The ids of new prompts, or of those of an earlier request with the same key.

    Raises:
        ApiError: something else was submitted under the key.
    """
    try:
        return services.intake().submit(submissions, named)
    except KeyReusedError:
        message = "another prompt was submitted under this Idempotency-Key"
        hint = "Take a new key for each prompt; repeat a request with the same body."
        raise ApiError(409, "key_reused", message, hint) from None


def _named_request(body: Mapping[str, Any]) -> SubmitRequest | None:
    """The request under the key that its header gives it, or None without a key.

    Raises:
        ApiError: the key cannot be used.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not (key.isascii() and key.isprintable()):
        problem = f"Idempotency-Key must be 1 to {MAX_KEY_LENGTH} printable ASCII characters"
        raise ApiError(400, "bad_key", problem)
    return named_request(key, body)


@routes.add(
    "POST",
    "/api/v1/prompts/<row:prompt_id>/variations",
    tag="prompts",
    body=VariationsBody,
    answers={201: Answer("The prompts are in the queue", Variations)},
    errors={
        404: "No such prompt",
        409: "The prompt has no brief that could be varied, or the Idempotency-Key is taken",
    },
    request_headers=_KEY_HEADER,
)
def submit_variations(services: Services, prompt_id: int, body: VariationsBody) -> Response:
    """Submit prompts with the same brief, which differ in their seed or in what is varied.

    The earlier prompt stays as it is, with its files. If it has no label yet, it gets that of the
    new prompts, so that all of them are compared.
    """
    if body.seeds and body.count != 1:
        raise bad_body("the body must have either 'count' or 'seeds'")
    record = find_prompt(services, prompt_id)
    content = record.writing.content if record.writing else None
    parsed = parse_brief(record.prompt.kind, content)
    if not is_successful(parsed):
        failure = parsed.failure()
        message = f"prompt {prompt_id} cannot be varied: {failure.message}"
        raise ApiError(409, failure.code.value, message, "Submit a new prompt instead.")
    brief = parsed.unwrap()
    written = content if isinstance(content, str) else ""
    earlier = make_submission(record.prompt.kind, brief, written, record.prompt.text)
    hints = services.workflow_records().hints([prompt_id])[prompt_id]
    earlier = replace(earlier, workflow=hints.chosen or "")
    try:
        axes = _axes(body.vary)
        if body.seeds or body.count > 1 or not axes:
            axes = variation_axes(axes, body.seeds, None if body.seeds else body.count)
        submissions = vary(replace(earlier, label=record.label), brief, axes, body.label or "")
    except VariationError as error:
        raise bad_body(f"the prompt cannot be varied like this: {error}") from None
    named = _named_request({"variations_of": prompt_id} | msgspec.to_builtins(body))
    ids = _submitted(services, submissions, named)
    labels = services.labels().of([prompt_id, *ids])  # of the first request with this key
    varied = [labels[one].varied for one in ids if one in labels]
    if prompt_id not in labels and ids[0] in labels:
        own = {} if brief.seed is None else {SEED: brief.seed}
        services.labels().add(prompt_id, labels[ids[0]].label, own)
    seeds = [seed for one in varied if isinstance(seed := one.get(SEED), int)]
    label = labels[ids[0]].label if ids[0] in labels else submissions[0].label
    return json_response(Variations(list(ids), seeds, label), 201)


@routes.add(
    "POST",
    "/api/v1/prompts/check",
    Checked,
    tag="prompts",
    body=Annotated[
        dict[str, Any], Meta(description="a prompt as for submitting; may be incomplete")
    ],
    body_required=True,
    database=False,
)
def check_prompt(services: Services, body: Mapping[str, Any]) -> Checked:
    """Check a prompt without submitting it."""
    form = check_form(body, services.rules)
    brief = form.brief
    if brief and len(form.submissions) > 1:  # what is varied may be a member that nothing takes
        brief = replace(brief, notes=notes_on(form.submissions))
    return Checked(
        ok=not form.problems,
        fields=dict(form.problems),
        brief=show_brief(brief, services.brief_paths[brief.kind]) if brief else None,
        writing=form.submissions[0].content if form.submissions else None,
        prompts=len(form.submissions),
    )


# -------------------------------------------------------------------------------------- validation


@dataclass(frozen=True, slots=True)
class CheckedForm:
    """A form after validation.

    Attributes:
        problems: what is wrong, by field name; empty if the form can be submitted.
        brief: the form as a brief, or None.
        submissions: what would enter the queue; empty if there are problems.
    """

    problems: Mapping[str, str] = field(default_factory=dict)
    brief: Brief | None = None
    submissions: tuple[Submission, ...] = ()


def check_form(body: Mapping[str, Any], rules: Mapping[Kind, WorkflowRules]) -> CheckedForm:
    """Check every field of a form, and then the brief as a whole.

    Args:
        body: the form.
        rules: of the kinds that have named workflows.
    """
    kind_name = body.get("kind")
    kind = Kind.of_name(kind_name) if isinstance(kind_name, str) else None
    if kind is None:
        return CheckedForm({"kind": "must be image or audio"})
    types = {field.name: field.type for field in msgspec.structs.fields(_FORMS[kind])}
    values = {
        name: value
        for name, value in body.items()
        if name != "kind" and value not in (None, "", [], {})
    }
    varied = {name: values.pop(name) for name in _VARIATION_INPUTS if name in values}
    problems = {
        name: problem
        for name, value in varied.items()
        if (problem := _variation_problem(types[name], value))
    }
    for name, value in values.items():
        problem = (
            _problem(types[name], value)
            if name in types
            else f"is not a field of an {kind.value} prompt"
        )
        if problem:
            problems[name] = problem
    workflow = values.pop("workflow", "")
    if workflow and "workflow" not in problems:
        chosen = chosen_workflow(rules, kind, workflow)
        problems |= {} if is_successful(chosen) else {"workflow": chosen.failure()}
        workflow = chosen.value_or("")
    main = PROMPT_FIELDS[kind]
    if main not in values and not (kind is Kind.AUDIO and "structure" in values):
        problems.setdefault(main, "is missing")
    if problems:
        return CheckedForm(problems)
    content = writing_json(kind, values)
    parsed = parse_brief(kind, content)
    if not is_successful(parsed):
        return CheckedForm({main: parsed.failure().message})
    brief = parsed.unwrap()
    submission = make_submission(kind, brief, content, values.get("text"))
    submission = replace(submission, workflow=workflow)
    name = "vary" if "vary" in varied else "variations"
    try:
        axes = _axes(varied.get("vary", {}))
        name = "seeds" if "seeds" in varied else name
        seeds = varied.get("seeds", ())
        seeds = read_values(SEED, seeds) if isinstance(seeds, str) else seeds
        axes = variation_axes(axes, seeds, varied.get("variations"))
        name = "label" if not axes else name
        return CheckedForm({}, brief, vary(submission, brief, axes, varied.get("label", "")))
    except VariationError as error:
        return CheckedForm({name: str(error)}, brief)


def _axes(vary: Mapping[str, list[Any] | str]) -> list[Axis]:
    """What is varied. Raises VariationError if it cannot be understood."""
    return [
        Axis(path, read_values(path, values) if isinstance(values, str) else tuple(values))
        for path, values in vary.items()
    ]


def _variation_problem(type_: Any, value: object) -> str | None:  # noqa: ANN401 - a type of a form's field
    """What is wrong with the form of what is varied, or None; its content is looked at later."""
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        return f"cannot be used: {error}"
    return (
        None if is_unicode(json.dumps(value, ensure_ascii=False)) else "contains half a character"
    )


def _problem(type_: Any, value: object) -> str | None:  # noqa: ANN401 - a type of a form's field
    """What is wrong with the value of a field, or None."""
    schema = without_null(msgspec.json.schema(type_))
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError:
        return requirement(schema)
    if isinstance(value, int | float):
        is_allowed = schema["minimum"] <= value <= schema["maximum"]
        return None if is_allowed else requirement(schema)
    if isinstance(value, str):
        return _text_problem(value)
    if isinstance(value, dict) or schema["items"]["type"] == "object":
        text = json.dumps(value, ensure_ascii=False)
        if len(text) > MAX_PROSE:
            return f"must be at most {MAX_PROSE:,} characters of JSON"
        return None if is_unicode(text) else "contains half a character"
    assert isinstance(value, list)  # noqa: S101 - of texts: there is no other type
    return next((f"has an item that {text}" for text in map(_text_problem, value) if text), None)


def _text_problem(value: str) -> str | None:
    if not value.strip():
        return "is blank"
    if "\0" in value:
        return "contains a NUL character"
    return None if is_unicode(value) else "contains half a character"
