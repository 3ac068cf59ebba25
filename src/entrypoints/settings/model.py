"""All settings: section, type, bounds, default, and a description of the expected value.

A new setting is one line here and one row in ``docs/configuration.md``. File, environment and
options, checks, suggestions and ``mediagen config`` follow from it.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct, field

from domain.prompt import Kind
from entrypoints.renderers import DEFAULT, names_for


def number(unit: str, low: int, high: int, zero: str = "") -> Meta:
    """Bounds of a number, both included; ``zero`` says what 0 means."""
    lowest = f"{low} ({zero})" if zero else f"{low}"
    return Meta(ge=low, le=high, description=f"a number of {unit} from {lowest} to {high}")


def positive(unit: str, high: int) -> Meta:
    """Bounds of a number that is more than 0 and at most ``high``."""
    return Meta(gt=0, le=high, description=f"a number of {unit}, more than 0 and at most {high}")


def whole(low: int, high: int, unit: str = "") -> Meta:
    """Bounds of a whole number, both included."""
    of_unit = f" of {unit}" if unit else ""
    return Meta(ge=low, le=high, description=f"a whole number{of_unit} from {low} to {high}")


MONTH = 2_592_000  # seconds; far beyond any render, far below what a wait can take
DAY = 86_400  # seconds
OWN = {"path": "own"}  # relative to the configuration file's folder, or to the working folder
PROGRAM = {"path": "program"}  # like OWN with a slash in it, looked up on PATH without
COMFYUI = {"path": "comfyui"}  # relative to the ComfyUI directory
WITH_VARIABLES = {"variables": True}  # $VAR and ${VAR} are replaced from the environment
SECRET = {"variables": True, "file": True}  # besides, "@path" stands for what a file holds
ADDRESS = Meta(description='an address such as "127.0.0.1"')

if TYPE_CHECKING:
    ImageRenderer: TypeAlias = str
    AudioRenderer: TypeAlias = str
else:
    ImageRenderer, AudioRenderer = (Literal[names_for(kind)] for kind in (Kind.IMAGE, Kind.AUDIO))
ScriptPath: TypeAlias = Annotated[str, Meta(description="the path of a script", extra=COMFYUI)]
ArgumentNames: TypeAlias = Annotated[
    dict[str, str | tuple[str, ...] | dict[str, Any] | None],
    Meta(description='"auto", or an object such as {"prompt": "--text4"}'),
]
NodeInputs: TypeAlias = Annotated[
    dict[str, str | tuple[str, ...] | dict[str, Any] | None],
    Meta(description='an object such as {"prompt": "6.text"}'),
]
WorkflowFiles: TypeAlias = Annotated[
    str | tuple[dict[str, Any], ...] | None,
    Meta(
        description=(
            "the path of a workflow in API format, a list of objects such as"
            ' [{"name": "anime", "file": "anime.json", "when": {"style": "anime"}}], or null'
        ),
        extra=OWN,
    ),
]
ExtraArguments: TypeAlias = Annotated[
    tuple[str, ...], Meta(description='a list of strings such as ["--steps", "20"]')
]
Side: TypeAlias = Annotated[
    Annotated[int, Meta(ge=256, le=4096)] | None,
    Meta(description="a whole number of pixels from 256 to 4096, or null"),
]


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """A group of settings, written as a JSON object."""


class Database(Section, frozen=True):
    """The shared database: a SQLite file, or PostgreSQL."""

    path: Annotated[
        str | None, Meta(description="the path of the SQLite database file", extra=OWN)
    ] = None
    url: Annotated[
        str | None,
        Meta(
            description='an address such as "postgresql://mediagen@db:5432/queue", or null',
            extra=WITH_VARIABLES,
        ),
    ] = None
    password: Annotated[
        str | None,
        Meta(description='"$VARIABLE", "@path" of a file that holds it, or null', extra=SECRET),
    ] = None
    sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] | None = (
        None
    )
    ca_file: Annotated[
        str | None, Meta(description="the path of a file of certificates, or null", extra=OWN)
    ] = None
    listen_url: Annotated[
        str | None,
        Meta(
            description='an address such as "postgresql://mediagen@db:5432/queue", or null',
            extra=WITH_VARIABLES,
        ),
    ] = None
    timeout: Annotated[float, positive("seconds", 3600)] = 30.0
    create_indexes: bool = True
    list_indexes: bool = False
    retention_days: Annotated[float, number("days", 0, 36_500, zero="for ever")] = 90.0


class ComfyUI(Section, frozen=True):
    """ComfyUI: its installation, its servers, and the limits of one render."""

    python: Annotated[
        str | None, Meta(description="the path of a Python interpreter", extra=PROGRAM)
    ] = None
    comfyui_directory: Annotated[
        str | None, Meta(description="the path of the ComfyUI directory", extra=OWN)
    ] = None
    output_directory: Annotated[str, Meta(description="the path of a folder", extra=COMFYUI)] = (
        "output/poets"
    )
    host: Annotated[str, Meta(description='an address such as "http://127.0.0.1:8188"')] = (
        "http://127.0.0.1:8188"
    )
    hosts: Annotated[
        tuple[str | dict[str, str | int | tuple[str, ...] | dict[str, str]], ...],
        Meta(
            description=(
                "a list of addresses, or of objects such as"
                ' [{"url": "http://gpu1:8188", "slots": 1, "kinds": ["image"]}]'
            )
        ),
    ] = ()
    unreachable_seconds: Annotated[float, number("seconds", 0, MONTH)] = 30.0
    preview_method: Literal["none", "auto", "latent2rgb", "taesd"] | None = None
    free_memory: bool = False
    timeout_seconds: Annotated[float, positive("seconds", MONTH)] = 900.0
    stall_seconds: Annotated[float, number("seconds", 0, MONTH, zero="never")] = 600.0
    grace_seconds: Annotated[float, number("seconds", 0, 3600)] = 5.0
    queue_size: Annotated[int, whole(1, 1000)] = 1


class Scripts(Section, frozen=True):
    """The workflow scripts; the one for audio is called "music"."""

    image: ScriptPath = "poets_service/image_workflow.py"
    music: ScriptPath = "poets_service/audio_workflow.py"


class Renderer(Section, frozen=True):
    """The renderer of each kind."""

    image: ImageRenderer = DEFAULT
    audio: AudioRenderer = DEFAULT


class Arguments(Section, frozen=True):
    """Names of script arguments for the fields of a brief.

    They replace the default names, and those that are worked out for an export.
    """

    image: ArgumentNames = field(default_factory=dict)
    audio: ArgumentNames = field(default_factory=dict)


class Extras(Section, frozen=True):
    """Fixed arguments behind the others; ``{field}`` stands for a field's value."""

    image: ExtraArguments = ()
    audio: ExtraArguments = ()


class Workflows(Section, frozen=True):
    """The graphs that a ComfyUI server renders (API format), or named workflows with rules."""

    image: WorkflowFiles = None
    audio: WorkflowFiles = None


class Inputs(Section, frozen=True):
    """Inputs of nodes for the fields of a brief; they replace those that mediagen works out."""

    image: NodeInputs = field(default_factory=dict)
    audio: NodeInputs = field(default_factory=dict)


class UnusedPrompt(Section, frozen=True):
    """Whether a script may render without being given the prompt (of a song: the lyrics)."""

    image: bool = False
    audio: bool = False


class Warm(Section, frozen=True):
    """Whether exports run in a process that keeps ComfyUI and its models, and how long it lives."""

    image: Literal["auto", "off"] = "auto"
    audio: Literal["auto", "off"] = "auto"
    ahead: Literal["auto", "on", "off"] = "auto"
    max_prompts: Annotated[int, whole(1, 10**6)] = 200
    max_memory_bytes: Annotated[
        Annotated[int, Meta(ge=1, le=2**50)] | None,
        Meta(description="a whole number of bytes, or null for three quarters of the memory"),
    ] = None
    idle_seconds: Annotated[float, positive("seconds", DAY)] = 300.0


class Size(Section, frozen=True):
    """The size of pictures."""

    megapixels: Annotated[float, positive("megapixels", 16)] = 1.0
    multiple: Annotated[int, whole(1, 1024, "pixels")] = 64
    width: Side = None
    height: Side = None


class Limits(Section, frozen=True):
    """The most that one render may produce, and the disk space that must stay free."""

    max_files: Annotated[int, whole(1, 10**6)] = 500
    max_bytes: Annotated[int, whole(1, 2**50, "bytes")] = 2 * 1024**3
    max_pixels: Annotated[int, whole(1, 10**12, "pixels")] = 100_000_000
    min_free_bytes: Annotated[int, whole(0, 2**60, "bytes")] = 256 * 1024**2


class Ray(Section, frozen=True):
    """The Ray cluster on whose nodes renders run."""

    address: Annotated[
        str | None, Meta(description='host and port of the head, such as "gpu-head:6379", or null')
    ] = None
    slots: Annotated[
        tuple[dict[str, int | float | tuple[str, ...] | dict[str, int | float | str]], ...],
        Meta(
            description=(
                'a list of objects such as [{"count": 4, "num_gpus": 1,'
                ' "resources": {"model:flux": 1}, "kinds": ["image"]}]'
            )
        ),
    ] = ({},)
    runs: Literal["script", "server"] = "script"
    transfer: Literal["bytes", "folder"] = "bytes"
    connect_seconds: Annotated[float, positive("seconds", 3600)] = 30.0


class Marking(Section, frozen=True):
    """What published files state about their origin."""

    metadata: bool = True
    prompt: bool = False
    certificate: Annotated[
        str | None, Meta(description="the path of a PEM file, or null", extra=OWN)
    ] = None
    private_key: Annotated[
        str | None,
        Meta(description="a private key in PEM, or null", extra=WITH_VARIABLES),
    ] = None
    time_authority: Annotated[
        str | None, Meta(description='an address such as "http://timestamp.example", or null')
    ] = None
    signed_files: Literal["keep", "ingredient"] = "keep"
    sidecars: bool = False
    trusted: Annotated[
        str | None, Meta(description="the path of a PEM file, or null", extra=OWN)
    ] = None


class Storage(Section, frozen=True):
    """Where published files are kept, if not in the output folder: a bucket."""

    url: Annotated[
        str | None, Meta(description='an address such as "s3://bucket/prefix", or null')
    ] = None
    endpoint: Annotated[
        str | None, Meta(description='an address such as "https://minio.example:9000", or null')
    ] = None
    region: Annotated[str | None, Meta(description='a name such as "eu-central-1", or null')] = None
    access_key_id: Annotated[
        str | None, Meta(description="the id of an access key, or null", extra=WITH_VARIABLES)
    ] = None
    secret_access_key: Annotated[
        str | None, Meta(description="the secret of the access key, or null", extra=WITH_VARIABLES)
    ] = None
    session_token: Annotated[
        str | None,
        Meta(description="the token of temporary credentials, or null", extra=WITH_VARIABLES),
    ] = None
    credentials_file: Annotated[
        str | None, Meta(description="the path of a file with credentials, or null", extra=OWN)
    ] = None
    ca_file: Annotated[
        str | None, Meta(description="the path of a file with certificates, or null", extra=OWN)
    ] = None
    path_style: Annotated[bool | None, Meta(description="true, false or null")] = None
    signed_links: Annotated[bool, Meta(description="true or false")] = False


class Media(Section, frozen=True):
    """How briefs become media."""

    scripts: Scripts = Scripts()
    renderer: Renderer = Renderer()
    arguments: Arguments = field(default_factory=Arguments)
    extra_arguments: Extras = Extras()
    allow_unused_prompt: UnusedPrompt = UnusedPrompt()
    warm: Warm = Warm()
    workflows: Workflows = Workflows()
    inputs: Inputs = field(default_factory=Inputs)
    ray: Ray = field(default_factory=Ray)
    argument_style: Literal["equals", "separate"] = "equals"
    blank_negative_prompt: Literal["keep", "empty"] = "keep"
    variants: Literal["last", "all"] = "last"
    input_directory: Annotated[
        str | None, Meta(description="the path of a folder of pictures, or null", extra=OWN)
    ] = None
    reuse: bool = False
    size: Size = Size()
    limits: Limits = Limits()
    marking: Marking = Marking()
    storage: Storage = Storage()


class Retry(Section, frozen=True):
    """How often a prompt is tried again after a failure that may be temporary."""

    max_attempts: Annotated[int, whole(1, 1000)] = 3
    base_seconds: Annotated[float, number("seconds", 0, DAY)] = 10.0
    max_crashes: Annotated[int, whole(1, 1000)] = 10
    probe_seconds: Annotated[float, number("seconds", 1, DAY)] = 30.0


class Affinity(Section, frozen=True):
    """How far prompts whose models are loaded may go before older ones."""

    most: Annotated[int, whole(0, 1000, "prompts")] = 0
    seconds: Annotated[float, number("seconds", 0, DAY)] = 600.0


class Workers(Section, frozen=True):
    """How many prompts the daemon renders at the same time, and in which order."""

    image: Annotated[int, whole(0, 64)] = 0
    audio: Annotated[int, whole(0, 64)] = 0
    shared: Annotated[
        Annotated[int, Meta(ge=0, le=64)] | None,
        Meta(description="a whole number from 0 to 64, or null"),
    ] = None
    environments: Annotated[
        tuple[dict[str, str], ...],
        Meta(description='a list of objects such as [{"CUDA_VISIBLE_DEVICES": "0"}]'),
    ] = ()
    order: Literal["oldest", "priority"] = "oldest"
    affinity: Affinity = Affinity()
    lease_seconds: Annotated[float, number("seconds", 1, DAY)] = 90.0


class Web(Section, frozen=True):
    """What is served over HTTP."""

    host: Annotated[str, ADDRESS] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=65535, description="a port from 1 to 65535, or 0 for any that is free")
    ] = 5000
    token: Annotated[
        str | None,
        Meta(
            description="a secret of 12 or more ASCII characters without spaces, or null",
            extra=SECRET,
        ),
    ] = None
    base_path: Annotated[str | None, Meta(description='a path such as "/media", or null')] = None
    public_urls: Annotated[
        tuple[str, ...],
        Meta(description='a list of strings such as ["https://gallery.example/media"]'),
    ] = ()
    cors_origin: Annotated[
        str | None, Meta(description='an origin such as "http://localhost:3000", or null')
    ] = None
    legacy_shapes: bool = False
    threads: Annotated[int, whole(1, 64)] = 8
    thumbnails_max_bytes: Annotated[int, whole(0, 2**50, "bytes")] = 512 * 1024**2
    health_host: Annotated[str, ADDRESS] = "127.0.0.1"
    health_port: Annotated[
        Annotated[int, Meta(ge=0, le=65535)] | None,
        Meta(description="a port from 1 to 65535, 0 for any that is free, or null for none"),
    ] = None


class Hook(Section, frozen=True):
    """The command and the webhook of one event."""

    command: Annotated[
        tuple[str, ...], Meta(description='a list of strings such as ["notify-send", "ready"]')
    ] = ()
    webhook: Annotated[
        str | None, Meta(description='an address such as "http://localhost:9000/ready", or null')
    ] = None


class Hooks(Section, frozen=True):
    """Commands that are run, and webhooks that are called, when a prompt has ended."""

    published: Hook = Hook()
    error: Hook = Hook()
    secret: Annotated[
        str | None, Meta(description="a secret that signs webhooks, or null", extra=WITH_VARIABLES)
    ] = None
    previous_secret: Annotated[
        str | None,
        Meta(description="the secret that hooks.secret replaces, or null", extra=WITH_VARIABLES),
    ] = None
    timeout_seconds: Annotated[float, positive("seconds", 3600)] = 10.0
    max_attempts: Annotated[int, whole(1, 1000)] = 12
    base_seconds: Annotated[float, number("seconds", 0, DAY)] = 5.0


class Logging(Section, frozen=True):
    """The logs of the daemon and of workflows."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "human", "json"] = "auto"
    file: Annotated[str | None, Meta(description="the path of a log file, or null", extra=OWN)] = (
        None
    )
    max_bytes: Annotated[int, whole(4096, 2**40, "bytes")] = 10 * 1024**2
    backups: Annotated[int, whole(0, 1000)] = 5
    workflow_bytes: Annotated[int, whole(4096, 2**30, "bytes")] = 256 * 1024


class Paths(Section, frozen=True):
    """Where mediagen keeps files of its own."""

    state: Annotated[str | None, Meta(description="the path of a folder, or null", extra=OWN)] = (
        None
    )


class Settings(Section, frozen=True):
    """All sections. Paths in ``OWN`` and ``PROGRAM`` settings are absolute once loaded."""

    database: Database = Database()
    comfyui: ComfyUI = ComfyUI()
    media: Media = field(default_factory=Media)
    retry: Retry = Retry()
    workers: Workers = field(default_factory=Workers)
    web: Web = Web()
    hooks: Hooks = Hooks()
    logging: Logging = Logging()
    paths: Paths = Paths()
