"""Options over environment over file over defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrypoints.settings.errors import SettingsError
from entrypoints.settings.layers import Source
from tests.settings_places import Place, make_place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A folder with a configuration file."""
    return make_place(tmp_path)


def test_each_layer_outranks_the_one_below(place: Place) -> None:
    """Provenance names the layer that won."""
    name = "comfyui.queue_size"
    assert place.load({}).provenance[name] == Source("default")
    loaded = place.load({"comfyui": {"queue_size": 2}})
    assert loaded.settings.comfyui.queue_size == 2
    assert loaded.provenance[name] == Source("file", str(place.file))
    place.environ = {"MEDIA_GENERATOR_COMFYUI__QUEUE_SIZE": "3"}
    loaded = place.load()
    assert loaded.settings.comfyui.queue_size == 3
    assert loaded.provenance[name] == Source("environment", "MEDIA_GENERATOR_COMFYUI__QUEUE_SIZE")
    place.overrides = {name: 4}
    loaded = place.load()
    assert loaded.settings.comfyui.queue_size == 4
    assert loaded.provenance[name] == Source("option", name)


def test_the_variables_of_other_programs_rank_below_ours_and_above_the_file(place: Place) -> None:
    """Contract, section 6."""
    tree = {"database": {"path": "/file.db"}, "comfyui": {"comfyui_directory": "/file"}}
    place.environ = {"MUSINGS_DB_PATH": "/theirs.db", "COMFYUI_DIR": "/theirs"}
    settings = place.load(tree).settings
    assert (settings.database.path, settings.comfyui.comfyui_directory) == (
        "/theirs.db",
        "/theirs",
    )
    place.environ["MEDIA_GENERATOR_DATABASE__PATH"] = "/ours.db"
    place.environ["MEDIA_GENERATOR_COMFYUI__COMFYUI_DIRECTORY"] = "/ours"
    settings = place.load().settings
    assert (settings.database.path, settings.comfyui.comfyui_directory) == ("/ours.db", "/ours")


def test_an_empty_variable_counts_as_not_set(place: Place) -> None:
    """Compose files and shells set variables to nothing."""
    place.environ = {
        "MEDIA_GENERATOR_DATABASE__PATH": "",
        "MUSINGS_DB_PATH": "",
        "MEDIA_GENERATOR_NONSENSE": "",
    }
    loaded = place.load({"database": {"path": "/file.db"}})
    assert loaded.settings.database.path == "/file.db"
    assert loaded.notes == ()


def test_an_option_that_was_not_given_changes_nothing(place: Place) -> None:
    """Click hands on None."""
    place.overrides = {"database.path": None}
    assert place.load({"database": {"path": "/file.db"}}).settings.database.path == "/file.db"


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
    place: Place, variable: str, text: str, value: object
) -> None:
    """From the environment and from an option alike."""
    name = variable.lower().replace("__", ".")
    place.environ = {f"MEDIA_GENERATOR_{variable}": text}
    by_environment = place.load({}).settings
    place.environ, place.overrides = {}, {name: text}
    assert place.load().settings == by_environment
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
def test_a_wrong_variable_is_named(place: Place, variable: str, text: str) -> None:
    """The message says which variable must be mended, not which file."""
    place.environ = {f"MEDIA_GENERATOR_{variable}": text}
    (problem,) = place.refuse().problems
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
def test_an_unknown_variable_of_ours_is_an_error_with_a_suggestion(
    place: Place, variable: str, fix: str
) -> None:
    """A misspelt variable would otherwise be lost without a word."""
    place.environ = {f"MEDIA_GENERATOR_{variable}": "x"}
    (problem,) = place.refuse().problems
    assert fix in problem.fix


def test_a_variable_that_is_like_none_of_ours_gets_a_note(place: Place) -> None:
    """Other tools may borrow the prefix; the variable with the file's path is known."""
    place.environ = {"MEDIA_GENERATOR_BACKUP_TARGET": "x", "MEDIA_GENERATOR_CONFIG": "x"}
    (note,) = place.load().notes
    assert "MEDIA_GENERATOR_BACKUP_TARGET" in note


def test_an_unknown_option_is_an_error_with_a_suggestion(place: Place) -> None:
    """Whoever lets people write dotted names need not check them."""
    place.overrides = {"database.pth": "x", "x.y": 1}
    first, second = place.refuse().problems
    assert str(first) == (
        'command line: "database.pth" is not a known setting. Did you mean "database.path"?'
    )
    assert second.key == "x.y"


def test_argument_mappings_merge_entry_by_entry(place: Place) -> None:
    """A part outranks the whole within the environment, and null is a value."""
    place.environ = {
        "MEDIA_GENERATOR_MEDIA__ARGUMENTS__IMAGE": '{"seed": "--seed9", "width": "--width6"}',
        "MEDIA_GENERATOR_MEDIA__ARGUMENTS__IMAGE__WIDTH": "null",
    }
    place.overrides = {"media.arguments.image.height": "--height7"}
    tree = {"media": {"arguments": {"image": {"prompt": "--text4", "seed": "--seed1"}}}}
    loaded = place.load(tree)
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


def test_a_wrong_value_that_is_overridden_does_not_matter(place: Place) -> None:
    """An option is the way around a file that cannot be changed just now."""
    place.overrides = {"database.path": "/x.db", "comfyui.queue_size": 1}
    tree = {"database": {"path": "$NOT_THERE/x"}, "comfyui": {"queue_size": 0}}
    assert place.load(tree).settings.database.path == "/x.db"


def test_provenance_covers_every_key(place: Place) -> None:
    """`mediagen config` says of each where it comes from."""
    provenance = place.load({}).provenance
    assert provenance["media.limits.max_files"] == Source("default")
    assert {source.kind for source in provenance.values()} == {"default"}


def test_a_path_object_is_a_value_like_its_text(place: Place) -> None:
    """Click's path options hand one on."""
    place.overrides = {"database.path": Path("x.db")}
    assert place.load().settings.database.path == str(place.cwd / "x.db")


def test_the_error_is_one_line_for_one_problem(place: Place) -> None:
    """And holds its problems for those who want them one by one."""
    place.overrides = {"comfyui.queue_size": 0}
    with pytest.raises(SettingsError) as caught:
        place.load()
    assert "\n" not in str(caught.value)
    assert caught.value.problems[0].key == "comfyui.queue_size"
