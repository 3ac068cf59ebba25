"""The closed family of failures: whose fault, what to do, and the messages."""

from __future__ import annotations

import re

import pytest

from domain.failure import Blame, Failure, FailureCode
from entrypoints.settings.schema import keys

# Written independently: whose fault each code is.
EXPECTED = {
    Blame.BRIEF: {
        "brief_missing",
        "brief_not_text",
        "brief_not_json",
        "brief_incomplete",
        "brief_unusable",
        "argument_too_long",
        "workflow_unknown",
        "brief_value",
        "input_picture",
    },
    Blame.RENDER: {
        "workflow_failed",
        "workflow_killed",
        "timed_out",
        "stalled",
        "no_files",
        "format_unsupported",
        "file_broken",
        "file_refused",
        "too_much_output",
        "job_interrupted",
        "worker_lost",
        "program_error",
    },
    Blame.ENVIRONMENT: {
        "interpreter_missing",
        "script_missing",
        "script_broken",
        "comfyui_missing",
        "comfyui_import",
        "arguments_rejected",
        "mapping_incomplete",
        "export_outdated",
        "gpu_unavailable",
        "too_many_open_files",
        "out_of_memory",
        "connection_refused",
        "server_unreachable",
        "server_lost",
        "server_stuck",
        "server_busy",
        "cluster_unusable",
        "workflow_unusable",
        "model_missing",
        "model_broken",
        "node_missing",
        "wrong_media",
        "graph_rejected",
        "output_root_missing",
        "output_not_writable",
        "disk_full",
        "storage_unreachable",
        "storage_refused",
        "storage_unsafe",
        "bucket_missing",
        "database_constraint",
    },
    Blame.PERSON: {"interrupted", "cancelled"},
}
HALTING = {
    "interpreter_missing",
    "script_broken",
    "script_missing",
    "comfyui_missing",
    "mapping_incomplete",
    "server_unreachable",
    "cluster_unusable",
    "workflow_unusable",
    "model_missing",
    "model_broken",
    "node_missing",
    "wrong_media",
    "export_outdated",
    "gpu_unavailable",
    "output_root_missing",
    "output_not_writable",
    "disk_full",
    "storage_unreachable",
    "storage_refused",
    "storage_unsafe",
    "bucket_missing",
}


PASSING = {
    "workflow_killed",
    "out_of_memory",
    "connection_refused",
    "job_interrupted",
    "server_lost",
    "server_stuck",
    "server_busy",
}


@pytest.mark.parametrize("code", FailureCode)
def test_every_code_has_a_blame_and_a_hint(code: FailureCode) -> None:
    """Every code that can be raised has instructions."""
    [blame] = [blame for blame, codes in EXPECTED.items() if code.value in codes]
    assert code.blame is blame
    assert code.halts == (code.value in HALTING)
    assert code.is_transient == (code.value in PASSING)
    assert re.fullmatch(r"[A-Z].*[.)]", code.hint), code.hint


def test_every_code_appears_once() -> None:
    """No two names for one code, and no code missing from the table above."""
    listed = [word for codes in EXPECTED.values() for word in codes]
    assert len(listed) == len(set(listed)) == len(FailureCode.__members__)
    assert set(listed) == {code.value for code in FailureCode}
    assert all(name.lower() == code.value for name, code in FailureCode.__members__.items())


def test_only_environment_failures_halt_the_queue() -> None:
    """A failure that affects every prompt is never one prompt's own fault."""
    assert {code.blame for code in FailureCode if code.halts} == {Blame.ENVIRONMENT}


def test_preflight_failures_halt_the_queue() -> None:
    """Preflight runs before every claim, so its failures affect every prompt."""
    assert all(code.halts for code in FailureCode if code.found_by_preflight)


@pytest.mark.parametrize("code", FailureCode)
def test_hints_name_settings_that_exist(code: FailureCode) -> None:
    """No hint sends a user to a key that the configuration would refuse."""
    for name in re.findall(r"\b(?:comfyui|media|database)\.\w+(?:\.\w+)*", code.hint):
        if name.endswith(".py"):
            continue
        assert any(key == name or key.startswith(f"{name}.") for key in keys()), name


def test_the_known_errors_have_their_own_codes() -> None:
    """Each error that the contract lists (section 7) is distinct."""
    troubles = {
        FailureCode.COMFYUI_IMPORT,
        FailureCode.OUT_OF_MEMORY,
        FailureCode.TIMED_OUT,
        FailureCode.INTERPRETER_MISSING,
        FailureCode.SCRIPT_MISSING,
        FailureCode.NO_FILES,
    }
    assert len({code.hint for code in troubles}) == 6


def test_an_explanation_holds_code_message_detail_and_hint() -> None:
    """One line each: code, message, output of the workflow, and hint."""
    failure = Failure(FailureCode.TIMED_OUT, "it ran for 900 s", "Traceback:\n  boom")
    assert failure.explain().splitlines() == [
        "timed_out: it ran for 900 s",
        "Traceback:",
        "  boom",
        f"Hint: {FailureCode.TIMED_OUT.hint}",
    ]


def test_an_explanation_without_detail_has_no_empty_line() -> None:
    """A missing detail leaves no gap."""
    failure = Failure(FailureCode.NO_FILES, "the folder is empty")
    lines = failure.explain().splitlines()
    assert lines == ["no_files: the folder is empty", f"Hint: {failure.hint}"]
    assert failure.blame is Blame.RENDER


def test_a_summary_keeps_the_output_apart_from_the_message() -> None:
    """Messages may be logged, output may not."""
    failure = Failure(FailureCode.WORKFLOW_FAILED, "x.py ended", "Traceback", "KeyError: 'a'")
    assert failure.summary == "x.py ended: KeyError: 'a'"
    assert failure.explain().startswith("workflow_failed: x.py ended: KeyError: 'a'\nTraceback\n")
    assert Failure(FailureCode.WORKFLOW_FAILED, "x.py ended").summary == "x.py ended"
