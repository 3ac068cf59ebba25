"""Which values are accepted, and how others are refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from entrypoints.settings.redaction import display
from tests.config_folder import ConfigFolder, make_config_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def config(tmp_path: Path) -> ConfigFolder:
    """A folder with a configuration file."""
    return make_config_folder(tmp_path)


def nested(key: str, text: str) -> str:
    """A file that sets one dotted key to this JSON text."""
    names = key.split(".")
    return "".join(f'{{"{name}": ' for name in names) + text + "}" * len(names)


WRONG = [
    *(
        (key, text)
        for key in ("database.timeout", "comfyui.timeout_seconds", "media.size.megapixels")
        for text in ("0", "-1", "NaN", "Infinity", "-Infinity", "1e999", '"30"', "true", "null")
    ),
    ("database.timeout", "3600.5"),
    ("database.timeout", "9" * 400),
    ("comfyui.timeout_seconds", "2592001"),
    ("comfyui.stall_seconds", "-0.5"),
    ("comfyui.grace_seconds", "NaN"),
    *(("comfyui.queue_size", text) for text in ("0", "-3", "1.0", "true", '"1"', "1001", "null")),
    ("database.create_indexes", "1"),
    ("database.create_indexes", '"true"'),
    ("media.allow_unused_prompt.image", "null"),
    ("media.allow_unused_prompt", "true"),
    ("media.variants", '"first"'),
    ("media.variants", "1"),
    ("media.argument_style", '"\\ud800"'),
    ("media.renderer.image", '"servr"'),
    ("media.renderer.audio", '"Sketch"'),
    ("media.size.width", "255"),
    ("media.size.height", "4097"),
    ("media.size.multiple", "0"),
    ("media.limits.max_files", "0"),
    ("media.limits.max_bytes", "1e9"),
    ("media.limits.max_pixels", "-1"),
    ("media.limits.max_pixels", "9" * 400),
    ("media.extra_arguments.image", '"--steps 20"'),
    ("media.extra_arguments.image", '["--steps", 20]'),
    ("media.extra_arguments.image", '["\\u0000"]'),
    ("media.arguments.image", "[]"),
    *(
        (key, text)
        for key in (
            "database.path",
            "comfyui.python",
            "comfyui.comfyui_directory",
            "comfyui.output_directory",
            "comfyui.host",
            "media.scripts.image",
            "media.scripts.music",
        )
        for text in ('""', '"  "', '"a\\u0000b"', '"a\\ud800"', "7", "[]", "{}", "true")
    ),
]


@pytest.mark.parametrize(("key", "text"), WRONG)
def test_a_wrong_value_is_refused_with_file_key_and_expectation(
    config: ConfigFolder, key: str, text: str
) -> None:
    """Exactly one problem with the file, the key, the value and the expectation."""
    error = config.refuse(nested(key, text))
    (problem,) = error.problems
    assert (problem.where, problem.key) == (str(config.file), key)
    assert re.search(rf"{re.escape(key)} is .+, (but must be|which) ", problem.what)
    str(error).encode("utf-8")


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("database.timeout", "5"),
        ("database.timeout", "0.001"),
        ("database.timeout", "3600"),
        ("comfyui.stall_seconds", "0"),
        ("comfyui.grace_seconds", "0"),
        ("comfyui.queue_size", "1000"),
        ("comfyui.python", "null"),
        ("database.path", "null"),
        ("media.size.width", "256"),
        ("media.size.height", "null"),
        ("media.extra_arguments.audio", '["--title={title}", "--", "--cpu", ""]'),
        ("media.allow_unused_prompt.image", "true"),
        ("media.allow_unused_prompt.audio", "false"),
        ("media.variants", '"all"'),
        ("media.renderer.audio", '"sketch"'),
    ],
)
def test_values_at_the_limits_are_accepted(config: ConfigFolder, key: str, text: str) -> None:
    """Limits are inclusive where the documentation says so; whole numbers are numbers."""
    config.load(nested(key, text))


def test_a_number_in_quotes_is_explained(config: ConfigFolder) -> None:
    """The most common mistake gets the exact fix."""
    error = config.refuse({"comfyui": {"timeout_seconds": "30"}})
    assert str(error) == (
        f'{config.file}: comfyui.timeout_seconds is "30", but must be a number of seconds, '
        "more than 0 and at most 2592000. Write it without quotes."
    )


def test_a_value_out_of_bounds_is_refused_with_the_default(config: ConfigFolder) -> None:
    """Without a better idea, the default is best."""
    error = config.refuse({"comfyui": {"queue_size": 0}})
    assert str(error).endswith("Leave it out to use the default, 1.")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("media.arguments.image.promt", "--a", 'Did you mean "prompt"?'),
        ("media.arguments.image.lyrics", "--a", "Known here: "),
        ("media.arguments.audio.width", "--a", "Known here: "),
        ("media.arguments.image.prompt", "text4", "not the name of an argument"),
        ("media.arguments.image.prompt", "--text4=x", "not the name of an argument"),
        ("media.arguments.image.prompt", "--", "not the name of an argument"),
        ("media.arguments.image.prompt", "---x", "not the name of an argument"),
        ("media.arguments.image.prompt", "--a b", "not the name of an argument"),
        ("media.arguments.image.prompt", "", "is empty"),
        ("media.arguments.image.prompt", 4, "must be an argument name"),
        (
            "media.extra_arguments.image",
            ["{outptu}"],
            "{outptu}, which is not a field of a picture",
        ),
        ("media.extra_arguments.audio", ["--w={width}"], "{width}, which is not a field of a song"),
    ],
)
def test_a_wrong_argument_mapping_is_refused(
    config: ConfigFolder, key: str, value: object, message: str
) -> None:
    """Its fields and placeholders are those of the script adapter."""
    tree: object = value
    for name in reversed(key.split(".")):
        tree = {name: tree}
    (problem,) = config.refuse(tree).problems
    assert problem.key == key
    assert message in str(problem)


@pytest.mark.parametrize("root", ["/", "//", "/usr/..", "/./", "../../../../../../../../../.."])
def test_the_root_of_the_file_system_is_no_output_root(config: ConfigFolder, root: str) -> None:
    """Contract: files of other programs are never touched, so a separate folder is required."""
    error = config.refuse(
        {"comfyui": {"comfyui_directory": "/opt/ComfyUI", "output_directory": root}}
    )
    assert [problem.key for problem in error.problems] == ["comfyui.output_directory"]
    assert "root of the file system" in str(error)


def test_a_link_to_the_root_of_the_file_system_is_refused(config: ConfigFolder) -> None:
    """The name alone does not show it."""
    link = config.folder / "link"
    link.symlink_to("/")
    assert "root of the file" in str(config.refuse({"comfyui": {"output_directory": str(link)}}))


def test_messages_hold_no_control_characters(config: ConfigFolder) -> None:
    """A key may contain them, and a terminal would obey them."""
    error = config.refuse({"database": {"\x1b[2J\ud800\u202e": 1}})
    assert str(error).isprintable()


def test_a_long_value_is_cut_in_messages(config: ConfigFolder) -> None:
    """Whole prompts or keys do not belong in an error message."""
    assert len(str(config.refuse({"media": {"variants": "x" * 10_000}}))) < 500


def test_environments_of_slots_are_objects_of_texts(config: ConfigFolder) -> None:
    """An invalid variable is refused by its key; secrets are not shown."""
    wanted = [{"CUDA_VISIBLE_DEVICES": "0"}, {"HF_TOKEN": "hush"}]
    loaded = config.load({"workers": {"environments": wanted}})
    assert list(loaded.settings.workers.environments) == wanted
    assert display("workers.environments", wanted) == (
        '[{"CUDA_VISIBLE_DEVICES": "0"}, {"HF_TOKEN": "***"}]'
    )
    for wrong in ([{"A": "b\0"}], [{"A": 1}], ["A=1"], {"A": "1"}):
        error = config.refuse({"workers": {"environments": wrong}})
        assert error.problems[0].key == "workers.environments"


def test_a_daemon_without_any_slot_is_refused(config: ConfigFolder) -> None:
    """It would wait for ever and render nothing."""
    error = config.refuse({"workers": {"shared": 0}})
    assert error.problems[0].key == "workers.shared"
    config.load({"workers": {"shared": 0, "audio": 1}})
