"""The output of `mediagen config`, without secrets."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

from domain.brief import BRIEF_FIELDS
from domain.picture_size import SizeRule
from domain.prompt import Kind
from entrypoints.settings.loader import describe
from entrypoints.settings.redaction import display, excerpt
from entrypoints.settings.schema import field_names, keys
from tests.config_folder import ConfigFolder, make_config_folder

CANARY = "c4n4ry"
DOCUMENT = Path(__file__).parents[3] / "docs" / "configuration.md"


@pytest.fixture
def config(tmp_path: Path) -> ConfigFolder:
    """A folder with a configuration file."""
    return make_config_folder(tmp_path)


def test_every_key_has_a_row_with_value_and_source(config: ConfigFolder) -> None:
    """Argument mappings show the effective value of each field."""
    config.environ = {"MEDIA_GENERATOR_COMFYUI__QUEUE_SIZE": "3"}
    config.overrides = {"comfyui.grace_seconds": 1.5}
    tree = {"media": {"arguments": {"image": {"prompt": "--text4", "output": None}}}}
    rows = {row.key: row[1:] for row in describe(config.load(tree))}
    assert rows["comfyui.queue_size"] == (
        "3",
        "environment variable MEDIA_GENERATOR_COMFYUI__QUEUE_SIZE",
    )
    assert rows["comfyui.grace_seconds"] == ("1.5", "command line")
    assert rows["database.timeout"] == ("30", "default")
    assert rows["media.arguments.image.prompt"] == ("--text4", str(config.file))
    assert rows["media.arguments.image.output"] == ("null", str(config.file))
    assert rows["media.arguments.audio.lyrics"] == ("--lyrics", "default")
    assert {name for name, key in keys().items() if key.base is not dict} <= rows.keys()


@pytest.mark.parametrize(
    "host",
    [
        f"http://poet:{CANARY}@host:8188",
        f"http://{CANARY}@host",
        f"http://poet:{CANARY}/@{CANARY}@host",
        f"poet:{CANARY}@host:8188",
        f"http://host/?api_key={CANARY}",
        f"http://host/?a=1&Token={CANARY}",
    ],
)
def test_the_secret_in_an_address_is_hidden(config: ConfigFolder, host: str) -> None:
    """The rest of the address is useful, and stays."""
    loaded = config.load({"comfyui": {"host": host}})
    row = next(row for row in describe(loaded) if row.key == "comfyui.host")
    assert CANARY not in row.value
    assert "host" in row.value


def test_secrets_in_extra_arguments_are_hidden(config: ConfigFolder) -> None:
    """After "=" and under a telling name."""
    extras = [f"--api-key={CANARY}", "--token", CANARY, "--steps", "20"]
    loaded = config.load({"media": {"extra_arguments": {"image": extras}}})
    row = next(row for row in describe(loaded) if row.key == "media.extra_arguments.image")
    assert row.value == '["--api-key=***", "--token", "***", "--steps", "20"]'


def test_messages_hide_secrets_too(config: ConfigFolder) -> None:
    """A refused value is shown as carefully as an accepted one."""
    error = config.refuse({"comfyui": {"host": f"http://u:{CANARY}@h\0"}})
    assert CANARY not in str(error)
    assert CANARY not in repr(error)


@pytest.mark.parametrize("name", ["web.token", "hooks.signing_secret", "web.PASSWORD", "x.api_key"])
def test_values_under_a_telling_name_are_hidden(name: str) -> None:
    """For keys added later."""
    assert display(name, CANARY) == "***"
    assert CANARY not in excerpt(name, CANARY)


def test_a_song_key_is_no_secret() -> None:
    """The argument "key" of a song only sounds like one."""
    assert display("media.arguments.audio.key", "--key3") == "--key3"


def test_an_ordinary_address_and_path_are_shown_whole() -> None:
    """Hiding too much would not help."""
    assert display("comfyui.host", "http://127.0.0.1:8188") == "http://127.0.0.1:8188"
    assert display("database.path", "/data/a@b/x.db") == "/data/a@b/x.db"


def test_importing_the_settings_imports_no_adapter_and_nothing_slow() -> None:
    """Every command would pay for it."""
    code = "import sys, entrypoints.settings.loader; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603
    modules = {name.partition(".")[0] for name in run.stdout.split()}
    assert not modules & {"adapters", "platformdirs", "difflib", "returns", "shutil", "PIL", "av"}


def test_every_key_is_documented_with_its_default() -> None:
    """One row for each in the reference documentation."""
    rows = {
        line.split("|")[1].strip(" `"): line
        for line in DOCUMENT.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    }
    for name, key in keys().items():
        default = display(name, key.default)
        assert name in rows, f"{name} is missing in {DOCUMENT.name}"
        assert f"`{default}`" in rows[name] or (key.default is None and "none" in rows[name]), name


def test_every_field_of_a_brief_is_documented() -> None:
    """One row for each, with its default argument and whether the metadata include it."""
    found = re.findall(
        r"^\| (\w+) \| (pictures|songs|both) \| ?(.*?) ?\| ?(.*?) ?\| (.+) \|$",
        DOCUMENT.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    rows = {name: (of, argument.strip("`"), metadata) for name, of, argument, metadata, _ in found}
    assert len(rows) == len(found)
    expected = {}
    for kind, table in BRIEF_FIELDS.items():
        for field in table:
            of = {Kind.IMAGE: "pictures", Kind.AUDIO: "songs"}[kind]
            of = "both" if field.name in expected else of
            recorded = {"width": "measured", "height": "measured", "seed": "used"}.get(
                field.name, "yes" if field.recorded else ""
            )
            expected[field.name] = (of, field.argument, recorded)
    assert rows == expected


@pytest.mark.parametrize("kind", Kind)
def test_every_field_of_a_brief_can_be_mapped(kind: Kind) -> None:
    """To an argument of a script and to an input of a graph."""
    names = {field.name for field in BRIEF_FIELDS[kind]}
    own = {"prompt_id"}
    assert field_names(f"media.arguments.{kind.value}") == names | own | {
        "output",
        "queue_size",
        "comfyui_directory",
    }
    assert field_names(f"media.inputs.{kind.value}") == names | own | {"filename_prefix"}


def blocks() -> list[str]:
    """The JSON examples of the reference documentation."""
    return re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("block", blocks())
def test_every_example_of_the_documentation_loads(config: ConfigFolder, block: str) -> None:
    """A copied example works."""
    config.environ = {"HOME": "/home/poet", "COMFY_HOME": "/opt", "COMFYUI_PASSWORD": "x"}
    (config.folder / "comfyui.token").write_text("x")
    trustme.CA().cert_pem.write_to_path(config.folder / "gpu.pem")
    assert config.load(block).notes == ()


def test_the_documentation_has_the_seeds_file_and_three_mappings() -> None:
    """Otherwise the test above might check nothing."""
    text = "".join(blocks())
    assert "anthonys_musings.db" in text
    assert text.count('"arguments"') == 3


def test_the_settings_and_the_domain_limit_picture_sides_alike() -> None:
    """A side outside the domain's limits would be changed silently."""
    rule = SizeRule()
    for name in ("media.size.width", "media.size.height"):
        expected = keys()[name].expected
        assert f"from {rule.smallest} to {rule.largest}" in expected


def test_both_kinds_have_arguments_and_renderers() -> None:
    """Keys by kind are named as the domain names kinds; scripts are the seed's exception."""
    for group in ("media.renderer", "media.arguments", "media.extra_arguments"):
        assert {name for name in keys() if name.startswith(f"{group}.")} == {
            f"{group}.{kind.value}" for kind in Kind
        }
