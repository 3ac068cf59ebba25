"""Hypothesis strategies: writings as the Poets Service stores them, intact and broken."""

from __future__ import annotations

import html
import itertools
import json
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

Document = dict[str, Any]

_CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
texts = st.text(_CHARACTERS, max_size=40)
visible_texts = st.builds("{}{}{}".format, texts, st.sampled_from("aZé日🎨"), texts)
# Marks divide a song text into words, labels and directions: they have tests of their own.
_WORD_CHARACTERS = st.characters(
    exclude_categories=["Cs", "Cc", "Cf", "Pd", "Ps", "Pe", "Nd"],
    include_characters="\n\t",
    exclude_characters="*_#<=>~:\uff1a`\\",
)
sung_texts = st.text(_WORD_CHARACTERS, max_size=40)
visible_sung_texts = st.builds("{}{}{}".format, sung_texts, st.sampled_from("aZé日🎨"), sung_texts)

_KNOWN_NAMES = [
    *("prompt", "negative_prompt", "style_tags", "technical_params", "composition", "width"),
    *("seed", "size", "structure", "sections", "lyrics", "type", "line", "lines", "metadata"),
    *("title", "genre", "mood", "tempo", "key", "verse", "chorus", "instrumentation"),
    *(
        "Type",
        "LYRICS",
        "Verse 1",
        "text",
        "singer",
        "language",
        "outline",
        "lyrics_prompt",
        "song",
    ),
]
_names = st.text(max_size=5) | st.sampled_from(_KNOWN_NAMES)

json_trees = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        [
            "[Verse]\nla",
            "Chorus: la",
            "(x2)",
            "repeat chorus",
            "verse",
            "1024x768",
            "16:9",
            "\ud800",
            "\0",
            "{",
            '{"prompt": "x"}',
        ]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_names, inner, max_size=5),
    max_leaves=20,
)
json_objects = st.dictionaries(_names, json_trees, min_size=1, max_size=3)


def image_documents() -> st.SearchStrategy[Document]:
    """Valid image writings; only ``prompt`` is always present."""
    technical = st.fixed_dictionaries(
        {},
        optional={
            "aspect_ratio": st.sampled_from(["16:9", "1:1", "portrait"]),
            "quality": texts,
            "mood": texts,
            "width": st.integers(1, 16_384),
            "height": st.integers(1, 16_384).map(str),
            "seed": st.integers(0, 2**64 - 1),
        },
    )
    composition = st.dictionaries(st.sampled_from(["subject", "background", "lighting"]), texts)
    return st.fixed_dictionaries(
        {"prompt": visible_texts},
        optional={
            "negative_prompt": texts | st.none(),
            "style_tags": st.lists(texts, max_size=4),
            "technical_params": technical,
            "composition": composition,
        },
    )


def lyrics_documents() -> st.SearchStrategy[Document]:
    """Valid song writings; at least one section has lyrics."""
    section = st.fixed_dictionaries(
        {"type": st.sampled_from(["verse", "chorus", "Bridge", "outro"]), "lyrics": sung_texts},
        optional={"number": st.integers(1, 9)},
    )
    sung = st.fixed_dictionaries({"type": st.just("verse"), "lyrics": visible_sung_texts})
    structure = st.builds(
        lambda before, one, after: [*before, one, *after],
        st.lists(section, max_size=3),
        sung,
        st.lists(section, max_size=3),
    )
    about = st.dictionaries(st.sampled_from(["key", "time_signature", "vocal_style"]), texts)
    return st.fixed_dictionaries(
        {"structure": structure},
        optional={
            "title": texts,
            "genre": texts,
            "mood": texts,
            "tempo": texts | st.integers(40, 240),
            "metadata": about,
        },
    )


def disguises() -> st.SearchStrategy[Callable[[str], str | bytes]]:
    """Ways in which a model or a program wraps one JSON object without changing it."""
    return st.sampled_from(_DISGUISES)


def broken_writings(documents: st.SearchStrategy[Document]) -> st.SearchStrategy[str | bytes]:
    """Valid writings that lost their end, a piece, or a few bytes."""
    written = documents.map(json.dumps)
    cut = st.builds(lambda text, at: text[: at % len(text)], written, st.integers(0))
    holed = st.builds(
        lambda text, at, size: text[: at % len(text)] + text[at % len(text) + size :],
        written,
        st.integers(0),
        st.integers(1, 8),
    )
    spoilt = st.builds(
        lambda text, at, junk: text[: at % len(text)] + junk + text[at % len(text) :],
        written,
        st.integers(0),
        st.sampled_from([*'{}[]",:\\/*\0\udcff', "//", "/*", "NaN", "```", '\\"', "\ud83d"]),
    )
    damaged = st.builds(
        lambda text, at, byte: text.encode()[:at] + byte + text.encode()[at:],
        written,
        st.integers(0, 200),
        st.binary(min_size=1, max_size=2),
    )
    return cut | holed | spoilt | damaged


def _fenced(text: str) -> str:
    return f"Here is the JSON:\n\n```json\n{text}\n```\nI hope that {{curly}} helps."


def _twice_fenced(text: str) -> str:
    return f"```\nprompt = ...\n```\nand then\n```json\n{text}\n```"


def _title_case(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    """The same JSON value with names such as "Negative Prompt"."""
    if isinstance(value, dict):
        return {name.replace("_", " ").title(): _title_case(item) for name, item in value.items()}
    return [_title_case(item) for item in value] if isinstance(value, list) else value


def _camel_case(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    """The same JSON value with names such as "negativePrompt"."""
    if isinstance(value, dict):
        names = {name: name.title().replace("_", "") for name in value}
        return {
            camel[0].lower() + camel[1:]: _camel_case(value[name]) for name, camel in names.items()
        }
    return [_camel_case(item) for item in value] if isinstance(value, list) else value


def _curly(text: str) -> str:
    """Curly quotation marks and full-width signs, if no text contains any."""
    if set(text) & set("\\“”„‟＂"):  # noqa: RUF001 -- the marks themselves
        return text
    outside = text.split('"')
    outside[::2] = [part.translate(str.maketrans(":,{}", "：，｛｝")) for part in outside[::2]]  # noqa: RUF001
    marks = itertools.cycle("“”")
    return outside[0] + "".join(next(marks) + part for part in outside[1:])


_DRAFT = 'A draft: {"prompt": "a boat", "structure": [{"type": "verse", "lyrics": "Sun"}]}, hm {x}'
_DISGUISES: list[Callable[[str], str | bytes]] = [
    str,
    str.encode,
    _fenced,
    _twice_fenced,
    lambda text: f"\ufeff{text}\r\n",
    lambda text: b"\xef\xbb\xbf" + text.encode(),
    lambda text: text.encode("utf-16"),
    lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    lambda text: f"Sure! {text} -- and that is all.",
    json.dumps,
    lambda text: json.dumps(text, ensure_ascii=False),
    lambda text: json.dumps(json.dumps(text)),
    lambda text: _fenced(json.dumps(text)),
    lambda text: f"[{text}]",
    lambda text: f'{{"result": {text}}}',
    lambda text: f'{{"data": {{"answer": [{text}]}}}}',
    lambda text: json.dumps({"output": text}),
    lambda text: f"{text}\n{text}",
    lambda text: f"// what you asked for\n{text[:-1]}, /* the end */ }}",
    lambda text: f"<think>\n{_DRAFT}</think>\n\n{text}",
    lambda text: f"{_DRAFT}\n</think>\n```json\n{text}\n```",
    lambda text: f"[THINK]{_DRAFT}[/THINK]{text}",
    lambda text: (
        f"<|channel|>analysis<|message|>{_DRAFT}<|end|>"
        f"<|start|>assistant<|channel|>final<|message|>{text}"
    ),
    lambda text: json.dumps({"response": f"<think>{_DRAFT}</think>{text}", "done": True}),
    lambda text: str(json.loads(text)),
    lambda text: str([json.loads(text)]),
    repr,
    lambda text: repr(json.dumps(json.loads(text), indent=2)),
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(json.dumps(text))[1:-1],
    html.escape,
    lambda text: json.dumps(_title_case(json.loads(text))),
    lambda text: json.dumps(_camel_case(json.loads(text))),
    lambda text: json.dumps({"name": "create", "arguments": text}),
    lambda text: f'<tool_call>{{"name": "create", "arguments": {text}}}</tool_call>',
    lambda text: json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}),
    _curly,
]
