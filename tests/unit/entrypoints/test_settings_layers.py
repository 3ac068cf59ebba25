"""Options override the environment, which overrides the file, which overrides defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrypoints.settings.errors import SettingsError
from entrypoints.settings.layers import Source
from tests.config_folder import ConfigFolder, make_config_folder


@pytest.fixture
def config(tmp_path: Path) -> ConfigFolder:
    """A folder with a configuration file."""
    return make_config_folder(tmp_path)


def test_each_layer_outranks_the_one_below(config: ConfigFolder) -> None:
    """Provenance names the layer that won."""
    name = "comfyui.queue_size"
    assert config.load({}).provenance[name] == Source("default")
    loaded = config.load({"comfyui": {"queue_size": 2}})
    assert loaded.settings.comfyui.queue_size == 2
    assert loaded.provenance[name] == Source("file", str(config.file))
    config.environ = {"MEDIA_GENERATOR_COMFYUI__QUEUE_SIZE": "3"}
    loaded = config.load()
    assert loaded.settings.comfyui.queue_size == 3
    assert loaded.provenance[name] == Source("environment", "MEDIA_GENERATOR_COMFYUI__QUEUE_SIZE")
    config.overrides = {name: 4}
    loaded = config.load()
    assert loaded.settings.comfyui.queue_size == 4
    assert loaded.provenance[name] == Source("option", name)


def test_the_variables_of_other_programs_rank_below_ours_and_above_the_file(
    config: ConfigFolder,
) -> None:
    """Contract, section 6."""
    tree = {"database": {"path": "/file.db"}, "comfyui": {"comfyui_directory": "/file"}}
    config.environ = {"MUSINGS_DB_PATH": "/theirs.db", "COMFYUI_DIR": "/theirs"}
    settings = config.load(tree).settings
    assert (settings.database.path, settings.comfyui.comfyui_directory) == (
        "/theirs.db",
        "/theirs",
    )
    config.environ["MEDIA_GENERATOR_DATABASE__PATH"] = "/ours.db"
    config.environ["MEDIA_GENERATOR_COMFYUI__COMFYUI_DIRECTORY"] = "/ours"
    settings = config.load().settings
    assert (settings.database.path, settings.comfyui.comfyui_directory) == ("/ours.db", "/ours")


def test_an_empty_variable_counts_as_not_set(config: ConfigFolder) -> None:
    """Compose files and shells set variables to nothing."""
    config.environ = {
        "MEDIA_GENERATOR_DATABASE__PATH": "",
        "MUSINGS_DB_PATH": "",
        "MEDIA_GENERATOR_NONSENSE": "",
    }
    loaded = config.load({"database": {"path": "/file.db"}})
    assert loaded.settings.database.path == "/file.db"
    assert loaded.notes == ()


def test_an_option_that_was_not_given_changes_nothing(config: ConfigFolder) -> None:
    """Click passes None."""
    config.overrides = {"database.path": None}
    assert config.load({"database": {"path": "/file.db"}}).settings.database.path == "/file.db"


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("DATABASE__TIMEOUT", "2.5", 2.5),
        ("DATABASE__TIMEOUT", " 7 ", 7.0),
        ("DATABASE__TIMEOUT", "1e2", 100.0),
        ("COMFYUI__QUEUE_SIZE", "12", 12),
        ("DATABASE__CREATE_INDEXES", "false", False),
        ("DATABASE__CREATE_INDEXES", "0", False),
        ("DATABASE__CREATE_INDEXES", "No", False),
        ("DATABASE__CREATE_INDEXES", "YES", True),
        ("DATABASE__CREATE_INDEXES", "1", True),
        ("MEDIA__SCRIPTS__IMAGE", "a/b.py", "a/b.py"),
        ("MEDIA__RENDERER__AUDIO", "sketch", "sketch"),
        ("MEDIA__SIZE__WIDTH", "512", 512),
        ("MEDIA__SIZE__WIDTH", "null", None),
        ("MEDIA__EXTRA_ARGUMENTS__AUDIO", '["--", "-x"]', ("--", "-x")),
        ("MEDIA__ARGUMENTS__AUDIO", '{"seed": "--seed9", "tags": null}', None),
    ],
)
def test_text_is_read_as_the_keys_type(
    config: ConfigFolder, variable: str, text: str, value: object
) -> None:
    """From the environment and from an option alike."""
    name = variable.lower().replace("__", ".")
    config.environ = {f"MEDIA_GENERATOR_{variable}": text}
    by_environment = config.load({}).settings
    config.environ, config.overrides = {}, {name: text}
    assert config.load().settings == by_environment
    found: object = by_environment
    for part in name.split("."):
        found = getattr(found, part)
    if variable == "MEDIA__ARGUMENTS__AUDIO":
        assert found == {"seed": "--seed9", "tags": None}
    else:
        assert found == value
        assert type(found) is type(value)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("DATABASE__TIMEOUT", "nan"),
        ("DATABASE__TIMEOUT", "inf"),
        ("DATABASE__TIMEOUT", "1_0"),
        ("DATABASE__TIMEOUT", "30 s"),
        ("COMFYUI__QUEUE_SIZE", "0"),
        ("COMFYUI__QUEUE_SIZE", "1.5"),
        ("COMFYUI__QUEUE_SIZE", "true"),
        ("COMFYUI__QUEUE_SIZE", "9" * 5000),
        ("COMFYUI__QUEUE_SIZE", "٣"),
        ("DATABASE__CREATE_INDEXES", "maybe"),
        ("DATABASE__CREATE_INDEXES", "2"),
        ("COMFYUI__HOST", " "),
        ("MEDIA__EXTRA_ARGUMENTS__AUDIO", "--x"),
        ("MEDIA__EXTRA_ARGUMENTS__AUDIO", "[" * 100_000),
        ("MEDIA__ARGUMENTS__AUDIO", "{"),
        ("MEDIA__ARGUMENTS__AUDIO", "[]"),
        ("MEDIA__ARGUMENTS__AUDIO", '{"tags": "--a", "tags": "--b"}'),
        ("MEDIA__ARGUMENTS__AUDIO__TAGS", "tags"),
        ("MEDIA__ARGUMENTS__AUDIO__WIDTH", "--width"),
        ("MEDIA__SCRIPTS", "x.py"),
    ],
)
def test_a_wrong_variable_is_named(config: ConfigFolder, variable: str, text: str) -> None:
    """The message names the variable to fix, not a file."""
    config.environ = {f"MEDIA_GENERATOR_{variable}": text}
    (problem,) = config.refuse().problems
    assert problem.where == f"environment variable MEDIA_GENERATOR_{variable}"


@pytest.mark.parametrize(
    ("variable", "fix"),
    [
        ("DATABASE__PTAH", "MEDIA_GENERATOR_DATABASE__PATH"),
        ("DATABASE_PATH", "MEDIA_GENERATOR_DATABASE__PATH"),
        ("DATABSE__PATH", "MEDIA_GENERATOR_DATABASE__PATH"),
        ("database__path", "MEDIA_GENERATOR_DATABASE__PATH"),
        ("MEDIA__RENDERER_AUDIO", "MEDIA_GENERATOR_MEDIA__RENDERER__AUDIO"),
        ("WEB__HEALTH_PROT", "MEDIA_GENERATOR_WEB__HEALTH_PORT"),
        ("DATABASE", "MEDIA_GENERATOR_DATABASE__"),
    ],
)
def test_an_unknown_prefixed_variable_is_an_error_with_a_suggestion(
    config: ConfigFolder, variable: str, fix: str
) -> None:
    """A misspelt variable would otherwise be ignored silently."""
    config.environ = {f"MEDIA_GENERATOR_{variable}": "x"}
    (problem,) = config.refuse().problems
    assert fix in problem.fix


def test_an_unknown_variable_unlike_ours_gets_a_note(config: ConfigFolder) -> None:
    """Other tools may borrow the prefix; the variable with the file's path is known."""
    config.environ = {"MEDIA_GENERATOR_BACKUP_TARGET": "x", "MEDIA_GENERATOR_CONFIG": "x"}
    (note,) = config.load().notes
    assert "MEDIA_GENERATOR_BACKUP_TARGET" in note


def test_an_unknown_option_is_an_error_with_a_suggestion(config: ConfigFolder) -> None:
    """Programs that accept dotted names need not check them."""
    config.overrides = {"database.pth": "x", "x.y": 1}
    first, second = config.refuse().problems
    assert str(first) == (
        'command line: "database.pth" is not a known setting. Did you mean "database.path"?'
    )
    assert second.key == "x.y"


def test_argument_mappings_merge_entry_by_entry(config: ConfigFolder) -> None:
    """A part outranks the whole within the environment, and null is a value."""
    config.environ = {
        "MEDIA_GENERATOR_MEDIA__ARGUMENTS__IMAGE": '{"seed": "--seed9", "width": "--width6"}',
        "MEDIA_GENERATOR_MEDIA__ARGUMENTS__IMAGE__WIDTH": "null",
    }
    config.overrides = {"media.arguments.image.height": "--height7"}
    tree = {"media": {"arguments": {"image": {"prompt": "--text4", "seed": "--seed1"}}}}
    loaded = config.load(tree)
    assert loaded.settings.media.arguments.image == {
        "prompt": "--text4",
        "seed": "--seed9",
        "width": None,
        "height": "--height7",
    }
    sources = {name: source.kind for name, source in loaded.provenance.items()}
    assert sources["media.arguments.image.prompt"] == "file"
    assert sources["media.arguments.image.seed"] == "environment"
    assert sources["media.arguments.image.height"] == "option"


def test_a_wrong_value_that_is_overridden_does_not_matter(config: ConfigFolder) -> None:
    """An option is the way around a file that cannot be changed at the moment."""
    config.overrides = {"database.path": "/x.db", "comfyui.queue_size": 1}
    tree = {"database": {"path": "$NOT_THERE/x"}, "comfyui": {"queue_size": 0}}
    assert config.load(tree).settings.database.path == "/x.db"


def test_provenance_covers_every_key(config: ConfigFolder) -> None:
    """`mediagen config` shows the source of each."""
    provenance = config.load({}).provenance
    assert provenance["media.limits.max_files"] == Source("default")
    assert {source.kind for source in provenance.values()} == {"default"}


def test_a_path_object_is_a_value_like_its_text(config: ConfigFolder) -> None:
    """Click's path options hand one on."""
    config.overrides = {"database.path": Path("x.db")}
    assert config.load().settings.database.path == str(config.cwd / "x.db")


def test_the_error_is_one_line_for_one_problem(config: ConfigFolder) -> None:
    """And has its problems as a list."""
    config.overrides = {"comfyui.queue_size": 0}
    with pytest.raises(SettingsError) as caught:
        config.load()
    assert "\n" not in str(caught.value)
    assert caught.value.problems[0].key == "comfyui.queue_size"
