"""No message contains text of the brief."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.comfyui_graph.graph import Target
from adapters.comfyui_server.client import Submission
from adapters.comfyui_server.error_mapping import ErrorMapper, Redactor
from domain.failure import Blame, FailureCode
from tests.unit.adapters.comfyui_graph.graphs import node


def test_text_of_the_brief_is_removed() -> None:
    """As a whole, line by line, and in Python's notation."""
    clean = Redactor(["a lake,\nat 'dawn'", "fog"]).redact
    assert clean("bad: a lake,\nat 'dawn'!") == "bad: …!"
    assert clean("bad: a lake, here") == "bad: … here"
    assert clean(f"bad: {'a lake,' + chr(10) + 'at'!r}") == r"bad: '…\nat'"
    assert clean("fog of war") == "fog of war"  # too short to hide


@given(st.text(min_size=4).filter(lambda text: "…" not in text), st.text(), st.text())
def test_no_part_of_a_text_stays(text: str, before: str, behind: str) -> None:
    """Wherever it appears."""
    assert text not in Redactor([text]).redact(f"{before}…{text}…{behind}".replace("…", "\0"))


def test_a_picture_that_the_brief_leaves_out_is_no_fault_of_the_workflow() -> None:
    """Nor is the queue stopped for it; a picture that the workflow always loads is its own."""
    graph = {"5": node("LoadImageMask", image="example.png", channel="red")}
    error = {  # as ComfyUI 0.33.0 writes it
        "type": "custom_validation_failed",
        "message": "Custom validation failed for node",
        "details": "image - Invalid image file: example.png",
        "extra_info": {"input_name": "image"},
    }
    body = {"node_errors": {"5": {"errors": [error], "class_type": "LoadImageMask"}}}
    submission = Submission(400, "", body)
    left_out = {Target("5", "image"): "mask"}
    failure = ErrorMapper("gpu", graph, (), left_out).rejected(submission)
    assert (failure.code, failure.blame) == (FailureCode.INPUT_PICTURE, Blame.BRIEF)
    assert "names no 'mask'" in failure.message
    assert "'example.png'" in failure.message
    own = ErrorMapper("gpu", graph, ()).rejected(submission)
    assert own.code is FailureCode.GRAPH_REJECTED
