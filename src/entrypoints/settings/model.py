"""Every setting there is: its section, type, bounds, default and what it expects in words.

A new key is one line here and one row in ``docs/configuration.md``; file, environment and
options, checks, suggestions and ``mediagen config`` follow from it.
"""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct, field

MONTH = 2_592_000  # seconds; far beyond any render, far below what a wait can take
OWN = {"path": "own"}  # relative to the configuration file's folder, or to the working folder
PROGRAM = {"path": "program"}  # like OWN with a slash in it, looked up on PATH without
COMFYUI = {"path": "comfyui"}  # relative to the ComfyUI directory
WITH_VARIABLES = {"variables": True}  # $VAR and ${VAR} stand for what the environment holds

RendererName: TypeAlias = Literal["script", "sketch", "server"]
RendererChoice: TypeAlias = Annotated[
    RendererName, Meta(description='"script", "sketch" or "server"')
]
ScriptPath: TypeAlias = Annotated[str, Meta(description="a path of a script", extra=COMFYUI)]
ArgumentNames: TypeAlias = Annotated[
    dict[str, str | None], Meta(description='an object such as {"prompt": "--text4"}')
]
NodeInputs: TypeAlias = Annotated[
    dict[str, str | tuple[str, ...] | None],
    Meta(description='an object such as {"prompt": "6.text"}'),
]
WorkflowPath: TypeAlias = Annotated[
    str | None, Meta(description="a path of a workflow in API format, or null", extra=OWN)
]
ExtraArguments: TypeAlias = Annotated[
    tuple[str, ...], Meta(description='a list of strings such as ["--steps", "20"]')
]
SlotCount: TypeAlias = Annotated[int, Meta(ge=0, le=64, description="a whole number from 0 to 64")]
Side: TypeAlias = Annotated[
    Annotated[int, Meta(ge=256, le=4096)] | None,
    Meta(description="a whole number of pixels from 256 to 4096, or null"),
]


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """A group of keys, written as an object."""


class Database(Section, frozen=True):
    """The shared SQLite database."""

    path: Annotated[
        str | None, Meta(description="a path of the SQLite database file", extra=OWN)
    ] = None
    timeout: Annotated[
        float,
        Meta(gt=0, le=3600, description="a number of seconds, more than 0 and at most 3600"),
    ] = 30.0
    create_indexes: Annotated[bool, Meta(description="true or false")] = True
    list_indexes: Annotated[bool, Meta(description="true or false")] = False
    retention_days: Annotated[
        float, Meta(ge=0, le=36_500, description="a number of days from 0 (for ever) to 36500")
    ] = 90.0


class ComfyUI(Section, frozen=True):
    """The installation that runs the workflow scripts, and the limits that they run under."""

    python: Annotated[
        str | None, Meta(description="a path of a Python interpreter", extra=PROGRAM)
    ] = None
    comfyui_directory: Annotated[
        str | None, Meta(description="a path of the ComfyUI directory", extra=OWN)
    ] = None
    output_directory: Annotated[str, Meta(description="a path of a folder", extra=COMFYUI)] = (
        "output/poets"
    )
    host: Annotated[str, Meta(description='an address such as "http://127.0.0.1:8188"')] = (
        "http://127.0.0.1:8188"
    )
    hosts: Annotated[
        tuple[str | dict[str, str | int | tuple[str, ...]], ...],
        Meta(
            description=(
                "a list of addresses, or of objects such as"
                ' [{"url": "http://gpu1:8188", "slots": 1, "kinds": ["image"]}]'
            )
        ),
    ] = ()
    unreachable_seconds: Annotated[
        float, Meta(ge=0, le=MONTH, description=f"a number of seconds from 0 to {MONTH}")
    ] = 30.0
    free_memory: Annotated[bool, Meta(description="true or false")] = False
    timeout_seconds: Annotated[
        float,
        Meta(gt=0, le=MONTH, description=f"a number of seconds, more than 0 and at most {MONTH}"),
    ] = 900.0
    stall_seconds: Annotated[
        float,
        Meta(ge=0, le=MONTH, description=f"a number of seconds from 0 (never) to {MONTH}"),
    ] = 600.0
    grace_seconds: Annotated[
        float, Meta(ge=0, le=3600, description="a number of seconds from 0 to 3600")
    ] = 5.0
    queue_size: Annotated[int, Meta(ge=1, le=1000, description="a whole number from 1 to 1000")] = 1


class Scripts(Section, frozen=True):
    """The workflow scripts; the seed calls the one for audio "music"."""

    image: ScriptPath = "poets_service/image_workflow.py"
    music: ScriptPath = "poets_service/audio_workflow.py"


class Renderer(Section, frozen=True):
    """What renders each kind."""

    image: RendererChoice = "script"
    audio: RendererChoice = "script"


class Arguments(Section, frozen=True):
    """Names of script arguments for the fields of a brief, over the seed's default names."""

    image: ArgumentNames = field(default_factory=dict)
    audio: ArgumentNames = field(default_factory=dict)


class Extras(Section, frozen=True):
    """Fixed arguments behind the others; ``{field}`` stands for a field's value."""

    image: ExtraArguments = ()
    audio: ExtraArguments = ()


class Workflows(Section, frozen=True):
    """The graphs that a ComfyUI server renders, as its menu exports them (API format)."""

    image: WorkflowPath = None
    audio: WorkflowPath = None


class Inputs(Section, frozen=True):
    """Inputs of nodes for the fields of a brief, over those that the graph itself suggests."""

    image: NodeInputs = field(default_factory=dict)
    audio: NodeInputs = field(default_factory=dict)


class Size(Section, frozen=True):
    """How large pictures are asked for."""

    megapixels: Annotated[
        float, Meta(gt=0, le=16, description="a number of megapixels, more than 0 and at most 16")
    ] = 1.0
    multiple: Annotated[
        int, Meta(ge=1, le=1024, description="a whole number of pixels from 1 to 1024")
    ] = 64
    width: Side = None
    height: Side = None


class Limits(Section, frozen=True):
    """What one render may leave behind."""

    max_files: Annotated[
        int, Meta(ge=1, le=10**6, description="a whole number from 1 to 1000000")
    ] = 500
    max_bytes: Annotated[
        int, Meta(ge=1, le=2**50, description=f"a whole number of bytes from 1 to {2**50}")
    ] = 2 * 1024**3
    max_pixels: Annotated[
        int, Meta(ge=1, le=10**12, description=f"a whole number of pixels from 1 to {10**12}")
    ] = 100_000_000
    min_free_bytes: Annotated[
        int, Meta(ge=0, le=2**60, description=f"a whole number of bytes from 0 to {2**60}")
    ] = 256 * 1024**2


class Media(Section, frozen=True):
    """How briefs become media."""

    scripts: Scripts = Scripts()
    renderer: Renderer = Renderer()
    arguments: Arguments = field(default_factory=Arguments)
    extra_arguments: Extras = Extras()
    workflows: Workflows = Workflows()
    inputs: Inputs = field(default_factory=Inputs)
    argument_style: Annotated[
        Literal["equals", "separate"], Meta(description='"equals" or "separate"')
    ] = "equals"
    variants: Annotated[Literal["last", "all"], Meta(description='"last" or "all"')] = "last"
    size: Size = Size()
    limits: Limits = Limits()


class Retry(Section, frozen=True):
    """How often a prompt is tried whose failure may pass by itself."""

    max_attempts: Annotated[
        int, Meta(ge=1, le=1000, description="a whole number from 1 to 1000")
    ] = 3
    base_seconds: Annotated[
        float, Meta(ge=0, le=86_400, description="a number of seconds from 0 to 86400")
    ] = 10.0
    max_crashes: Annotated[
        int, Meta(ge=1, le=1000, description="a whole number from 1 to 1000")
    ] = 10
    probe_seconds: Annotated[
        float, Meta(ge=1, le=86_400, description="a number of seconds from 1 to 86400")
    ] = 30.0


class Workers(Section, frozen=True):
    """How many prompts the daemon renders at the same time."""

    image: SlotCount = 0
    audio: SlotCount = 0
    shared: Annotated[
        Annotated[int, Meta(ge=0, le=64)] | None,
        Meta(description="a whole number from 0 to 64, or null"),
    ] = None
    environments: Annotated[
        tuple[dict[str, str], ...],
        Meta(description='a list of objects such as [{"CUDA_VISIBLE_DEVICES": "0"}]'),
    ] = ()
    order: Annotated[Literal["oldest", "priority"], Meta(description='"oldest" or "priority"')] = (
        "oldest"
    )


class Web(Section, frozen=True):
    """What is served over HTTP."""

    host: Annotated[str, Meta(description='an address such as "127.0.0.1"')] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=65535, description="a port from 1 to 65535, or 0 for any that is free")
    ] = 5000
    token: Annotated[
        str | None,
        Meta(
            description="a secret of 12 or more ASCII characters without spaces, or null",
            extra=WITH_VARIABLES,
        ),
    ] = None
    legacy_shapes: Annotated[bool, Meta(description="true or false")] = False
    threads: Annotated[int, Meta(ge=1, le=64, description="a whole number from 1 to 64")] = 8
    thumbnails_max_bytes: Annotated[
        int, Meta(ge=0, le=2**50, description=f"a whole number of bytes from 0 to {2**50}")
    ] = 512 * 1024**2
    health_host: Annotated[str, Meta(description='an address such as "127.0.0.1"')] = "127.0.0.1"
    health_port: Annotated[
        Annotated[int, Meta(ge=0, le=65535)] | None,
        Meta(description="a port from 1 to 65535, 0 for any that is free, or null for none"),
    ] = None


class Hook(Section, frozen=True):
    """What is told when a prompt ended."""

    command: Annotated[
        tuple[str, ...], Meta(description='a list of strings such as ["notify-send", "ready"]')
    ] = ()
    webhook: Annotated[
        str | None, Meta(description='an address such as "http://localhost:9000/ready", or null')
    ] = None


class Hooks(Section, frozen=True):
    """Commands and webhooks that are told when a prompt ended."""

    published: Hook = Hook()
    error: Hook = Hook()
    secret: Annotated[
        str | None,
        Meta(description="a text that webhooks are signed with, or null", extra=WITH_VARIABLES),
    ] = None
    timeout_seconds: Annotated[
        float, Meta(gt=0, le=3600, description="a number of seconds, more than 0, at most 3600")
    ] = 10.0
    max_attempts: Annotated[
        int, Meta(ge=1, le=1000, description="a whole number from 1 to 1000")
    ] = 12
    base_seconds: Annotated[
        float, Meta(ge=0, le=86_400, description="a number of seconds from 0 to 86400")
    ] = 5.0


class Logging(Section, frozen=True):
    """What the daemon says, and where."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description='"debug", "info", "warning" or "error"'),
    ] = "info"
    format: Annotated[
        Literal["auto", "human", "json"], Meta(description='"auto", "human" or "json"')
    ] = "auto"
    file: Annotated[str | None, Meta(description="a path of a log file, or null", extra=OWN)] = None
    max_bytes: Annotated[
        int, Meta(ge=4096, le=2**40, description=f"a whole number of bytes from 4096 to {2**40}")
    ] = 10 * 1024**2
    backups: Annotated[int, Meta(ge=0, le=1000, description="a whole number from 0 to 1000")] = 5
    workflow_bytes: Annotated[
        int, Meta(ge=4096, le=2**30, description=f"a whole number of bytes from 4096 to {2**30}")
    ] = 256 * 1024


class Paths(Section, frozen=True):
    """Where things that are ours alone are kept."""

    state: Annotated[str | None, Meta(description="a path of a folder, or null", extra=OWN)] = None


class Settings(Section, frozen=True):
    """All sections. Paths in ``OWN`` and ``PROGRAM`` keys are absolute once loaded."""

    database: Database = Database()
    comfyui: ComfyUI = ComfyUI()
    media: Media = field(default_factory=Media)
    retry: Retry = Retry()
    workers: Workers = field(default_factory=Workers)
    web: Web = Web()
    hooks: Hooks = Hooks()
    logging: Logging = Logging()
    paths: Paths = Paths()
