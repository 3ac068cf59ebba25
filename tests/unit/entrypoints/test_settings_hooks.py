"""Which hooks are accepted, and how others are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from entrypoints.settings.redaction import display
from entrypoints.settings.resolution import subscriptions
from tests.config_folder import ConfigFolder, make_config_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def config(tmp_path: Path) -> ConfigFolder:
    """A folder with a configuration file."""
    return make_config_folder(tmp_path)


def _hooks(**hooks: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a file can hold
    return {"hooks": hooks}


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:9000/ready",
        "https://example.org",
        "HTTPS://example.org/a%20b?c=d",
        "http://[::1]:9000/",
        "http://127.0.0.1",
    ],
)
def test_addresses_are_accepted(config: ConfigFolder, address: str) -> None:
    """Plain and encrypted, with and without a port."""
    loaded = config.load(_hooks(error={"webhook": address}))
    assert loaded.settings.hooks.error.webhook == address


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("localhost:9000/ready", "http://"),
        ("ftp://example.org/", "http://"),
        ("file:///etc/passwd", "http://"),
        ("/ready", "http://"),
        ("http://", "no host"),
        ("http:///ready", "no host"),
        ("http://:9000/ready", "no host"),
        ("http://localhost:99999/", "not an address"),
        ("http://localhost:port/", "not an address"),
        ("http://localhost:0/", "port 0"),
        ("http://[::1/", "not an address"),
        (f"http://{'a' * 64}.org/", "not an address"),
        ("http://me:hush@example.org/", "user name"),
        ("http://example.org/a b", "spaces"),
        ("http://example.org/\tb", "spaces"),
        ("http://exämple.org/", "ASCII"),
    ],
)
def test_an_invalid_address_is_refused(config: ConfigFolder, address: str, word: str) -> None:
    """With the problem and an example, but without the address."""
    [problem] = config.refuse(_hooks(published={"webhook": address})).problems
    assert problem.key == "hooks.published.webhook"
    assert word in problem.what
    assert "hush" not in problem.what
    assert "http://localhost:9000/ready" in problem.fix


@pytest.mark.parametrize("command", [[""], ["  ", "a"]])
def test_a_command_needs_a_program(config: ConfigFolder, command: list[str]) -> None:
    """Arguments may be empty, the program may not."""
    [problem] = config.refuse(_hooks(error={"command": command})).problems
    assert problem.key == "hooks.error.command"
    assert "empty" in problem.what
    loaded = config.load(_hooks(error={"command": ["announce", ""]}))
    assert loaded.settings.hooks.error.command == ("announce", "")


def test_a_secret_can_be_named_by_its_variable(config: ConfigFolder) -> None:
    """It need not be in the file; and it is never shown."""
    shared = "~pass$word"
    config.environ["HOOK_KEY"] = shared
    loaded = config.load({"hooks": {"secret": "${HOOK_KEY}"}})
    assert loaded.settings.hooks.secret == shared
    assert display("hooks.secret", loaded.settings.hooks.secret) == "***"
    written = config.load({"hooks": {"secret": shared.replace("$", "$$")}})
    assert written.settings.hooks.secret == shared


def test_a_variable_that_is_not_set_is_no_secret(config: ConfigFolder) -> None:
    """No secret is better than one that is publicly known."""
    [problem] = config.refuse({"hooks": {"secret": "${HOOK_KEY}"}}).problems
    assert "HOOK_KEY is not set" in problem.what
    assert config.refuse({"hooks": {"secret": " "}}).problems


@pytest.mark.parametrize("key", ["secret", "previous_secret"])
def test_a_secret_in_the_standard_form_needs_a_key(config: ConfigFolder, key: str) -> None:
    """The message names the setting, and does not quote the secret."""
    secrets = {"secret": "current", key: "whsec_hush hush"}
    [problem] = config.refuse(_hooks(**secrets)).problems
    assert problem.key == f"hooks.{key}"
    assert "not base64" in problem.what
    assert "hush" not in str(problem)
    assert display(f"hooks.{key}", "hush") == "***"


def test_a_previous_secret_needs_a_current_one(config: ConfigFolder) -> None:
    """Otherwise the old one alone would sign nothing."""
    [problem] = config.refuse({"hooks": {"previous_secret": "hush"}}).problems
    assert problem.key == "hooks.previous_secret"
    assert "hooks.secret is not" in problem.what
    assert "hush" not in str(problem)
    both = {"secret": "new", "previous_secret": "old"}
    hooks = config.load({"hooks": both}).settings.hooks
    assert (hooks.secret, hooks.previous_secret) == tuple(both.values())


def test_hooks_follow_from_the_settings(config: ConfigFolder) -> None:
    """Each combination of event and transport is separate; there are none by default."""
    assert subscriptions(config.load({})) == ()
    loaded = config.load(
        _hooks(published={"command": ["a"], "webhook": "http://b/"}, error={"webhook": "http://c"})
    )
    found = [(each.event.value, each.channel.value) for each in subscriptions(loaded)]
    assert found == [("published", "command"), ("published", "webhook"), ("error", "webhook")]
