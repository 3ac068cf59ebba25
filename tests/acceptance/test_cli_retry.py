"""``mediagen retry``."""

import pytest

from tests.command_line import CommandLine
from tests.databases import Poet


def test_prompts_in_error_are_pending_again(shell: CommandLine, poet: Poet) -> None:
    """Their errors are forgotten; others that were named are refused with the reason."""
    error = poet.write("{}", artifact_status="error")
    ready = poet.write("{}", artifact_status="ready")
    poet.execute("UPDATE prompts SET error_message = 'why' WHERE id = ?", (error,))
    moved = shell.run("retry", str(error), str(ready), "99")
    assert moved.returncode == 1
    assert f"prompt {error} is pending again" in moved.stdout
    assert f"prompt {ready} was not requeued: it is ready; use --again" in moved.stderr
    assert "prompt 99 was not requeued: there is no such prompt" in moved.stderr
    assert poet.status(error) == ("pending", None)
    assert poet.status(ready) == ("ready", None)


def test_what_is_being_rendered_is_refused_with_advice(shell: CommandLine, poet: Poet) -> None:
    """Its worker may be lost: then it is picked up without a retry."""
    processing = poet.write("{}", artifact_status="processing")
    refused = shell.run("retry", str(processing))
    assert refused.returncode == 1
    assert "it is processing; if its worker was lost, 'mediagen run'" in refused.stderr


def test_again_takes_what_is_ready(shell: CommandLine, poet: Poet) -> None:
    """A person may want another render."""
    ready = poet.write("{}", artifact_status="ready")
    assert shell.json("retry", str(ready), "--again") == {"moved": [ready], "refused": {}}
    assert poet.status(ready) == ("pending", None)


def test_all_errors(shell: CommandLine, poet: Poet) -> None:
    """Every prompt of ours in error, and nothing else."""
    errors = [poet.write("{}", artifact_status="error") for _ in range(3)]
    other = poet.write("{}", artifact_status="error", prompt_type="poetry")
    assert shell.json("retry", "--all-errors") == {"moved": errors, "refused": {}}
    assert poet.status(other)[0] == "error"
    nothing = shell.run("retry", "--all-errors")
    assert nothing.returncode == 0
    assert "no prompts are in error" in nothing.stderr


@pytest.mark.parametrize(
    "arguments", [[], ["1", "--all-errors"], ["--all-errors", "--again"], ["one"], ["9" * 30]]
)
def test_what_is_ambiguous_is_refused(shell: CommandLine, poet: Poet, arguments: list[str]) -> None:
    """Exit code 2, and nothing moves."""
    error = poet.write("{}", artifact_status="error")
    assert shell.run("retry", *arguments).returncode == 2
    assert poet.status(error)[0] == "error"


def test_what_a_person_cancelled_is_told_apart(shell: CommandLine, poet: Poet) -> None:
    """In counts, lists and filters; and it is not retried with all the others."""
    cancelled = poet.write("{}")
    failed = poet.write("{}", artifact_status="error")
    shell.run("cancel", str(cancelled))
    counts = shell.json("status")["counts"]["image"]
    assert (counts["error"], counts["cancelled"]) == (1, 1)
    for status, listed in (("error", failed), ("cancelled", cancelled)):
        [prompt] = shell.json("list", "--status", status)["prompts"]
        assert (prompt["id"], prompt["artifact_status"]) == (listed, "error")
        assert prompt["cancelled"] is (status == "cancelled")
    assert "cancelled" in shell.run("list").stdout
    assert shell.json("retry", "--all-errors") == {"moved": [failed], "refused": {}}
    assert shell.json("retry", str(cancelled)) == {"moved": [cancelled], "refused": {}}
