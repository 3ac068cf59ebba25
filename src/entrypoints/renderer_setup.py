"""The setup of each renderer: which settings its constructor gets.

One class for each entry of the registry (``renderers``). Adapters are imported by the method that
needs them.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from domain.prompt import Kind
from entrypoints import factories
from entrypoints.renderers import RENDERERS
from entrypoints.settings import resolution
from entrypoints.settings.errors import Problem, SettingsError
from entrypoints.settings.workflows import workflow_rules
from entrypoints.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from adapters.comfyui_script.workflow import ScriptWorkflow
    from adapters.comfyui_server.address import ServerAddress
    from adapters.comfyui_server.server_workflow import WorkflowSource
    from adapters.ray_cluster.messages import ClusterSetup, Graphs
    from application.ports.database import Database
    from application.ports.doctor import DoctorChecks, PendingBriefs
    from application.ports.events import EventListener
    from application.ports.media_renderer import MediaRenderer
    from application.ports.prompt_repository import PromptRepository
    from application.ports.renders import ServerJobEnder
    from application.ports.system import Clock
    from application.prompt_choice import PromptChooser
    from application.workflow_choice import WorkflowChoices
    from application.workflow_holds import WorkflowHolds
    from domain.brief_paths import PathField
    from domain.failure import Failure
    from domain.workflow_rules import WorkflowKey
    from entrypoints.settings.loader import LoadedSettings
    from entrypoints.settings.workflows import NamedWorkflow

T = TypeVar("T")
PictureFields: TypeAlias = "Mapping[WorkflowKey, Callable[[], Mapping[str, PathField]]]"

_SKETCH_FIELDS: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.IMAGE: "prompt negative_prompt style_tags mood width height seed output queue_size",
        Kind.AUDIO: (
            "lyrics tags title genre mood tempo key time_signature instrumentation seed output"
            " queue_size"
        ),
    }
)
"""The fields of a brief that the sketch uses; each is an argument of that name, with dashes."""


class RendererSetup(ABC):
    """One renderer of the registry, for the workflows that the settings give it.

    Args:
        loaded: the settings.
        workflows: the workflows that it renders; at least one.
    """

    def __init__(self, loaded: LoadedSettings, workflows: Sequence[NamedWorkflow]) -> None:
        self.loaded = loaded
        self.workflows = tuple(workflows)
        chosen = {workflow.kind for workflow in workflows}
        self.kinds = tuple(kind for kind in Kind if kind in chosen)

    @abstractmethod
    def workflow_file(self, workflow: NamedWorkflow) -> Path:
        """The script or graph of a workflow. Raises SettingsError if it is not set."""

    @abstractmethod
    def renderer(self, clock: Clock, events: EventListener) -> MediaRenderer:
        """The renderer. Raises SettingsError if something that it needs is not set."""

    @abstractmethod
    def doctor_checks(self, clock: Clock, pending: PendingBriefs) -> DoctorChecks | None:
        """The doctor's checks of workflows whose settings are complete; None if there are none.

        Args:
            clock: for time limits.
            pending: reads the ids and briefs of the first pending prompts of a workflow.
        """

    @abstractmethod
    def problems(self) -> Sequence[Problem]:
        """Settings that the renderer needs and that are not set; empty if there are none."""

    def servers(self) -> tuple[str, ...]:
        """The addresses, without secrets, of the servers to which it submits jobs."""
        return ()

    @abstractmethod
    def picture_fields(self) -> PictureFields:
        """For each workflow that takes pictures, how to get the values that name them."""

    def configured_pictures(self, mapping: str) -> PictureFields:
        """Those that the settings name.

        Args:
            mapping: "inputs" or "arguments".
        """
        fields = {
            workflow.key: picture_paths(resolution.mapped_paths(workflow, mapping))
            for workflow in self.workflows
        }
        return {key: partial(dict, paths) for key, paths in fields.items() if paths}

    def complete(self, resolve: Callable[[NamedWorkflow], T]) -> dict[WorkflowKey, T]:
        """What each workflow resolves to, without those whose settings are incomplete."""
        resolved: dict[WorkflowKey, T] = {}
        for workflow in self.workflows:
            with suppress(SettingsError):
                resolved[workflow.key] = resolve(workflow)
        return resolved


class ScriptSetup(RendererSetup):
    """Workflow scripts."""

    def workflow_file(self, workflow: NamedWorkflow) -> Path:
        """The script."""
        return resolution.script(self.loaded, workflow)

    def renderer(self, clock: Clock, events: EventListener) -> MediaRenderer:
        """A renderer that runs the scripts; what dead workers left of warm hosts is ended."""
        from adapters.comfyui_script.host_pool import HostLimits, HostPool
        from adapters.comfyui_script.renderer import ScriptRenderer

        warm = self.loaded.settings.media.warm
        limits = HostLimits(warm.max_prompts, warm.max_memory_bytes, warm.idle_seconds, warm.ahead)
        records = factories.host_records(self.loaded)
        records.end_orphans()
        workflows = {workflow.key: self.workflow(workflow) for workflow in self.workflows}
        return ScriptRenderer(workflows, clock, HostPool(records, limits, clock, events))

    def doctor_checks(
        self,
        clock: Clock,
        pending: PendingBriefs,  # noqa: ARG002 - for servers
    ) -> DoctorChecks | None:
        """Checks interpreter, directory and scripts."""
        from adapters.comfyui_script.doctor import ScriptChecks

        workflows = self.complete(self.workflow)
        if not workflows:
            return None
        hosts = None
        with suppress(SettingsError):  # the doctor reports a missing database itself
            hosts = factories.host_records(self.loaded)
        unset = frozenset(w.key for w in self.workflows if not self.is_script_set(w))
        return ScriptChecks(workflows, clock, unset, hosts)

    def problems(self) -> Sequence[Problem]:
        """Interpreter and directory, if they are not set."""
        return _problems(
            partial(resolution.interpreter, self.loaded),
            partial(resolution.comfyui_directory, self.loaded),
        )

    def picture_fields(self) -> PictureFields:
        """Those that arguments take."""
        return self.configured_pictures("arguments")

    def is_script_set(self, workflow: NamedWorkflow) -> bool:
        """Whether the user has named the script, so that it must exist."""
        return resolution.is_script_set(self.loaded, workflow)

    def workflow(self, workflow: NamedWorkflow) -> ScriptWorkflow:
        """The script, and how to run it. Raises SettingsError if something is not set."""
        from adapters.comfyui_script.workflow import ArgumentStyle, ScriptWorkflow

        comfyui, media = self.loaded.settings.comfyui, self.loaded.settings.media
        kind = workflow.kind
        return ScriptWorkflow(
            renderer="script",
            script=self.workflow_file(workflow),
            interpreter=resolution.interpreter(self.loaded),
            working_directory=resolution.comfyui_directory(self.loaded),
            arguments=resolution.arguments(workflow),
            keep_negative_prompt=media.blank_negative_prompt == "keep",
            configured=frozenset(workflow.arguments),
            extra_arguments=workflow.extra_arguments,
            argument_style=ArgumentStyle(media.argument_style),
            queue_size=comfyui.queue_size,
            time_limit_seconds=comfyui.timeout_seconds,
            stall_seconds=comfyui.stall_seconds,
            grace_seconds=comfyui.grace_seconds,
            allow_unused_prompt=resolution.of_kind(media.allow_unused_prompt, kind),
            warm=resolution.of_kind(media.warm, kind) == "auto",
            paths=resolution.mapped_paths(workflow, "arguments"),
        )


class SketchSetup(ScriptSetup):
    """The sketch: scripts of our own, run by this interpreter. It needs no settings."""

    def workflow_file(self, workflow: NamedWorkflow) -> Path:
        """The program for a kind."""
        import sketch

        return sketch.IMAGE_SCRIPT if workflow.kind is Kind.IMAGE else sketch.AUDIO_SCRIPT

    def is_script_set(self, workflow: NamedWorkflow) -> bool:  # noqa: ARG002 - both always exist
        """They are part of this program."""
        return True

    def problems(self) -> Sequence[Problem]:
        """None: nothing need be set."""
        return []

    def picture_fields(self) -> PictureFields:
        """None: it draws everything itself."""
        return {}

    def workflow(self, workflow: NamedWorkflow) -> ScriptWorkflow:
        """The program, and how to run it; arguments in the settings are for the user's script."""
        from adapters.comfyui_script.workflow import ArgumentStyle, ScriptWorkflow

        comfyui, script = self.loaded.settings.comfyui, self.workflow_file(workflow)
        fields = _SKETCH_FIELDS[workflow.kind].split()
        return ScriptWorkflow(
            renderer="sketch",
            script=script,
            interpreter=Path(sys.executable),
            working_directory=script.parent,
            arguments={field: (f"--{field.replace('_', '-')}",) for field in fields},
            extra_arguments=(),
            argument_style=ArgumentStyle.EQUALS,
            queue_size=comfyui.queue_size,
            time_limit_seconds=comfyui.timeout_seconds,
            stall_seconds=comfyui.stall_seconds,
            grace_seconds=comfyui.grace_seconds,
        )


class ServerSetup(RendererSetup):
    """Graphs that are submitted to ComfyUI servers."""

    def workflow_file(self, workflow: NamedWorkflow) -> Path:
        """The graph. Raises SettingsError if it is not set."""
        return resolution.workflow_file(self.loaded, workflow)

    def renderer(self, clock: Clock, events: EventListener) -> MediaRenderer:
        """A renderer that submits each job to one of the servers."""
        from adapters.comfyui_server.deadlines import ServerLimits
        from adapters.comfyui_server.pool import ServerPool
        from adapters.comfyui_server.renderer import ServerRenderer
        from application.ports.events import ServerModels, ServerRecovered, ServerUnhealthy

        def report(server: str, failure: Failure | None) -> None:
            if failure is None:
                events.handle(ServerRecovered(server))
            else:
                events.handle(ServerUnhealthy(server, failure.code.value, failure.message))

        comfyui, media = self.loaded.settings.comfyui, self.loaded.settings.media
        limits = ServerLimits(
            seconds=comfyui.timeout_seconds,
            stall_seconds=comfyui.stall_seconds,
            unreachable_seconds=comfyui.unreachable_seconds,
            preview_method=comfyui.preview_method or "",
            free_memory=comfyui.free_memory,
            max_files=media.limits.max_files,
            max_bytes=media.limits.max_bytes,
        )
        sources = {workflow.key: self.source(workflow) for workflow in self.workflows}
        times_file = None
        with suppress(SettingsError):  # without a database
            times_file = factories.state_folder(self.loaded) / "render_times.json"
        pool = ServerPool(
            self.addresses(),
            clock,
            report,
            lambda *job: events.handle(ServerModels(*job)),
            times_file,
            prefers_loaded=self.loaded.settings.workers.affinity.most > 0,
        )
        return ServerRenderer(sources, pool, limits, clock)

    def doctor_checks(
        self,
        clock: Clock,  # noqa: ARG002 - servers need none
        pending: PendingBriefs,
    ) -> DoctorChecks | None:
        """Checks the servers, and the graphs on them."""
        from adapters.comfyui_server.doctor import ServerChecks

        return ServerChecks(self.complete(self.source), self.addresses(), pending)

    def problems(self) -> Sequence[Problem]:
        """Each workflow needs its graph."""
        return _problems(*(partial(self.workflow_file, one) for one in self.workflows))

    def servers(self) -> tuple[str, ...]:
        """The servers that render one of the kinds."""
        return tuple(address.name for address in self.addresses())

    def picture_fields(self) -> PictureFields:
        """Those that the settings name, or that the graph has one node for."""
        if self.loaded.settings.media.input_directory is None:
            return self.configured_pictures("inputs")

        def mapped(source: WorkflowSource) -> Mapping[str, PathField]:
            return source().map(lambda workflow: picture_paths(workflow.paths)).value_or({})

        return {one.key: partial(mapped, self.source(one)) for one in self.workflows}

    def source(self, workflow: NamedWorkflow) -> WorkflowSource:
        """Reads the graph again whenever it changes. Raises SettingsError if it is not set."""
        from adapters.comfyui_server.node_catalogue import NodeCatalogue
        from adapters.comfyui_server.server_workflow import WorkflowSource

        servers = [address for address in self.addresses() if workflow.kind in address.kinds]
        return WorkflowSource(
            self.workflow_file(workflow),
            workflow.kind,
            workflow.inputs,
            NodeCatalogue(servers, resolution.state_root(self.loaded)),
            keep_negative_prompt=self.loaded.settings.media.blank_negative_prompt == "keep",
            label=workflow.name,
            pictures=self.loaded.settings.media.input_directory is not None,
        )

    def addresses(self) -> tuple[ServerAddress, ...]:
        """The servers that render one of the kinds, with their slots and kinds."""
        from entrypoints.settings.hosts import server_addresses

        return server_addresses(self.loaded.settings.comfyui, self.kinds)


class RaySetup(RendererSetup):
    """Slots on the nodes of a Ray cluster, which run scripts or use the nodes' own servers."""

    def __init__(self, loaded: LoadedSettings, workflows: Sequence[NamedWorkflow]) -> None:
        super().__init__(loaded, workflows)
        self._script = ScriptSetup(loaded, workflows)
        self._runs_scripts = loaded.settings.media.ray.runs == "script"

    def workflow_file(self, workflow: NamedWorkflow) -> Path:
        """The script, which is on the nodes, or the graph, which is here."""
        if self._runs_scripts:
            return self._script.workflow_file(workflow)
        return resolution.workflow_file(self.loaded, workflow)

    def renderer(self, clock: Clock, events: EventListener) -> MediaRenderer:  # noqa: ARG002
        """A renderer that connects to the cluster when it is first used.

        Raises:
            SettingsError: Ray is not installed, or a setting is missing.
        """
        from adapters.ray_cluster.cluster import RayCluster
        from adapters.ray_cluster.renderer import RayRenderer

        if problems := self.problems():
            raise SettingsError(list(problems))
        cluster = RayCluster(self._cluster_setup(), self._graphs, clock)
        return RayRenderer(cluster, clock)

    def doctor_checks(
        self,
        clock: Clock,
        pending: PendingBriefs,  # noqa: ARG002 - for servers
    ) -> DoctorChecks | None:
        """Checks the cluster, its nodes, and the workflows there."""
        from adapters.ray_cluster.cluster import RayCluster
        from adapters.ray_cluster.doctor import RayChecks

        if self.problems():
            return None
        return RayChecks(RayCluster(self._cluster_setup(), self._graphs, clock))

    def problems(self) -> Sequence[Problem]:
        """Ray itself, its address, and what the workflows need."""
        problems: list[Problem] = []
        if not _is_installed("ray"):
            first = self.workflows[0]
            key = first.setting if first.name else f"media.renderer.{first.kind.value}"
            chosen = f'{key} renders "{first.name}" with' if first.name else f"{key} is"
            where, what = (
                str(self.loaded.provenance[key]),
                f'{chosen} "ray", but Ray is not installed here',
            )
            fix = "Install it beside Media Generator: pip install 'media-generator[ray]'."
            problems.append(Problem(where, what, fix, key))
        if self._runs_scripts:
            return [*problems, *self._script.problems()]
        return [*problems, *_problems(*(partial(self.workflow_file, w) for w in self.workflows))]

    def picture_fields(self) -> PictureFields:
        """Those that the settings name; they travel with the job."""
        return self.configured_pictures("arguments" if self._runs_scripts else "inputs")

    def _cluster_setup(self) -> ClusterSetup:
        from adapters.ray_cluster.messages import ClusterSetup
        from entrypoints.ray_node import NodeWorkflows, make_renderer
        from entrypoints.settings.ray import slot_demands

        settings = self.loaded.settings
        comfyui, media = settings.comfyui, settings.media
        keys = tuple(workflow.key for workflow in self.workflows)
        workflows = NodeWorkflows(
            version=VERSION,
            scripts={one.key: self._script.workflow(one) for one in self.workflows}
            if self._runs_scripts
            else {},
            graphs={}
            if self._runs_scripts
            else {one.key: (self.workflow_file(one).name, one.inputs) for one in self.workflows},
            server=comfyui.host,
            seconds=comfyui.timeout_seconds,
            stall_seconds=comfyui.stall_seconds,
            unreachable_seconds=comfyui.unreachable_seconds,
            preview_method=comfyui.preview_method or "",
            free_memory=comfyui.free_memory,
            keep_negative_prompt=media.blank_negative_prompt == "keep",
            max_files=media.limits.max_files,
            max_bytes=media.limits.max_bytes,
            warm_prompts=media.warm.max_prompts,
            warm_bytes=media.warm.max_memory_bytes,
            warm_seconds=media.warm.idle_seconds,
        )
        return ClusterSetup(
            address=media.ray.address or "",
            make=partial(make_renderer, workflows),
            demands=slot_demands(media.ray, keys),
            workflows=keys,
            shared_folder=(
                resolution.output_root(self.loaded) if media.ray.transfer == "folder" else None
            ),
            max_files=media.limits.max_files,
            max_bytes=media.limits.max_bytes,
            connect_seconds=media.ray.connect_seconds,
            start_seconds=media.ray.connect_seconds,
        )

    def _graphs(self) -> Graphs:
        """The graphs as they are now. Raises OSError."""
        if self._runs_scripts:
            return {}
        files = {workflow.key: self.workflow_file(workflow) for workflow in self.workflows}
        return {key: (file.name, file.read_bytes()) for key, file in files.items()}


def picture_paths(paths: Mapping[str, PathField]) -> Mapping[str, PathField]:
    """The paths whose values name pictures."""
    return {name: path for name, path in paths.items() if path.type and path.type.is_picture}


def chosen_setups(loaded: LoadedSettings) -> Mapping[str, RendererSetup]:
    """The renderers that the settings choose, by name, each for its workflows."""
    workflows = resolution.workflows(loaded)
    chosen = {workflow.renderer for workflow in workflows}
    return {
        name: entry.setup(loaded, [one for one in workflows if one.renderer == name])
        for name, entry in RENDERERS.items()
        if name in chosen
    }


def require_complete(loaded: LoadedSettings) -> None:
    """Check that everything that rendering needs is set, without opening or making any of it.

    Raises:
        SettingsError: settings are missing; it names all of them.
    """
    required: list[Callable[[], object]] = [
        partial(resolution.database_name, loaded),
        partial(resolution.published_root, loaded),
    ]
    if resolution.storage_address(loaded):
        required.append(partial(factories.object_storage, loaded))
    problems = _problems(*required)
    for setup in chosen_setups(loaded).values():
        problems += setup.problems()
    if problems:
        raise SettingsError(list({problem.key: problem for problem in problems}.values()))


def workflow_names(loaded: LoadedSettings) -> Mapping[WorkflowKey, str]:
    """What people call each workflow: its name, or the file of the only one of a kind.

    Raises:
        SettingsError: a script or graph is not set.
    """
    return {
        workflow.key: workflow.name or setup.workflow_file(workflow).name
        for setup in chosen_setups(loaded).values()
        for workflow in setup.workflows
    }


def workflow_choices(
    loaded: LoadedSettings, database: Callable[[], Database]
) -> WorkflowChoices | None:
    """Which workflow renders which prompt; None if every kind has only one, without a name.

    Args:
        loaded: the settings.
        database: gives the database that knows what was chosen by name.
    """
    rules = {kind: workflow_rules(loaded.settings.media, kind) for kind in Kind}
    named = {kind: known for kind, known in rules.items() if known is not None}
    if not named:
        return None
    from application.workflow_choice import WorkflowChoices

    return WorkflowChoices(named, database().workflow_records)


def workflow_holds(
    loaded: LoadedSettings,
    choices: WorkflowChoices | None,
    renderer: MediaRenderer,
    clock: Clock,
    events: EventListener,
    database: Callable[[], Database],
) -> WorkflowHolds | None:
    """Which named workflows can run; None if every kind has only one, without a name.

    Args:
        loaded: the settings.
        choices: which of them renders which prompt.
        renderer: checks whether they can run.
        clock: the monotonic clock.
        events: receives what changes.
        database: gives the database in which it is written down.
    """
    if choices is None:
        return None
    from application.workflow_holds import WorkflowHolds
    from domain.breaker import CircuitBreaker

    make_breaker = partial(CircuitBreaker, probe_seconds=loaded.settings.retry.probe_seconds)
    return WorkflowHolds(choices, renderer, make_breaker, clock, events, database().controls)


def prompt_chooser(
    loaded: LoadedSettings,
    setups: Mapping[str, RendererSetup],
    repository: PromptRepository,
    renderer: MediaRenderer,
    clock: Clock,
    choices: WorkflowChoices | None,
    holds: WorkflowHolds | None,
) -> PromptChooser | None:
    """Chooses the next prompt; None if the first one is always as good as another."""
    affinity = loaded.settings.workers.affinity
    share = any(len(setup.kinds) > 1 for setup in setups.values())
    # A brief may name models that not every server has.
    differ = any(
        resolution.mapped_paths(workflow, "inputs")
        for setup in setups.values()
        if affinity.most or len(setup.servers()) > 1
        for workflow in setup.workflows
    )
    if choices is None and not (affinity.most and share) and not differ:
        return None
    from application.prompt_choice import PromptChooser
    from domain.affinity import AffinityLimits, AffinityOrder

    order = AffinityOrder(AffinityLimits(affinity.most, affinity.seconds))
    return PromptChooser(repository, renderer, order, clock, choices, holds)


def server_names(loaded: LoadedSettings) -> tuple[str, ...]:
    """The names of the servers in events and metrics; empty if no kind is rendered on one."""
    return tuple(name for setup in chosen_setups(loaded).values() for name in setup.servers())


def has_server_jobs(setups: Mapping[str, RendererSetup]) -> bool:
    """Whether jobs are submitted to servers."""
    return any(RENDERERS[name].on_servers for name in setups)


def make_renderers(
    setups: Mapping[str, RendererSetup], clock: Clock, events: EventListener
) -> Mapping[str, MediaRenderer]:
    """The renderers, by name. Raises SettingsError if something that one needs is not set."""
    return {name: setup.renderer(clock, events) for name, setup in setups.items()}


def renderer_of_all(
    setups: Mapping[str, RendererSetup], renderers: Mapping[str, MediaRenderer]
) -> MediaRenderer:
    """One renderer for all workflows, which passes each on to its own if there are several.

    One with workflows that take pictures gets them with its jobs.
    """
    renderers = dict(renderers)
    for name, setup in setups.items():
        if fields := setup.picture_fields():
            from adapters.input_pictures import RendererWithPictures

            pictures = factories.input_pictures(setup.loaded)
            renderers[name] = RendererWithPictures(renderers[name], fields, pictures)
    if len(renderers) == 1:
        return next(iter(renderers.values()))
    from adapters.renderers_by_workflow import RenderersByWorkflow

    return RenderersByWorkflow(
        {one.key: renderers[name] for name, setup in setups.items() for one in setup.workflows}
    )


def job_ender(renderers: Mapping[str, MediaRenderer]) -> ServerJobEnder:
    """The renderer that ends jobs on servers. Raises LookupError if there is none."""
    for name, renderer in renderers.items():
        if RENDERERS[name].on_servers:
            return cast("ServerJobEnder", renderer)
    raise LookupError("no renderer gives jobs to servers")


def _problems(*resolvers: Callable[[], object]) -> list[Problem]:
    """The problems of settings that cannot be resolved."""
    problems: list[Problem] = []
    for resolve in resolvers:
        try:
            resolve()
        except SettingsError as error:
            problems += error.problems
    return problems


def _is_installed(package: str) -> bool:
    """Whether a package of an extra is there; it is not imported."""
    from importlib.util import find_spec

    try:
        return find_spec(package) is not None
    except ValueError:  # it is barred from being imported
        return False
