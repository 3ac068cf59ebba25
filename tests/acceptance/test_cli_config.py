"""``mediagen config``, and the options that every command accepts."""

import json

from tests.command_line import CommandLine


def test_sources_by_priority(shell: CommandLine) -> None:
    """Option before environment before file before default, and each source is named."""
    file = shell.home / "media_generator_config.json"
    file.write_text('{"comfyui": {"queue_size": 2, "grace_seconds": 3, "timeout_seconds": 4}}')
    shell.environment = {
        "MEDIA_GENERATOR_COMFYUI__QUEUE_SIZE": "5",
        "MEDIA_GENERATOR_COMFYUI__GRACE_SECONDS": "6",
    }
    document = shell.json("config", "--set", "comfyui.queue_size=7")
    assert document["config_file"] == str(file)
    settings = document["settings"]
    assert settings["comfyui.queue_size"] == {"value": "7", "source": "command line"}
    assert settings["comfyui.grace_seconds"] == {
        "value": "6",
        "source": "environment variable MEDIA_GENERATOR_COMFYUI__GRACE_SECONDS",
    }
    assert settings["comfyui.timeout_seconds"] == {"value": "4", "source": str(file)}
    assert settings["comfyui.stall_seconds"]["source"] == "default"
    shown = shell.run("config").stdout
    assert str(file) in shown.splitlines()[0]
    assert "comfyui.queue_size" in shown


def test_secrets_are_hidden(shell: CommandLine) -> None:
    """A password in an address is not printed."""
    host = "comfyui.host=http://user:geheim@example.org"
    for more in ((), ("--json",)):
        shown = shell.run("config", "--set", host, *more).stdout
        assert "***@example.org" in shown
        assert "geheim" not in shown


def test_options_stand_before_or_after_the_command(shell: CommandLine) -> None:
    """Options may stand before or after the command; the later one counts."""
    before = shell.run("--database", "x.db", "--json", "config")
    after = shell.run("config", "--database", "x.db", "--json")
    assert before.stdout == after.stdout
    both = shell.run("--database", "y.db", "config", "--database", "x.db", "--json")
    assert both.stdout == before.stdout
    path = json.loads(before.stdout)["settings"]["database.path"]["value"]
    assert path == str(shell.home / "x.db")


def test_the_path_of_the_configuration_file(shell: CommandLine) -> None:
    """The path is printed even if the file is broken, since that is when it is needed."""
    assert shell.run("config", "--path").returncode == 1
    file = shell.home / "media_generator_config.json"
    file.write_text("{broken")
    assert shell.run("config", "--path").stdout == f"{file}\n"
    assert shell.run("config").returncode == 2
    assert shell.run("config", "--path", "--config", "other.json").stdout.endswith("/other.json\n")


def test_notes_go_to_standard_error(shell: CommandLine) -> None:
    """Another program's section is noted on standard error; standard output stays JSON."""
    (shell.home / "media_generator_config.json").write_text('{"ui": {}}')
    printed = shell.run("config", "--json")
    assert "ui" in printed.stderr
    assert json.loads(printed.stdout)["config_file"]
