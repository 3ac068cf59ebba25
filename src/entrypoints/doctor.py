"""The doctor: every part of the installation is checked, as far as the settings name it."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from application.ports.doctor import Check, CheckStatus
from application.ports.gallery import GalleryQuery
from application.ports.prompt_repository import RepositoryError
from domain.failure import hint_of
from domain.workflow_rules import workflow_subject
from entrypoints.container import compose
from entrypoints.renderers import RENDERERS
from entrypoints.settings import resolution
from entrypoints.settings.errors import Problem, SettingsError
from entrypoints.version import VERSION
from entrypoints.workflow_choice import all_rules, held_sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from domain.brief import Brief
    from domain.workflow_rules import WorkflowKey
    from entrypoints.container import Container
    from entrypoints.settings.loader import LoadedSettings

T = TypeVar("T")
_EXPIRY_DAYS = 30  # before the end of a certificate


def diagnose(
    loaded: LoadedSettings,
    problems: Sequence[Problem] = (),
    *,
    thorough: bool = False,
) -> Iterator[Check]:
    """Each check as soon as it is made; problems with the settings are checks too.

    Args:
        loaded: the settings.
        problems: the problems that were found while loading them.
        thorough: whether all of the database and all files are checked, however long that takes.
    """
    yield _program()
    yield from _configuration(loaded)
    yield from (_error(problem, loaded) for problem in problems)
    container = compose(loaded)
    missing: list[Problem] = []
    database = _attempt(lambda: resolution.database_name(loaded), missing)
    is_in_bucket = resolution.storage_address(loaded) is not None
    root = None if is_in_bucket else _attempt(container.output_root, missing)
    storage = _attempt(container.object_storage, missing) if is_in_bucket else None
    setups = container.setups()
    missing += [problem for setup in setups.values() for problem in setup.problems()]
    reported = {problem.key for problem in problems}
    for problem in missing:
        if problem.key not in reported:
            reported.add(problem.key)
            yield _error(problem, loaded)
    if database is not None:
        yield from container.database_checks(output_root=root, thorough=thorough).checks()
        if not resolution.is_postgres(loaded) and Path(database).exists():
            yield from container.database_space_checks().checks()
    yield from _renderers(loaded)
    yield from _renderer_checks(container, loaded, knows_holds=database is not None)
    if root is not None:
        yield from container.output_root_checks().checks()
    if storage is not None:
        published = _published_keys(container, 1000 if thorough else 100) if database else ()
        yield from container.object_storage_checks(published=published).checks()
        yield from _mixed_content(loaded, storage.link_origin)
        if staging := _attempt(container.staging_folder, []):  # in the state of the database
            staging = next(folder for folder in (staging, *staging.parents) if folder.exists())
            yield from container.staging_space_checks(folder=staging).checks()
    yield from _input_pictures(loaded)
    yield from _webhooks(loaded)
    yield from _signatures(loaded)
    from entrypoints.service.macos_privacy import paths_in_use, privacy_checks

    paths = paths_in_use(loaded, Path(sys.prefix))
    yield from privacy_checks(paths, sys.platform, Path.home(), Path(sys.executable))


def _program() -> Check:
    finding = (
        f"mediagen {VERSION} on Python {platform.python_version()}"
        f" ({sys.executable}), {platform.system()} {platform.machine()}"
    )
    return Check("program", CheckStatus.OK, finding)


def _configuration(loaded: LoadedSettings) -> Iterator[Check]:
    finding = "there is no configuration file; defaults and environment variables are used"
    if loaded.config_file:
        finding = f"read from {loaded.config_file}"
    for text in (finding, *loaded.notes):
        yield Check("configuration", CheckStatus.OK, text)


def _error(problem: Problem, loaded: LoadedSettings) -> Check:
    finding = f"{problem.where}: {problem.what}"
    command = "" if loaded.config_file else "mediagen setup"
    return Check("settings", CheckStatus.ERROR, finding, problem.fix, command)


def _start_server(check: Check, loaded: LoadedSettings) -> Check:
    """The check of a renderer, with the command that starts a ComfyUI of this machine."""
    is_local = any(name in check.subject for name in ("127.0.0.1", "localhost", "[::1]"))
    if check.status is not CheckStatus.ERROR or not is_local or check.command:
        return check
    try:
        python = resolution.interpreter(loaded)
        directory = resolution.comfyui_directory(loaded)
    except SettingsError:
        return check
    command = f"cd {shlex.quote(str(directory))} && {shlex.quote(str(python))} main.py"
    return replace(check, command=command)


def _attempt(resolve: Callable[[], T], missing: list[Problem]) -> T | None:
    try:
        return resolve()
    except SettingsError as error:
        missing += error.problems
        return None


def _published_keys(container: Container, limit: int) -> list[str]:
    """The paths of the newest artifacts; none if the database cannot be read."""
    try:
        with closing(container.page_database()) as database:
            page = database.gallery.page(GalleryQuery(limit=limit))
    except RepositoryError:
        return []  # another check reports it
    return [artifact.file_path for artifact in page.artifacts if artifact.servable]


def _renderer_checks(
    container: Container, loaded: LoadedSettings, *, knows_holds: bool
) -> Iterator[Check]:
    """What renderers need, then their workflows, then what workers found out about these."""
    of_workflows: list[Check] = []
    pending = partial(_pending, container, loaded) if knows_holds else _no_briefs
    for setup in container.setups().values():
        if renderer_checks := setup.doctor_checks(container.clock(), pending):
            for check in renderer_checks.checks():
                if check.workflow is None:
                    yield _start_server(check, loaded)
                else:
                    of_workflows.append(check)
    examined = list(held_back(of_workflows))
    if knows_holds:
        broken = {check.workflow for check in of_workflows if check.status is CheckStatus.ERROR}
        holds = [check for check in _holds(container, loaded) if check.workflow not in broken]
        held = [check for check in (*examined, *holds) if check.holds or check in holds]
        sentences = _held_sentences(held, container, loaded)
        examined += holds
        for index, check in enumerate(examined):
            if check in held and (sentence := sentences.pop(check.workflow, "")):
                examined[index] = replace(check, finding=f"{check.finding}; {sentence}")
    yield from examined


def _no_briefs(key: WorkflowKey) -> Sequence[tuple[int, Brief]]:  # noqa: ARG001
    """None: there is no database."""
    return ()


def _pending(
    container: Container, loaded: LoadedSettings, key: WorkflowKey
) -> Sequence[tuple[int, Brief]]:
    """The first pending prompts of a workflow; none if the database cannot be read."""
    from application.workflow_holds import pending_briefs

    kind, name = key
    rules = all_rules(loaded.settings.media).get(kind)
    try:
        with closing(container.page_database()) as database:
            briefs = pending_briefs(kind, rules, database.gallery, database.workflow_records)
    except RepositoryError:
        return ()  # another check reports it
    return briefs.get(name, ())


def _held_sentences(
    checks: Sequence[Check], container: Container, loaded: LoadedSettings
) -> dict[WorkflowKey | None, str]:
    """Which pending prompts wait for the workflows of these checks."""
    from application.workflow_holds import held_prompts

    workflows = {one.workflow for one in checks if one.workflow}
    rules = all_rules(loaded.settings.media)
    if not workflows:
        return {}
    try:
        with closing(container.page_database()) as database:
            records = database.workflow_records
            prompts = held_prompts(workflows, rules, database.gallery, records)
            counts = database.catalogue.summary().counts
    except RepositoryError:
        return {}  # another check reports it
    return {
        (kind, name): held_sentence(ids, counts.get(kind, {}).get("pending", 0))
        for (kind, name), ids in prompts.items()
    }


def held_back(checks: Sequence[Check]) -> Iterator[Check]:
    """The checks of workflows; an error is only a warning where others of its kind can run.

    Args:
        checks: of all workflows.
    """
    broken = {check.workflow for check in checks if check.status is CheckStatus.ERROR}
    keys = {check.workflow for check in checks if check.workflow}
    able = {kind for kind, name in keys if (kind, name) not in broken}
    for check in checks:
        is_error = check.status is CheckStatus.ERROR
        if is_error and check.workflow is not None and check.workflow[0] in able:
            waits = "its prompts wait, those of other workflows do not"
            finding = f"{check.finding.rstrip('.')}; {waits}"
            yield replace(check, status=CheckStatus.WARNING, finding=finding, holds=True)
        else:
            yield check


def _renderers(loaded: LoadedSettings) -> Iterator[Check]:
    limits = loaded.settings.comfyui
    limit = f"a render is stopped after {limits.timeout_seconds:g} seconds"
    if limits.stall_seconds:
        limit += f", or after {limits.stall_seconds:g} seconds without progress"
    for workflow in resolution.workflows(loaded):
        finding = f"{RENDERERS[workflow.renderer].title}; {limit}"
        yield Check(workflow_subject(workflow.key, "renderer"), CheckStatus.OK, finding)


def _holds(container: Container, loaded: LoadedSettings) -> Iterator[Check]:
    """The named workflows that workers found unable to run, as they wrote it down.

    Only a render shows that some of them can run again.
    """
    named = {workflow.key for workflow in resolution.workflows(loaded) if workflow.name}
    if not named:
        return
    try:
        with closing(container.page_database()) as database:
            holds = database.controls.holds()
    except RepositoryError:
        return  # another check reports it
    for hold in holds:
        key = hold.kind, hold.workflow
        if key in named:
            where = f" {hold.elsewhere}" if hold.elsewhere else ""
            finding = (
                f"its prompts have been held back{where} since {hold.since} UTC:"
                f" {hold.code}: {hold.message}"
            )
            subject, hint = workflow_subject(key, "workflow"), hint_of(hold.code)
            yield Check(subject, CheckStatus.WARNING, finding, hint, workflow=key)


def _input_pictures(loaded: LoadedSettings) -> Iterator[Check]:
    """Whether the folder of the pictures that briefs name is there."""
    if (configured := loaded.settings.media.input_directory) is None:
        return
    subject, folder = "input pictures", Path(configured)
    # ``os.path`` raises nothing where a folder above is closed.
    if not os.path.isdir(folder):  # noqa: PTH112
        what = "is not a folder" if os.path.lexists(folder) else "does not exist"
    elif not os.access(folder, os.R_OK | os.X_OK):
        what = "cannot be read by this user"
    else:
        yield Check(subject, CheckStatus.OK, f"briefs may name pictures below {folder}")
        return
    finding = f"media.input_directory, {folder}, {what}: prompts that name a picture there fail"
    remedy = "Create it, mount its volume, or correct media.input_directory."
    yield Check(subject, CheckStatus.WARNING, finding, remedy)


def _signatures(loaded: LoadedSettings) -> Iterator[Check]:
    """Whether published files can be signed, if a certificate is configured."""
    marking = loaded.settings.media.marking
    if marking.certificate is None:
        return
    from datetime import timedelta

    from adapters.media_marks.layout import MarkError
    from adapters.media_marks.signature import CertificateError
    from adapters.system_clock import SystemClock
    from entrypoints.factories import make_signer

    certificate = Path(marking.certificate)
    now = SystemClock().now()
    try:
        end, unstamped = make_signer(marking, certificate).check()
    except (CertificateError, MarkError) as error:
        reason = f"a sample {error}" if isinstance(error, MarkError) else str(error)
        finding = f"published files are not signed: {reason}"
        mark = "get a plain mark" if marking.metadata else "are published without a mark"
        remedy = f"Files {mark} meanwhile. See docs/marking.md for certificates."
        yield Check("signatures", CheckStatus.WARNING, finding, remedy)
        return
    if marking.private_key is None and certificate.stat().st_mode & 0o077:
        finding = f"other users can read the private key in {certificate}"
        remedy = "Let only the user who runs mediagen read it."
        command = shlex.join(["chmod", "600", str(certificate)])
        yield Check("signing key", CheckStatus.WARNING, finding, remedy, command)
    finding = f"published files are signed; the certificate is valid until {end:%Y-%m-%d}"
    if unstamped:
        finding = f"published files are {unstamped}"
        remedy = "Correct media.marking.time_authority, or see why it does not answer."
        yield Check("signatures", CheckStatus.WARNING, finding, remedy)
        return
    if end - now > timedelta(days=_EXPIRY_DAYS):
        yield Check("signatures", CheckStatus.OK, finding)
    else:
        remedy = "Renew it: files are not signed any more after that day."
        yield Check("signatures", CheckStatus.WARNING, finding, remedy)


def _mixed_content(loaded: LoadedSettings, link_origin: str | None) -> Iterator[Check]:
    """Whether a page with https redirects its pictures to a store without."""
    links = urlsplit(link_origin or "")
    secure = [url for url in loaded.settings.web.public_urls if urlsplit(url).scheme == "https"]
    is_here = links.hostname in {"127.0.0.1", "localhost", "::1"}  # browsers trust it
    if links.scheme != "http" or is_here or not secure:
        return
    finding = (
        f"the page at {secure[0]} would show no media: browsers do not load them from"
        f" {link_origin}, which has no TLS"
    )
    remedy = (
        "Give the store TLS and media.storage.endpoint https, or set media.storage.signed_links to"
        " false."
    )
    yield Check("object storage links", CheckStatus.WARNING, finding, remedy)


def _webhooks(loaded: LoadedSettings) -> Iterator[Check]:
    """How webhooks are signed, and what receivers need; never the secret."""
    hooks = loaded.settings.hooks
    if hooks.published.webhook is None and hooks.error.webhook is None:
        return
    if hooks.secret is None:
        finding = "webhooks are not signed: hooks.secret is not set"
        yield Check("webhooks", CheckStatus.OK, finding)
        return
    from adapters.hooks.signature import MIN_KEY_BYTES, SECRET_PREFIX, SecretError, signing_key

    finding = "webhooks are signed by the Standard Webhooks scheme"
    if not hooks.secret.startswith(SECRET_PREFIX):
        finding += (
            f"; hooks.secret is plain text, so receivers need {SECRET_PREFIX} and the base64 of it"
            " (docs/hooks.md has the command)"
        )
    try:
        length = len(signing_key(hooks.secret))
    except SecretError:
        return  # reported with the other problems of the settings
    if length >= MIN_KEY_BYTES:
        yield Check("webhooks", CheckStatus.OK, finding)
        return
    finding += f"; the key has {length} bytes, and the scheme asks for at least {MIN_KEY_BYTES}"
    remedy = (
        f"Set hooks.secret to {SECRET_PREFIX} and the base64 of {MIN_KEY_BYTES} or more random"
        " bytes, and hooks.previous_secret to the current one until all receivers have the new one."
    )
    yield Check("webhooks", CheckStatus.WARNING, finding, remedy)
