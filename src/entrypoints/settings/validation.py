"""Checks of the settings: every value alone, and then all of them together."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from domain.prompt import Kind
from entrypoints.settings.errors import Problem
from entrypoints.settings.expansion import (
    ExpansionError,
    expand_path,
    expand_secret,
    expand_variables,
)
from entrypoints.settings.hosts import (
    HOSTS,
    address_fault,
    expand_hosts,
    host_faults,
    server_address_fault,
)
from entrypoints.settings.ray import SLOTS as RAY_SLOTS
from entrypoints.settings.ray import slot_faults, slot_kinds
from entrypoints.settings.redaction import display, excerpt
from entrypoints.settings.schema import (
    INPUTS,
    WORKFLOWS,
    field_names,
    mapping_entry,
    place_name,
    suggestion,
)
from entrypoints.settings.workflows import checked_workflows, named_workflows, renderer_faults

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from entrypoints.settings.layers import Entry
    from entrypoints.settings.model import Settings
    from entrypoints.settings.schema import Key

_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
# Patterns are compiled when they are used: start-up is measured.
_ARGUMENT: Final = r"--?[^\s=-][^\s=]*"
_INPUT: Final = r".*[^\s.]\s*\.[^\s.]+"
_HOST_AND_PORT: Final = r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}"
_BASE_PATH: Final = r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+"
_BUCKET_URL: Final = r"s3://[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9](/[^/?#]+)*/?"
_NUMBER: Final = r"[+-]?([0-9]{1,20}\.?[0-9]{0,20}|\.[0-9]{1,20})(e[+-]?[0-9]{1,3})?"
POSTGRES_SCHEMES: Final = ("postgresql://", "postgres://")
_NAMES_FIX: Final = 'Name the workflows of a kind in a list, or leave "workflows" out there.'
_OUTPUT: Final = "comfyui.output_directory"
_MIN_TOKEN_LENGTH: Final = 12  # characters; a shorter one could be guessed
_KEY_FIX: Final = 'Write "whsec_" and a key in base64, or a text that does not begin with "whsec_".'
_WEBHOOK_EXAMPLE: Final = (
    'Write an address such as "http://localhost:9000/ready", or null for none.'
)


def checked_value(  # noqa: PLR0911 - one check after the other
    key: Key, entry: Entry, environ: Mapping[str, str]
) -> object:
    """The value as the model's type, its path expanded; a ``Problem`` if it is not valid.

    Args:
        key: the setting.
        entry: its value as it was read.
        environ: the environment, for variables in the value.
    """
    raw = _parse_text(key, str(entry.value)) if entry.textual else entry.value
    try:
        value = msgspec.convert(raw, key.annotation)
    except (msgspec.ValidationError, UnicodeError):
        return _wrong_type(key, entry, raw)
    try:
        value = _expanded(key, value, entry, environ)
    except ExpansionError as error:
        what = f"{key.name} is {excerpt(key.name, raw)}, but {error}"
        return Problem(entry.where, what, error.fix, key.name)
    if key.entry and (problem := entry_fault(key, value)):
        what = f"{key.name} is {excerpt(key.name, raw)}: {problem}"
        return Problem(entry.where, what, f"Write {key.expected}.", key.name)
    for text in () if isinstance(value, dict) else _texts(value):
        if fault := _text_fault(key, text):
            what = f"{key.name} is {excerpt(key.name, raw)}, which {fault}"
            return Problem(entry.where, what, f"Write {key.expected}.", key.name)
    if not key.path or not isinstance(value, str):
        return value
    if key.path == "own" or (key.path == "program" and "/" in value):
        return str(entry.anchor / value)
    return str(Path(value))


def _expanded(key: Key, value: object, entry: Entry, environ: Mapping[str, str]) -> object:
    anchor = entry.anchor
    if isinstance(value, tuple) and key.name.startswith(WORKFLOWS):
        return checked_workflows(key, value, entry, environ, checked_value)
    if key.name == HOSTS and isinstance(value, tuple):
        return expand_hosts(value, anchor, environ)
    if isinstance(value, str) and key.path:
        return expand_path(value, environ)
    if isinstance(value, str) and key.file:
        return expand_secret(value, anchor, environ)
    return expand_variables(value, environ) if isinstance(value, str) and key.variables else value


def _parse_text(key: Key, text: str) -> object:
    """The text as the key's type; anything else stays text, which the check then refuses."""
    word = text.strip().lower()
    if key.nullable and word == "null":
        return None
    if key.base is bool:
        return _BOOLEANS.get(word, text)
    if key.base in (int, float) and re.fullmatch(_NUMBER, word):
        return float(word) if key.base is float or not word.lstrip("+-").isdigit() else int(word)
    if (
        key.base is tuple
        or (key.entry and word.startswith(("{", "[")))
        or (key.name.startswith(WORKFLOWS) and word.startswith("["))
    ):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _wrong_type(key: Key, entry: Entry, raw: object) -> Problem:
    what = f"{key.name} is {excerpt(key.name, raw)}, but must be {key.expected}"
    if isinstance(raw, str) and not entry.textual and key.base in (int, float, bool):
        fix = "Write it without quotes."
    elif isinstance(raw, list) and (key.base is tuple or key.name.startswith(WORKFLOWS)):
        item_type, name = (str, "a string") if "strings" in key.expected else (dict, "an object")
        what = f"{key.name} is a list with a wrong item, but must be {key.expected}"
        wrong = next((item for item in raw if not isinstance(item, item_type)), None)
        fix = f"This item is not {name}: {excerpt(key.name, wrong)}." if wrong is not None else ""
    else:
        default = display(key.name, key.default)
        fix = f"Leave it out to use the default, {default}." if key.default is not None else ""
    return Problem(entry.where, what, fix, key.name)


def entry_fault(key: Key, value: object) -> str:  # noqa: PLR0911 - one check after the other
    """What is wrong with an entry that is a path in the brief's JSON, or an object; or "".

    Args:
        key: of the entry.
        value: an argument or an input, several of them, None, or an object.
    """
    mapping, name = mapping_entry(key.name) or ("", "")
    is_field = name in field_names(mapping)
    if is_field and not isinstance(value, dict):
        return ""
    from domain.brief_paths import PathSyntaxError, path_field

    spec = value if isinstance(value, dict) else {}
    place = place_name(mapping)
    try:
        path_field(name, {part: member for part, member in spec.items() if part != place})
    except PathSyntaxError as error:
        return str(error)
    if not isinstance(value, dict):
        return ""
    if is_field and spec.keys() - {place, "default"}:
        return f'{name} is a field of the brief; it takes only "{place}" and "default" there'
    places = spec.get(place)
    texts = [places] if isinstance(places, str) else places
    if not isinstance(texts, list | tuple) or not texts:
        return f'it needs "{place}"'
    for text in texts:
        fault = _text_fault(key, text) if isinstance(text, str) else "is not text"
        if fault:
            return f"{place} is {excerpt(key.name, text)}, which {fault}"
    return ""


def _texts(value: object) -> Iterator[str]:
    """Every text in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for pair in value.items():
            yield from _texts(pair)


def _text_fault(key: Key, text: str) -> str | None:
    if "\0" in text:
        return "holds a NUL character"
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return "holds a character that cannot be passed on"
    if not text.strip() and key.base is not tuple:
        return "is empty"
    if key.entry and key.name.startswith(INPUTS) and not re.fullmatch(_INPUT, text):
        return "is not a node and an input joined by a dot"
    if key.entry and not key.name.startswith(INPUTS) and not re.fullmatch(_ARGUMENT, text):
        return 'is not the name of an argument ("-" or "--" in front, no "=", no spaces)'
    return None


def cross_check(settings: Settings, entries: Mapping[str, Entry]) -> Iterator[Problem]:
    """Problems with settings whose values are each valid alone.

    Args:
        settings: all settings, in the types of the model.
        entries: the values that were set, by dotted name: they say where to fix a problem.
    """
    for check in (
        _database,
        _output_root,
        _storage,
        _workers,
        _extra_arguments,
        _hooks,
        _hosts,
        _servers,
        _ray,
        _token,
        _web_addresses,
    ):
        for fault in check(settings):
            entry = entries.get(fault.source_of or fault.key)
            where = entry.where if entry else "default settings"
            yield Problem(where, fault.what, fault.fix, fault.key)


class _Fault(NamedTuple):
    """A problem; ``source_of`` is the setting whose source is named, if not ``key``."""

    key: str
    what: str
    fix: str
    source_of: str = ""


def joined_output_root(settings: Settings) -> Path | None:
    """The output root's absolute path, or None if it is relative to an unset directory."""
    directory = Path(settings.comfyui.output_directory)
    if directory.is_absolute():
        return directory
    comfyui = settings.comfyui.comfyui_directory
    return Path(comfyui) / directory if comfyui else None


def _database(settings: Settings) -> Iterator[_Fault]:
    database = settings.database
    if database.path is not None and database.url is not None:
        what = "database.path and database.url are both set, and there is only one shared database"
        yield _Fault("database.url", what, "Remove one of them.")
    for key, url in (
        ("database.url", database.url),
        ("database.listen_url", database.listen_url),
    ):
        if url is not None and not url.startswith(POSTGRES_SCHEMES):
            what = f"{key} is {excerpt(key, url)}, which is no address of PostgreSQL"
            fix = 'Write "postgresql://user@host:5432/database"; a SQLite file is database.path.'
            yield _Fault(key, what, fix)


def _output_root(settings: Settings) -> Iterator[_Fault]:
    root = joined_output_root(settings)
    if root is not None and not os.path.realpath(root).strip("/"):
        what = f"{_OUTPUT} is {root}, which is the root of the file system"
        yield _Fault(_OUTPUT, what, "Name a folder that holds nothing but generated media.")


def _storage(settings: Settings) -> Iterator[_Fault]:
    storage, key = settings.media.storage, "media.storage.url"
    example = 'Write an address such as "s3://bucket/prefix".'
    if storage.url is None:
        names = (
            *("endpoint", "access_key_id", "secret_access_key", "credentials_file"),
            "signed_links",
        )
        if name := next((name for name in names if getattr(storage, name)), None):
            what = f"media.storage.{name} is set, but {key} is not"
            yield _Fault(key, what, example, f"media.storage.{name}")
        return
    from domain.artifact import is_servable

    if not re.fullmatch(_BUCKET_URL, storage.url) or not is_servable(storage.url[5:].rstrip("/")):
        what = f"{key} is {excerpt(key, storage.url)}, which is not a bucket with a plain prefix"
        yield _Fault(key, what, example)
    key = "media.storage.endpoint"
    if storage.endpoint is not None:
        fault = _page_address_fault(storage.endpoint)
        if not fault and urlsplit(storage.endpoint).path.strip("/"):
            fault = "has a path, and the bucket belongs into media.storage.url"
        if fault:
            fix = 'Write the address of the store, such as "https://minio.example:9000".'
            yield _Fault(key, f"{key} {fault}", fix)
    if (storage.access_key_id is None) != (storage.secret_access_key is None):
        key = "media.storage.access_key_id"
        what = f"of {key} and media.storage.secret_access_key only one is set"
        named = key if storage.access_key_id is not None else "media.storage.secret_access_key"
        fix = "Set both, or neither to use media.storage.credentials_file or the environment."
        yield _Fault(key, what, fix, named)


def _workers(settings: Settings) -> Iterator[_Fault]:
    workers, key = settings.workers, "workers.shared"
    if workers.shared == 0 and not (workers.image or workers.audio):
        what = f"{key}, workers.image and workers.audio are all 0: nothing would be rendered"
        yield _Fault(key, what, f"Give one of them a number, or leave {key} out.")


def _extra_arguments(settings: Settings) -> Iterator[_Fault]:
    extras = settings.media.extra_arguments
    for kind, texts in ((Kind.IMAGE, extras.image), (Kind.AUDIO, extras.audio)):
        key = f"media.extra_arguments.{kind}"
        for text in texts:
            if "{" not in text:
                continue
            from adapters.comfyui_script.arguments import unknown_placeholders

            for placeholder in unknown_placeholders(kind, text):
                medium = "picture" if kind is Kind.IMAGE else "song"
                what = f"{key} names {{{placeholder}}}, which is not a field of a {medium}"
                fix = f"The fields are: {', '.join(sorted(field_names(key)))}."
                yield _Fault(key, what, fix)


def _hooks(settings: Settings) -> Iterator[_Fault]:
    for event, hook in (("published", settings.hooks.published), ("error", settings.hooks.error)):
        key = f"hooks.{event}.command"
        if hook.command and not hook.command[0].strip():
            fix = 'Write the program first, such as ["/usr/local/bin/announce"], or [] for none.'
            yield _Fault(key, f"{key} begins with an empty string", fix)
        key = f"hooks.{event}.webhook"
        fault, address = None, hook.webhook
        if address is not None and not _is_plain(address):
            fault = "holds spaces or characters beyond ASCII, which must be encoded in an address"
        elif address is not None:
            fault = address_fault(address)
        if fault:
            yield _Fault(key, f"{key} {fault}", _WEBHOOK_EXAMPLE)
    yield from _hook_secrets(settings.hooks.secret, settings.hooks.previous_secret)


def _hook_secrets(current: str | None, previous: str | None) -> Iterator[_Fault]:
    for key, secret in (("hooks.secret", current), ("hooks.previous_secret", previous)):
        if secret is not None:
            from adapters.hooks.signature import SecretError, signing_key

            try:
                signing_key(secret)
            except SecretError as error:
                yield _Fault(key, f"{key} {error}", _KEY_FIX)
    if previous is not None and current is None:
        what = "hooks.previous_secret is set, but hooks.secret is not"
        fix = "Set hooks.secret to the new secret, or leave hooks.previous_secret out."
        yield _Fault("hooks.previous_secret", what, fix)


def _hosts(settings: Settings) -> Iterator[_Fault]:
    for what, fix in host_faults(settings.comfyui.hosts):
        yield _Fault(HOSTS, what, fix)
    yield from _unknown_names(settings, HOSTS, settings.comfyui.hosts)


def _unknown_names(settings: Settings, key: str, entries: Iterable[object]) -> Iterator[_Fault]:
    """Names of workflows in a list of servers or slots that no workflow has."""
    known = {one.name: None for kind in Kind for one in named_workflows(settings.media, kind)}
    known.pop("", None)
    for number, entry in enumerate(entries, start=1):
        names = entry.get("workflows", ()) if isinstance(entry, dict) else ()
        for name in names if isinstance(names, tuple) else ():
            if name not in known:
                what = f"{key}, entry {number}: {WORKFLOWS} has no workflow {name!r}"
                yield _Fault(key, what, suggestion(name, known) if known else _NAMES_FIX)


def _servers(settings: Settings) -> Iterator[_Fault]:
    hosts, renderers = settings.comfyui.hosts, settings.media.renderer
    for kind, renderer in (("image", renderers.image), ("audio", renderers.audio)):
        for what, fix in renderer_faults(settings.media, Kind(kind)):
            yield _Fault(f"{WORKFLOWS}.{kind}", f"{WORKFLOWS}.{kind}, {what}", fix)
        if "server" not in _renderers_of(settings, Kind(kind)):
            continue
        key = "comfyui.host"
        if not hosts and (fault := server_address_fault(settings.comfyui.host)):
            yield _Fault(key, f"{key} {fault}", "Write http://127.0.0.1:8188.")
        chosen = _chosen(settings, Kind(kind), "server")
        if renderer == "server" and getattr(settings.media.workflows, kind) is None:
            key = f"media.workflows.{kind}"
            fix = (
                "Export the workflow in ComfyUI (Export (API)) and name the file there, or start"
                " with one from 'mediagen workflow example'."
            )
            yield _Fault(key, f"{chosen}, but {key} is not set", fix, f"media.renderer.{kind}")
        if hosts and not any(
            isinstance(host, str) or kind in host.get("kinds", tuple(Kind))  # type: ignore[operator]
            for host in hosts
        ):
            what = f'{chosen}, but no entry of {HOSTS} has the kind "{kind}"'
            yield _Fault(HOSTS, what, 'Add it to "kinds", or leave "kinds" out.')


def _renderers_of(settings: Settings, kind: Kind) -> set[str]:
    return {workflow.renderer for workflow in named_workflows(settings.media, kind)}


def _chosen(settings: Settings, kind: Kind, renderer: str) -> str:
    """Which setting chooses a renderer, as the beginning of a sentence."""
    if getattr(settings.media.renderer, kind.value) == renderer:
        return f'media.renderer.{kind.value} is "{renderer}"'
    return f'{WORKFLOWS}.{kind.value} has a workflow for "{renderer}"'


def _ray(settings: Settings) -> Iterator[_Fault]:
    ray = settings.media.ray
    faults = list(slot_faults(ray.slots))
    for what, fix in faults:
        yield _Fault(RAY_SLOTS, what, fix)
    yield from _unknown_names(settings, RAY_SLOTS, ray.slots)
    key = "media.ray.address"
    if ray.address is not None and not re.fullmatch(_HOST_AND_PORT, ray.address):
        what = f"{key} is {excerpt(key, ray.address)}, which is not a host and a port"
        fix = 'Write the address of the head, such as "gpu-head:6379".'
        if "://" in ray.address:
            fix += (
                " Ray Client (ray://) is not supported: make this machine a node of the cluster"
                " (ray start --address=gpu-head:6379 --num-gpus=0 --num-cpus=0)."
            )
        yield _Fault(key, what, fix)
    for kind in (Kind.IMAGE, Kind.AUDIO):
        if "ray" not in _renderers_of(settings, kind):
            continue
        chosen = _chosen(settings, kind, "ray")
        if ray.transfer == "folder" and settings.media.storage.url is not None:
            transfer = "media.ray.transfer"
            what = f'{transfer} is "folder", but media is published in media.storage.url'
            yield _Fault(transfer, what, 'Write "bytes": the nodes see no folder of a bucket.')
        if ray.address is None:
            fix = 'Write the address of the head, such as "gpu-head:6379".'
            yield _Fault(key, f"{chosen}, but {key} is not set", fix, f"media.renderer.{kind}")
        if ray.runs == "server" and getattr(settings.media.workflows, kind) is None:
            workflow = f"media.workflows.{kind}"
            what = f'{chosen} and media.ray.runs "server", but {workflow} is not set'
            fix = "Export the workflow in ComfyUI (Export (API)) and name the file there."
            yield _Fault(workflow, what, fix, f"media.renderer.{kind}")
        if not faults:
            yield from _without_slot(settings, kind, chosen)


def _without_slot(settings: Settings, kind: Kind, chosen: str) -> Iterator[_Fault]:
    """The first workflow of a kind on a cluster that no slot there renders."""
    for one in named_workflows(settings.media, kind):
        slots = settings.media.ray.slots
        if one.renderer == "ray" and not any(slot_kinds(slot, (one.key,)) for slot in slots):
            of_name = f' and the workflow "{one.name}"' if one.name else ""
            what = f'{chosen}, but no entry of {RAY_SLOTS} has the kind "{kind}"{of_name}'
            fix = 'Add it to "kinds" and "workflows", or leave these out.'
            yield _Fault(RAY_SLOTS, what, fix)
            return


def _token(settings: Settings) -> Iterator[_Fault]:
    token, key = settings.web.token, "web.token"
    if token is None:
        return
    fix = "Use one that cannot be guessed, such as the output of: openssl rand -hex 16"
    if len(token) < _MIN_TOKEN_LENGTH:
        yield _Fault(key, f"{key} has fewer than {_MIN_TOKEN_LENGTH} characters", fix)
    elif not _is_plain(token):
        what = f"{key} holds spaces or characters beyond ASCII, which an HTTP header cannot carry"
        yield _Fault(key, what, fix)


def _web_addresses(settings: Settings) -> Iterator[_Fault]:
    web, key = settings.web, "web.base_path"
    base = (web.base_path or "").rstrip("/")
    if base and not re.fullmatch(_BASE_PATH, base):
        what = f"{key} is {excerpt(key, base)}, which is not a plain path that begins with a slash"
        yield _Fault(key, what, 'Write a path such as "/media", or null for none.')
    key = "web.public_urls"
    for number, url in enumerate(web.public_urls, start=1):
        fault = _page_address_fault(url)
        fix = f'Write an address such as "https://gallery.example{base}".'
        if not fault and (path := urlsplit(url).path.rstrip("/")) not in {"", base}:
            fault = f"is {excerpt(key, url)}, whose path is not that of web.base_path"
            fix = f'Set web.base_path to "{path}", or leave the path out.'
        if fault:
            yield _Fault(key, f"{key}, entry {number}, {fault}", fix)
    key, origin = "web.cors_origin", web.cors_origin
    if origin is not None:
        fault = _page_address_fault(origin)
        if not fault and urlsplit(origin).path.strip("/"):
            fault = f"is {excerpt(key, origin)}, which is more than an origin"
        if fault:
            fix = 'Write the scheme, host and port of one page, such as "http://localhost:3000".'
            yield _Fault(key, f"{key} {fault}", fix)


def _page_address_fault(url: str) -> str | None:
    if not _is_plain(url):
        return "holds spaces or characters beyond ASCII, which must be encoded in an address"
    return server_address_fault(url)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
