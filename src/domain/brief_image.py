"""From a JSON object to the brief of a picture (contract, section 2)."""

from __future__ import annotations

from functools import partial

from returns.result import Failure as Failed
from returns.result import Result, Success

from domain import brief_fields as fields
from domain.brief import ImageBrief
from domain.brief_values import Json, Members, described, is_blank, number_text
from domain.failure import Failure, FailureCode


def read_image(document: Members) -> Result[ImageBrief, Failure]:
    """The picture that an object asks for; only ``prompt`` is required."""
    return _prompt(document).map(partial(_image, document))


def _prompt(document: Members) -> Result[str, Failure]:
    """The prompt, verbatim; a list's texts joined with ``, ``."""
    prompt = document.get("prompt")
    parts: list[Json] = prompt if isinstance(prompt, list) else [prompt]
    wrong = _why_no_prompt(document, parts)
    if wrong:
        return Failed(Failure(FailureCode.BRIEF_INCOMPLETE, wrong))
    return Success(", ".join(_part(part) or "" for part in parts if not is_blank(part)))


def _why_no_prompt(document: Members, parts: list[Json]) -> str:
    if "prompt" not in document:
        return "the field 'prompt' is missing"
    if "prompt" in document.conflicts:
        return "the field 'prompt' comes more than once, with different values"
    if not any(isinstance(part, str) and not is_blank(part) for part in parts):
        return f"the field 'prompt' must be text, but is {described(document['prompt'])}"
    for index, part in enumerate(parts):
        if not is_blank(part) and _part(part) is None:
            return f"the field 'prompt[{index}]' must be text, but is {described(part)}"
    return ""


def _part(part: Json) -> str | None:
    return part if isinstance(part, str) else number_text(part)


def _image(document: Members, prompt: str) -> ImageBrief:
    technical = (fields.member(document, "technical_params"), document)
    composition = (fields.member(document, "composition"),)
    width, height = _sides(technical)
    return ImageBrief(
        prompt=prompt,
        negative_prompt=fields.text(document.get("negative_prompt")) or "",
        style_tags=fields.words(document.get("style_tags")) or (),
        aspect_ratio=fields.first(technical, "aspect_ratio", fields.measure) or "",
        quality=fields.first(technical, "quality", fields.text) or "",
        mood=fields.first(technical, "mood", fields.text) or "",
        subject=fields.first(composition, "subject", fields.text) or "",
        background=fields.first(composition, "background", fields.text) or "",
        lighting=fields.first(composition, "lighting", fields.text) or "",
        width=width,
        height=height,
        seed=fields.first(technical, "seed", fields.seed),
    )


def _sides(technical: tuple[Members, Members]) -> tuple[int | None, int | None]:
    """The sides by name, place by place; a size as a whole counts where neither is named."""
    width = fields.first(technical, "width", fields.side)
    height = fields.first(technical, "height", fields.side)
    if width is None and height is None:
        pair = fields.first(technical, "resolution", fields.size)
        width, height = pair or fields.first(technical, "size", fields.size) or (None, None)
    return width, height
