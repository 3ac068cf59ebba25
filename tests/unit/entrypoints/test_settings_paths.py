"""From what people write to absolute paths."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from domain.kind import Kind
from entrypoints import settings
from entrypoints.settings import SettingsError
from tests.settings_places import Place, make_place

BOTH_SKETCHED = {"renderer": {"image": "sketch", "audio": "sketch"}}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A folder with a configuration file."""
    return make_place(tmp_path)


def test_relative_paths_of_the_file_start_from_its_folder(place: Place) -> None:
    """So that a file means the same wherever the command is run."""
    tree = {
        "database": {"path": "a.db"},
        "comfyui": {"python": "env/bin/python", "comfyui_directory": "ComfyUI"},
    }
    found = settings.locations(place.load(tree))
    assert found.database == place.folder / "a.db"
    assert found.output_root == place.folder / "ComfyUI/output/poets"
    assert found.installation is not None
    assert found.installation.interpreter == place.folder / "env/bin/python"
    assert found.installation.directory == place.folder / "ComfyUI"
    assert found.installation.scripts == {
        Kind.IMAGE: place.folder / "ComfyUI/poets_service/image_workflow.py",
        Kind.AUDIO: place.folder / "ComfyUI/poets_service/audio_workflow.py",
    }


def test_relative_paths_of_options_and_variables_start_from_the_working_folder(
    place: Place,
) -> None:
    """As with every other command."""
    place.overrides = {"database.path": "a.db"}
    place.environ = {"COMFYUI_DIR": "C", "MEDIA_GENERATOR_COMFYUI__PYTHON": "./python"}
    loaded = place.load()
    assert settings.database_path(loaded) == place.cwd / "a.db"
    assert settings.comfyui_directory(loaded) == place.cwd / "C"
    assert settings.interpreter(loaded) == place.cwd / "python"


def test_scripts_and_output_start_from_the_comfyui_directory_wherever_they_are_set(
    place: Place,
) -> None:
    """Contract, sections 4 and 6."""
    place.environ = {"MEDIA_GENERATOR_MEDIA__SCRIPTS__IMAGE": "my.py", "COMFYUI_DIR": "/c"}
    place.overrides = {"comfyui.output_directory": "out"}
    tree = {"media": {"scripts": {"music": "/elsewhere/song.py"}}}
    loaded = place.load(tree)
    assert settings.script(loaded, Kind.IMAGE) == Path("/c/my.py")
    assert settings.script(loaded, Kind.AUDIO) == Path("/elsewhere/song.py")
    assert settings.output_root(loaded) == Path("/c/out")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("~/x.db", "/home/poet/x.db"),
        ("~", "/home/poet"),
        ("$DATA/x.db", "/data/x.db"),
        ("${DATA}x.db", "/datax.db"),
        ("$DATA/$NAME.db", "/data/~.db"),
        ("/a/~/b", "/a/~/b"),
        ("/a/$$DATA", "/a/$DATA"),
        ("/a$/b", "/a$/b"),
        ("$SELF", "/$SELF"),
    ],
)
def test_home_and_variables_are_expanded_once(place: Place, written: str, meant: str) -> None:
    """What a variable holds is not expanded again."""
    place.environ = {"HOME": "/home/poet", "DATA": "/data", "NAME": "~", "SELF": "/$SELF"}
    loaded = place.load({"database": {"path": written}})
    assert settings.database_path(loaded) == Path(meant)


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("$NOT_SET/x", "the variable NOT_SET is not set"),
        ("${NOT_SET}", "the variable NOT_SET is not set"),
        ("/x/${}", "not set"),
        ("$EMPTY/x", "the variable EMPTY is not set, or empty"),
        ("~no_such_user_here/x", "~no_such_user_here"),
    ],
)
def test_what_cannot_be_expanded_is_an_error_that_names_it(
    place: Place, written: str, named: str
) -> None:
    """An empty variable would lead to a path below the root."""
    place.environ = {"EMPTY": ""}
    (problem,) = place.refuse({"comfyui": {"output_directory": written}}).problems
    assert named in problem.what
    assert problem.key == "comfyui.output_directory"


def test_a_bare_interpreter_is_looked_up_on_the_path(place: Place, tmp_path: Path) -> None:
    """A virtual environment's Python is a link, which must not be followed."""
    (tmp_path / "python9").symlink_to(sys.executable)
    loaded = place.load({"comfyui": {"python": "python9"}})
    assert settings.interpreter(loaded, search=str(tmp_path)) == tmp_path / "python9"
    with pytest.raises(SettingsError, match=r'comfyui\.python is "python9", and no folder on PATH'):
        settings.interpreter(loaded, search="/nowhere")


def test_all_keys_that_rendering_lacks_are_named_at_once(place: Place) -> None:
    """With the file to write them to."""
    with pytest.raises(SettingsError) as caught:
        settings.locations(place.load({}))
    assert {problem.key for problem in caught.value.problems} == {
        "database.path",
        "comfyui.python",
        "comfyui.comfyui_directory",
    }
    assert {problem.where for problem in caught.value.problems} == {str(place.file)}
    assert "MEDIA_GENERATOR_DATABASE__PATH" in str(caught.value)


def test_the_sketch_needs_no_comfyui(place: Place) -> None:
    """Only where a script renders are interpreter and directory wanted."""
    tree = {
        "database": {"path": "/x.db"},
        "comfyui": {"output_directory": "/out"},
        "media": BOTH_SKETCHED,
    }
    found = settings.locations(place.load(tree))
    assert (found.output_root, found.installation) == (Path("/out"), None)


def test_only_the_kinds_that_are_rendered_count(place: Place) -> None:
    """A script for songs may be missing while only pictures are made."""
    tree = {
        "database": {"path": "/x.db"},
        "comfyui": {"output_directory": "/out"},
        "media": {"renderer": {"image": "sketch"}},
    }
    loaded = place.load(tree)
    assert settings.locations(loaded, [Kind.IMAGE]).installation is None
    with pytest.raises(SettingsError, match=r"comfyui\.python is not set"):
        settings.locations(loaded)


def test_a_relative_output_root_without_comfyui_is_an_error_that_says_which_key(
    place: Place,
) -> None:
    """It must be known before anything is written."""
    loaded = place.load({"media": BOTH_SKETCHED})
    with pytest.raises(SettingsError, match=r"output_directory absolute") as caught:
        settings.output_root(loaded)
    assert caught.value.problems[0].key == "comfyui.comfyui_directory"


def test_arguments_are_the_seeds_with_the_given_ones_over_them(place: Place) -> None:
    """Order: the seed's first; null leaves one out (contract, section 3)."""
    image = {"seed": "--seed9", "prompt": "--text4", "queue_size": None}
    tree = {"media": {"arguments": {"image": image}, "extra_arguments": {"audio": ["-x"]}}}
    loaded = place.load(tree)
    assert list(settings.arguments(loaded, Kind.IMAGE).items()) == [
        ("prompt", "--text4"),
        ("negative_prompt", "--negative-prompt"),
        ("output", "--output"),
        ("seed", "--seed9"),
    ]
    assert settings.arguments(loaded, Kind.AUDIO)["lyrics"] == "--lyrics"
    assert settings.extra_arguments(loaded, Kind.AUDIO) == ("-x",)
    assert settings.extra_arguments(loaded, Kind.IMAGE) == ()
