"""``mediagen retry``."""

import pytest

from tests.command_line import CommandLine
from tests.databases import Poet


def test_prompts_in_error_are_pending_again(shell: CommandLine, poet: Poet) -> None:
    """Their errors are cleared; the others that were named are refused with the reason."""
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


def test_a_rendering_prompt_is_refused_with_advice(shell: CommandLine, poet: Poet) -> None:
    """Its worker may be lost, in which case it is recovered without a retry."""
    processing = poet.write("{}", artifact_status="processing")
    refused = shell.run("retry", str(processing))
    assert refused.returncode == 1
    assert "it is processing; if its worker was lost, 'mediagen run'" in refused.stderr


def test_again_accepts_ready_prompts(shell: CommandLine, poet: Poet) -> None:
    """``--again`` requests another render of a ready prompt."""
    ready = poet.write("{}", artifact_status="ready")
    assert shell.json("retry", str(ready), "--again") == {"moved": [ready], "refused": {}}
    assert poet.status(ready) == ("pending", None)


def test_all_errors(shell: CommandLine, poet: Poet) -> None:
    """Every media prompt in error is retried, and nothing else."""
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
def test_ambiguous_arguments_are_refused(
    shell: CommandLine, poet: Poet, arguments: list[str]
) -> None:
    """Exit code 2, and nothing changes."""
    error = poet.write("{}", artifact_status="error")
    assert shell.run("retry", *arguments).returncode == 2
    assert poet.status(error)[0] == "error"


def test_cancelled_prompts_are_listed_separately(shell: CommandLine, poet: Poet) -> None:
    """In counts, lists and filters; ``retry --error`` leaves them alone."""
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


def test_pending_prompts_are_cancelled_by_filter(shell: CommandLine, poet: Poet) -> None:
    """They are chosen by kind, age and text; without a terminal, ``--yes`` is required."""
    old = poet.write('{"prompt": "a lighthouse"}', created_at="2020-01-06 00:00:00")
    new = poet.write('{"prompt": "a lighthouse"}', created_at="2099-01-06 00:00:00")
    other = poet.write('{"prompt": "a boat"}')
    refused = shell.run("cancel", "--pending", "--text", "lighthouse")
    assert (refused.returncode, poet.status(old)) == (2, ("pending", None))
    assert "2 prompts would be cancelled" in refused.stderr
    none = shell.json("cancel", "--pending", "--kind", "song", "--yes")
    assert none == {"cancelled": [], "refused": {}}
    chosen = ("--pending", "--text", "lighthouse", "--since", "2h", "--yes")
    assert shell.json("cancel", *chosen) == {"cancelled": [new], "refused": {}}
    assert shell.run("cancel", "--pending", "--since", "2010-01-01", "--yes").returncode == 0
    assert {poet.status(prompt_id)[0] for prompt_id in (old, other)} == {"error"}
    assert shell.run("cancel").returncode == 2
    assert shell.run("cancel", "--pending", "--since", "soon").returncode == 2
    listed = shell.run("list", "--utc").stdout
    assert "cancelled  a person cancelled this prompt" in listed
    assert "2099-01-06 00:00 UTC" in listed


def test_prompts_are_moved_and_submitted_with_a_priority(shell: CommandLine, poet: Poet) -> None:
    """Media Generator's own table decides the order; the shared column is set once."""
    ids = [poet.write('{"prompt": "a lake"}') for _ in range(3)]
    ready = poet.write("{}", artifact_status="ready")
    moved = shell.json("move", str(ids[2]), str(ready))
    assert moved == {"moved": [ids[2]], "refused": {str(ready): "it is ready"}}
    assert "is at the back" in shell.run("move", str(ids[0]), "--back").stdout
    added = shell.json("submit", "image", "--prompt", "a fox", "--priority", "9")["ids"]
    places = dict(poet.execute("SELECT prompt_id, priority FROM media_generator_priorities"))
    order = sorted([*ids, *added], key=lambda prompt_id: -places.get(prompt_id, 5))
    assert order == [ids[2], *added, ids[1], ids[0]]
    assert shell.run("move", str(ids[0]), "--back", "--priority", "3").returncode == 2
