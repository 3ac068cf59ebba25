"""The doctor's checks of a bucket: reachable, safe, readable, and able to forget."""

from __future__ import annotations

import secrets
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from adapters.object_store.bucket import PROBE_KEY
from adapters.tls_probe import unverified_context
from application.ports.artifact_store import StorageError
from application.ports.doctor import Check, CheckStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from application.ports.object_storage import ObjectStorage

_STORE: Final = "object storage"
_OBJECTS: Final = "object storage objects"
_FILES: Final = "object storage files"
_LINKS: Final = "object storage links"
_LINK_SECONDS: Final = 5
_THREADS: Final = 8
_MAX_NAMED: Final = 3
_CONTENT: Final = b"Media Generator's doctor wrote this object, and deletes it at once.\n"
_LABEL: Final = {"mediagen-render": "doctor"}


class ObjectStorageChecks:
    """Checks whether media can be published in a bucket and read again.

    Args:
        storage: the bucket.
        published: keys of objects that must exist: the paths of the newest rows.
    """

    def __init__(self, storage: ObjectStorage, published: Collection[str] = ()) -> None:
        self._storage = storage
        self._published = published

    def checks(self) -> Iterator[Check]:
        """Run all checks; one object stays in the bucket, another is written and deleted."""
        try:
            self._storage.check()
        except StorageError as error:
            yield _error(_STORE, error)
            return
        finding = (
            f"{self._storage.address} can be written to, and refuses to create an object twice"
        )
        yield Check(_STORE, CheckStatus.OK, finding)
        try:
            yield self._objects()
        except StorageError as error:
            yield _error(_OBJECTS, error)
            return
        try:
            if self._storage.link_origin is not None:
                yield self._links()
            yield self._files()
        except StorageError as error:
            yield _error(_FILES, error)

    def _objects(self) -> Check:
        """Write an object, look at it, read a part of it, delete it, and miss it."""
        key = f".mediagen/doctor-{secrets.token_hex(8)}"
        with tempfile.TemporaryDirectory(prefix="mediagen-") as folder:
            file = Path(folder, "object")
            file.write_bytes(_CONTENT)
            self._storage.create(key, file, "text/plain", _LABEL)
        facts = self._storage.stat(key)
        part = self._storage.read(key, 5, 10) if facts else b""
        self._storage.delete(key)
        if facts is None or facts.size != len(_CONTENT) or part != _CONTENT[5:15]:
            finding = "an object that was just written cannot be read, or is another one"
            remedy = "The store must show what was written at once, and support ranges."
            return Check(_OBJECTS, CheckStatus.ERROR, finding, remedy)
        if self._storage.stat(key) is not None:
            finding = "an object that was deleted is still there"
            remedy = "Files that a crash left behind would stay. Does the bucket forbid deleting?"
            return Check(_OBJECTS, CheckStatus.WARNING, finding, remedy)
        if dict(facts.labels) != _LABEL:
            finding = "the store drops user-defined metadata: recovery has to read whole files"
            return Check(_OBJECTS, CheckStatus.WARNING, finding)
        finding = "objects can be looked at, read in ranges and deleted"
        return Check(_OBJECTS, CheckStatus.OK, finding)

    def _links(self) -> Check:
        """Whether the store accepts a link; its certificate is for browsers to check."""
        address = urlsplit(self._storage.link(PROBE_KEY))
        connection = HTTPConnection(address.netloc, timeout=_LINK_SECONDS)
        if address.scheme == "https":
            context = unverified_context()
            connection = HTTPSConnection(address.netloc, timeout=_LINK_SECONDS, context=context)
        with closing(connection):
            try:
                connection.request("GET", f"{address.path}?{address.query}")
                answer = str(connection.getresponse().status)
            except (OSError, HTTPException) as error:
                answer = str(error)
        if answer == "200":
            finding = (
                f"the store accepts signed links; browsers must reach {self._storage.link_origin}"
            )
            return Check(_LINKS, CheckStatus.OK, finding)
        finding = f"the store does not accept a signed link: {answer}"
        remedy = (
            "The page would show no pictures: allow the credentials s3:GetObject, or set"
            " media.storage.signed_links to false."
        )
        return Check(_LINKS, CheckStatus.WARNING, finding, remedy)

    def _files(self) -> Check:
        keys = list(self._published)
        with ThreadPoolExecutor(_THREADS, "doctor") as threads:
            facts = list(threads.map(self._storage.stat, keys))
        missing = [key for key, known in zip(keys, facts, strict=True) if known is None]
        if missing:
            named = ", ".join(missing[:_MAX_NAMED])
            finding = (
                f"{len(missing)} of the newest {len(keys)} published files are missing below"
                f" {self._storage.address}: {named}{' ...' * (len(missing) > _MAX_NAMED)}"
            )
            remedy = (
                "Copy the files of the output folder into the bucket under the same paths, correct"
                " media.storage.url, or 'mediagen retry ID --again'."
            )
            return Check(_FILES, CheckStatus.WARNING, finding, remedy)
        finding = f"the files of the newest {len(keys)} rows exist" if keys else "none yet"
        return Check(_FILES, CheckStatus.OK, finding)


def _error(subject: str, error: StorageError) -> Check:
    return Check(subject, CheckStatus.ERROR, error.failure.message, error.failure.hint)
