"""Services and settings for the tests of this folder."""

from collections.abc import Mapping
from pathlib import Path

from entrypoints.service.service_definition import ServiceDefinition
from entrypoints.settings.loader import LoadedSettings, load_settings

CONFIGURATION = '{"database": {"path": "%s"}}'
NASTY = (
    "/x y/%n $HOME ${A} ; 'a' \"b\"",
    ";",
    "",
    "back\\slash \\x41 \\",
    "ü\u00a0\u2028z \U0001f3b5",
    "<&]]>",
    "-",
    "#",
)


def service(
    *command: str, environment: Mapping[str, str] | None = None, name: str = "mediagen"
) -> ServiceDefinition:
    """A service that runs a command in a home with a space in its name."""
    return ServiceDefinition(
        name, command or ("/bin/true", "daemon"), environment or {}, Path("/home/a poet")
    )


def settings(
    home: Path, environ: Mapping[str, str], overrides: Mapping[str, str] | None = None
) -> LoadedSettings:
    """The settings in force in a folder."""
    return load_settings(overrides=overrides, environ=environ, cwd=home)
