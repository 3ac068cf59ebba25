"""Where the value of an input is written: behind nodes that hold it, pass it on or build it.

Where no single input holds it, the value itself takes the place of the first link.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from adapters.comfyui_graph.graph import Target, link_of, links_of, named, title_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from adapters.comfyui_graph.graph import Graph

MAX_HOPS: Final = 32
"""Nodes in a row that are followed; a circle ends here too."""

# What nodes that only hold a value call it (PrimitiveString, PrimitiveInt, and custom nodes).
_VALUE_NAMES: Final = (
    *("value", "text", "string", "prompt", "int", "float", "number", "seed"),
    "default",  # of nodes that stand for a parameter of a program
)
# Inputs for what holds model, conditionings and latent at once, and whatever a node does not set.
CARRIERS: Final = (
    *("base_ctx", "ctx", "context", "pipe", "basic_pipe", "detailer_pipe", "pipe_in", "opt_pipe"),
    *("sdxl_tuple", "ctx_01", "ctx_02", "ctx_03", "ctx_04", "ctx_05"),
)
_CONTEXT: Final = re.compile(r"context|pipe", re.IGNORECASE)
_IF_ELSE: Final = "ComfySwitchNode"
_FIRST_OF: Final = re.compile(r"(?:any|ctx)_\d+\Z")  # rgthree's switches: the first that is there
# Numbers beside the one that a node holds.
_BOUNDS: Final = frozenset({"min", "max", "step", "round", "decimals", "precision"})
_NUMERAL: Final = re.compile(r"\s*[+-]?\d+(?:\.\d+)?\s*\Z")


@dataclass(frozen=True, slots=True)
class ValueSource:
    """Where a value is written.

    Attributes:
        target: the input, or None when it cannot be made out.
        route: words about the nodes in between, or "".
        dead_end: why there is no target, or "".
        notes: what a person should know about the text that results.
    """

    target: Target | None
    route: str = ""
    dead_end: str = ""
    notes: tuple[str, ...] = ()


def is_switch(graph: Graph, node_id: str) -> bool:
    """Whether a node hands on one of several inputs."""
    node = graph[node_id]
    inputs = node["inputs"]
    return node["class_type"] == _IF_ELSE or (len(inputs) > 1 and all(map(_FIRST_OF.match, inputs)))


def forwarded_input(graph: Graph, node_id: str) -> str | None:
    """The input that a node hands on unchanged; None where it does more, or may do more."""
    inputs = graph[node_id]["inputs"]
    if graph[node_id]["class_type"] == _IF_ELSE:
        chosen = _constant(graph, node_id, "switch")
        return None if chosen is None else "on_true" if chosen else "on_false"
    if is_switch(graph, node_id):
        return min(links_of(graph, node_id), default=None)
    return next(iter(inputs)) if len(inputs) == 1 else None


def _constant(graph: Graph, node_id: str, name: str) -> bool | None:
    """The truth value that an input has for every job, or None."""
    for _ in range(MAX_HOPS):
        value = graph[node_id]["inputs"].get(name)
        link = link_of(value)
        if link is None:
            return value if isinstance(value, bool) else None
        if link.node_id not in graph or len(graph[link.node_id]["inputs"]) != 1:
            return None
        node_id, name = link.node_id, next(iter(graph[link.node_id]["inputs"]))
    return None


def trace_value(graph: Graph, node_id: str, name: str, *, number: bool) -> ValueSource:
    """Follow an input's links to the one input that holds its value.

    Args:
        graph: the nodes of any workflow.
        node_id: the node that takes the value.
        name: its input.
        number: whether the value is a number; a name or a choice otherwise.

    Returns:
        That input. Where several make the value, or none holds one, the first input itself, whose
        link a value may replace.
    """
    target = first = Target(node_id, name)
    for _ in range(MAX_HOPS):
        value = graph[target.node_id]["inputs"].get(target.input)
        link = link_of(value)
        if link is None:
            if target == first:
                return _own_value(first, value)
            if not _is_value(value, number=number):
                return _replaced(graph, first)
            return ValueSource(target, f", written in {named(graph, target.node_id)}")
        if link.node_id not in graph:
            return ValueSource(None, dead_end=f"{first} is linked to a node that is not there")
        source_input = _value_input(graph, link.node_id, number=number)
        if source_input is None:
            source_input = _carried_input(graph, link.node_id, target.input, first.input)
        if source_input is None:
            return _replaced(graph, first)
        target = Target(link.node_id, source_input)
    return ValueSource(None, dead_end=f"{first} is linked in a circle")


def _carried_input(graph: Graph, node_id: str, *names: str) -> str | None:
    """The input of a context that sets one of these, or that brings another context."""
    if not _CONTEXT.search(_type(graph, node_id)):
        return None
    inputs = graph[node_id]["inputs"]
    return next((name for name in (*names, *CARRIERS) if name in inputs), None)


def _own_value(target: Target, value: object) -> ValueSource:
    # A text where a number belongs is a placeholder of another program.
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ValueSource(None, dead_end=f"{target} holds neither text nor a number")
    return ValueSource(target)


def _is_value(value: object, *, number: bool) -> bool:
    if isinstance(value, str):
        return not number or bool(_NUMERAL.match(value))
    return isinstance(value, int | float) and not isinstance(value, bool)


def _replaced(graph: Graph, first: Target) -> ValueSource:
    """The value in place of a link."""
    return ValueSource(first, f", in place of the value from {_linked(graph, first)}")


def _linked(graph: Graph, target: Target) -> str:
    link = link_of(graph[target.node_id]["inputs"][target.input])
    return named(graph, link.node_id) if link else str(target)


def _value_input(graph: Graph, node_id: str, *, number: bool) -> str | None:
    """The input of a node that does nothing but hold or pass on one value."""
    inputs = graph[node_id]["inputs"]
    if forwarded := forwarded_input(graph, node_id):
        return forwarded
    if links_of(graph, node_id) or is_switch(graph, node_id):
        return None
    known = [name for name in _VALUE_NAMES if name in inputs]
    texts = [name for name, value in inputs.items() if isinstance(value, str)]
    if not known or (len(texts) > 1 and "default" not in known):
        return None
    amounts = {name for name in inputs if name != known[0] and _is_amount(inputs[name])}
    return None if number and amounts - _BOUNDS else known[0]


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# --- Texts ---------------------------------------------------------------------------------------

_WORD: Final = re.compile(r"[a-z]+|[^\x00-\x7f]+")
# Words in the names of inputs that hold text of a prompt.
_TEXTUAL: Final = frozenset(
    (
        *("text", "texts", "string", "strings", "str", "prompt", "prompts", "value", "values"),
        *("wildcard", "populated", "default", "caption", "lyrics", "tags", "description"),
        *("content", "words", "positive", "negative", "pos", "neg", "input", "source", "replace"),
        *("any", "anything", "on"),
    )
)
# Words in the names of inputs that steer how a text is built.
_STEERING: Final = frozenset(
    (
        *(
            "delimiter",
            "delim",
            "separator",
            "find",
            "search",
            "regex",
            "pattern",
            "mode",
            "action",
        ),
        *("system", "instruction", "instructions", "template", "title", "label", "name", "type"),
        *("format", "prefix", "suffix", "style", "language", "key", "path", "file", "filename"),
        *("folder", "font", "color", "select", "tidy", "exclude", "index", "seed", "count"),
        *("length", "option", "options", "node", "id", "encoding", "switch"),
    )
)
_SEEN: Final = ("image", "images", "pixels", "video", "frames", "audio")
_MACHINERY: Final = frozenset(
    ("clip", "model", "vae", "latent", "samples", "lora", "conditioning", "control")
)
_REWRITES: Final = re.compile(
    r"generat|llm|gpt|gemini|claude|ollama|chat|enhanc|rewrit|expand", re.IGNORECASE
)
_LOADS: Final = re.compile(r"loader", re.IGNORECASE)
_EXTRACTS: Final = re.compile(r"json|extract", re.IGNORECASE)
_SHOWS: Final = re.compile(r"show|preview|display", re.IGNORECASE)
_FLAGS: Final = frozenset(
    ("yes", "no", "true", "false", "on", "off", "none", "auto", "enable", "disable", "fixed")
)
# An instruction to a language model, not a description of a picture.
_INSTRUCTION: Final = re.compile(
    r"\s*(?:<[^>]*>\s*)?(?:\[[^\]]*\]\s*)?you are an?\b", re.IGNORECASE
)
_LORAS_ONLY: Final = re.compile(r"\s*(?:<(?:lora|lyco):[^>]*>[\s,]*)+\Z", re.IGNORECASE)
# What titles of nodes say about the text in them.
_FIXED_TITLE: Final = re.compile(
    r"\b(?:system|instructions?|template|trigger|styles?|lora|quality|prefix|suffix|artists?)\b",
    re.IGNORECASE,
)
_USERS_TITLE: Final = re.compile(r"\buser\b", re.IGNORECASE)
_STYLE: Final = re.compile(r"\bstyles?\b", re.IGNORECASE)
_OPPOSITE_TITLE: Final = {
    "positive": re.compile(r"\bneg(?:ative)?\b", re.IGNORECASE),
    "negative": re.compile(r"\bpos(?:itive)?\b", re.IGNORECASE),
}
_MAX_FIXED_WORDS: Final = 3
_MAX_INPUTS: Final = 250  # that are looked at for one text
_MIN_RATIO: Final = 2  # of the number of words in a prompt to that of fixed words beside it
_SIDE: Final = re.compile(r"(?:^|[_ ])(pos|neg)(?:itive|ative)?(?![a-z])")
_SIDES: Final[Mapping[str, str]] = {"pos": "positive", "neg": "negative"}
_SIGNS: Final[Mapping[str, str]] = {"+": "positive", "-": "negative"}


def side_named(name: str) -> str:
    """The side of a sampler that a name speaks of, "positive" or "negative"; or ""."""
    match = _SIDE.search(name.lower())
    if match:
        return "" if name.startswith("model") else _SIDES[match[1]]
    # Efficiency nodes call their outputs CONDITIONING+ and CONDITIONING-.
    return _SIGNS.get(name[-1:], "")


@dataclass(slots=True)
class _Texts:
    """The texts that an input's value is built from; all of these in the order of finding.

    Attributes:
        written: where they are written.
        unknown: nodes that make up a text in some other way: from a picture, say.
        adding: nodes that add words of their own to what they are given.
        rewriting: nodes in which a language model rewrites the text.
        holes: links to nodes that are not there, and circles.
    """

    written: dict[Target, str] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)
    adding: dict[str, None] = field(default_factory=dict)
    rewriting: dict[str, None] = field(default_factory=dict)
    holes: dict[str, None] = field(default_factory=dict)

    def add(self, other: _Texts) -> None:
        """Take over what another one holds."""
        self.written |= other.written
        self.unknown |= other.unknown
        self.adding |= other.adding
        self.rewriting |= other.rewriting
        self.holes |= other.holes


def holds_text(graph: Graph, node_id: str, name: str) -> bool:
    """Whether an input holds words, or gets them from where words are written."""
    if isinstance(graph[node_id]["inputs"].get(name), str):
        return True
    texts = _texts(graph, Target(node_id, name), "", {})
    return any("encode" not in _type(graph, target.node_id).lower() for target in texts.written)


def trace_text(
    graph: Graph,
    node_id: str,
    name: str,
    side: str = "positive",
    shown: frozenset[Target] = frozenset(),
) -> ValueSource:
    """Follow an input's links to the one input that a person would write its text into.

    Words that are added on the way (a trigger word, a style, an instruction to a language model)
    stay, and a note says so. Where it cannot be known which of several texts that is, or where the
    text comes from a picture, the first input's link is replaced, and a note says that, too.

    Args:
        graph: the nodes of any workflow.
        node_id: the node that takes the text.
        name: its input.
        side: "positive" or "negative": what the text is used for.
        shown: the inputs that the workflow's author shows to users; the one among them counts.
    """
    first = Target(node_id, name)
    value = graph[node_id]["inputs"].get(name)
    if link_of(value) is None:
        return _own_value(first, value)
    texts = _texts(graph, first, side, {})
    if texts.holes and not texts.written and not texts.unknown:
        return ValueSource(None, dead_end=f"{first} {next(iter(texts.holes))}")
    written = {target: text for target, text in texts.written.items() if target in shown}
    if len(written) == 1:
        target: Target | None = next(iter(written))
    else:
        target = None if texts.unknown else _main_text(graph, texts.written, side)
    if target is None:
        note = f"{first} takes the text in place of what {_linked(graph, first)} puts together"
        return ValueSource(first, _replaced(graph, first).route, notes=(note,))
    notes = [
        f"{named(graph, adding)} adds words of its own to {target}"
        for adding in texts.adding
        if adding != target.node_id
    ]
    notes += [
        f"{other} stays as it is beside {target}, which takes the text"
        for other, text in texts.written.items()
        if other != target and text.strip()
    ]
    notes += [
        f"{named(graph, rewriting)} rewrites the text from {target}"
        for rewriting in texts.rewriting
    ]
    return ValueSource(target, f", written in {named(graph, target.node_id)}", notes=tuple(notes))


def _texts(graph: Graph, target: Target, side: str, known: dict[Target, _Texts]) -> _Texts:
    """What an input's value is built from.

    Args:
        graph: the nodes of any workflow.
        target: the input.
        side: "positive" or "negative"; "" for both.
        known: the answer for each input that was asked before; grows.
    """
    if target in known:
        return known[target]
    value = graph[target.node_id]["inputs"].get(target.input)
    link = link_of(value)
    if link is None:
        return _Texts({target: value} if isinstance(value, str) else {})
    if link.node_id not in graph:
        return _Texts(holes={"is linked to a node that is not there": None})
    if len(known) > _MAX_INPUTS:
        return _Texts(unknown={link.node_id: None})
    known[target] = _Texts(holes={"is linked in a circle": None})
    known[target] = _texts_of_node(graph, link.node_id, side, known)
    return known[target]


def _texts_of_node(graph: Graph, node_id: str, side: str, known: dict[Target, _Texts]) -> _Texts:
    """What the text that a node gives is built from."""
    class_type, inputs, itself = _type(graph, node_id), graph[node_id]["inputs"], {node_id: None}
    links, rewrites = links_of(graph, node_id), bool(_REWRITES.search(class_type))
    if any(name.startswith(_SEEN) for name in links):
        return _Texts(unknown=itself)
    loads = _LOADS.search(class_type) or any(_words(name) & _MACHINERY for name in links)
    if loads and not rewrites:
        return _Texts()  # conditionings, or the trigger words of a LoRA
    linked, constants = _content_inputs(graph, node_id, side)
    if not linked and (_EXTRACTS.search(class_type) or not inputs):
        # A fixed text that is chosen from a table; a preview of a value that is not there.
        is_fixed = constants or _SHOWS.search(class_type)
        return _Texts(unknown={} if is_fixed else itself)
    texts = _Texts()
    for name in linked:
        texts.add(_texts(graph, Target(node_id, name), side, known))
    own = {Target(node_id, name): str(inputs[name]) for name in constants}
    if texts.written or texts.unknown:
        if any(text.strip() for text in own.values()) and not _SHOWS.search(class_type):
            texts.adding |= itself
    elif own:
        texts.written |= own
    elif not linked and not texts.holes and not _is_number(graph, node_id):
        texts.unknown |= itself
    if rewrites and texts.written:
        texts.rewriting |= itself
    return texts


def _is_number(graph: Graph, node_id: str) -> bool:
    """Whether a node holds one number, or a truth value."""
    inputs = graph[node_id]["inputs"]
    return len(inputs) == 1 and all(isinstance(value, int | float) for value in inputs.values())


def _content_inputs(graph: Graph, node_id: str, side: str) -> tuple[list[str], list[str]]:
    """The inputs that a node builds its text from: those that are linked, and its own texts."""
    inputs = graph[node_id]["inputs"]
    if forwarded := forwarded_input(graph, node_id):
        names: Iterable[str] = (forwarded,)
    elif wildcards := wildcard_inputs(inputs):
        names = wildcards
    elif {"string", "find", "replace"} <= inputs.keys():
        names = _replacing(graph, node_id)
    else:
        names = _of_side(inputs, side)
    linked = [
        name
        for name in names
        if link_of(inputs[name]) and (name == forwarded or not _words(name) & _STEERING)
    ]
    constants = [name for name in names if is_content(name, inputs[name])]
    filled = [name for name in constants if str(inputs[name]).strip()]
    # Of inputs that are all blank, none is more the prompt's than another.
    return linked, filled or (constants if len(constants) == 1 else [])


def wildcard_inputs(inputs: Mapping[str, object]) -> tuple[str, ...]:
    """The input that the text of one of Impact Pack's nodes for wildcards comes from, if any.

    Wildcards are filled in before each job, unless the mode is "fixed".
    """
    if not {"wildcard_text", "populated_text"} <= inputs.keys():
        return ()
    fixed = inputs.get("mode") in {"fixed", "reproduce", False}
    return ("populated_text",) if fixed else ("wildcard_text",)


def _replacing(graph: Graph, node_id: str) -> tuple[str, ...]:
    """The inputs of StringReplace: a template and what fills it, or a prompt that it changes."""
    inputs = graph[node_id]["inputs"]
    template, find = inputs["string"], inputs["find"]
    if link_of(inputs["replace"]):
        return ("string", "replace") if link_of(template) else ("replace",)
    if isinstance(find, str) and find and find in str(template) and find[0] in "{[<%$_":
        return ("replace",)
    return ("string",)


def _of_side(inputs: Mapping[str, object], side: str) -> list[str]:
    """All inputs of a node; where it has texts of both sides, those of one."""
    sides = {
        name: side_named(name)
        for name in inputs
        if link_of(inputs[name]) or is_content(name, inputs[name])
    }
    if side and set(sides.values()) >= set(_SIDES.values()):
        return [name for name, its_side in sides.items() if its_side == side]
    return list(inputs)


def is_content(name: str, value: object) -> bool:
    """Whether an input holds text that may be a prompt, or part of one."""
    words = _words(name)
    return (
        isinstance(value, str)
        and bool(words & _TEXTUAL)
        and not words & _STEERING
        and value.strip().lower() not in _FLAGS
    )


def _words(name: str) -> frozenset[str]:
    return frozenset(_WORD.findall(name.lower()))


def _type(graph: Graph, node_id: str) -> str:
    return graph[node_id]["class_type"]


def _main_text(graph: Graph, written: Mapping[Target, str], side: str) -> Target | None:
    """The text among several that is the prompt; None where that cannot be known."""
    content = {
        target: text
        for target, text in written.items()
        if not _INSTRUCTION.match(text) and not _LORAS_ONLY.match(text)
    } or written
    if len(content) == 1:
        return next(iter(content))
    titles = {target: title_of(graph, target.node_id) for target in content}
    opposite = _OPPOSITE_TITLE.get(side)
    free = [
        target
        for target, title in titles.items()
        if (not _FIXED_TITLE.search(title) or _USERS_TITLE.search(title))
        and not (opposite and opposite.search(title))
    ]
    if len(free) == 1:
        return free[0]
    lengths = {target: len(content[target].split()) for target in free or content}
    longest = max(lengths, key=lambda target: lengths[target], default=None)
    shorter = [length for target, length in lengths.items() if target != longest]
    if longest is None or len(shorter) != 1 or _STYLE.search(content[longest]):
        return None
    fixed = shorter[0] <= _MAX_FIXED_WORDS and lengths[longest] > _MIN_RATIO * shorter[0]
    return longest if fixed else None
