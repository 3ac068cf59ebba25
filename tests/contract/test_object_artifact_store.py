"""Contract tests of a bucket in a local object store, and its failures."""

from __future__ import annotations

import hashlib
import json
import os
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from logging import ERROR, getLogger
from threading import Thread
from typing import TYPE_CHECKING

import pytest
import trustme
import urllib3
from werkzeug.serving import make_server

from adapters.filesystem.limits import StoreLimits
from adapters.filesystem.object_artifact_store import ObjectArtifactStore
from adapters.object_store.bucket import BucketSettings, S3Bucket
from adapters.sql_queue.bookkeeping import prepare_bookkeeping
from adapters.sql_queue.plans import SqlPublicationPlans
from adapters.sqlite.connection import Connection
from application.ports.artifact_store import RenderKey, StorageError
from domain.failure import FailureCode
from domain.prompt import Kind
from tests import media_samples
from tests.contract.artifact_store_contract import AT, ONE, ArtifactStoreContract, rows
from tests.contract.artifact_store_world import Left, StoreWorld
from tests.contract.test_filesystem_artifact_store import LocalStagingWorld
from tests.databases import make_database
from tests.object_store.server import BucketServer, refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from application.ports.artifact_store import Prepared, PublicationPlans
    from domain.failure import Failure
    from tests.object_store.server import TestBucket

ANSWERS = [
    ("403 Forbidden", "AccessDenied", FailureCode.STORAGE_REFUSED),
    ("403 Forbidden", "InvalidAccessKeyId", FailureCode.STORAGE_REFUSED),
    ("400 Bad Request", "ExpiredToken", FailureCode.STORAGE_REFUSED),
    ("404 Not Found", "NoSuchBucket", FailureCode.BUCKET_MISSING),
    ("501 Not Implemented", "NotImplemented", FailureCode.STORAGE_UNSAFE),
    ("507 Insufficient Storage", "XMinioStorageFull", FailureCode.STORAGE_UNREACHABLE),
]


class _Bucket(LocalStagingWorld):
    def __init__(
        self,
        root: Path,
        bucket: TestBucket,
        server: BucketServer,
        plans: PublicationPlans | None = None,
    ) -> None:
        super().__init__(root)
        self.server = server
        self.bucket = bucket
        self._store = ObjectArtifactStore(bucket.storage(), root, "db", StoreLimits(), plans=plans)
        assert self._store.preflight() is None

    @property
    def store(self) -> ObjectArtifactStore:
        return self._store

    def published(self) -> dict[str, list[str]]:
        folders: dict[str, list[str]] = {}
        for key in sorted(self.bucket.objects()):
            folder, _, name = key.rpartition("/")
            folders.setdefault(folder, []).append(name)
        return folders

    def occupy(self, kind: Kind, folder: str) -> None:
        for name in ("theirs.txt", "a.png"):
            self.bucket.put(f"{kind.value}/{folder}/{name}", b"not ours")

    def spoil(self, kind: Kind, folder: str) -> None:
        for key, content in self.bucket.objects().items():
            if key.startswith(f"{kind.value}/{folder}/"):
                self.bucket.put(key, content[:-1] + bytes([content[-1] ^ 1]))

    def take_away(self, kind: Kind, folder: str) -> None:
        for key in self.bucket.objects():
            if key.startswith(f"{kind.value}/{folder}/"):
                self.bucket.delete(key)

    def lose_root(self) -> None:
        self.bucket.remove()

    def prepared(self, key: RenderKey, *names: str) -> Prepared:
        """Verified pictures with these names."""
        staging = self.store.open_staging(Kind.IMAGE, key, 1).unwrap()
        for name in names:
            self.leave(staging, name, Left.PICTURE)
        return self.store.prepare(staging, 1).unwrap()


@pytest.fixture
def bucket_world(tmp_path: Path, bucket: TestBucket, bucket_server: BucketServer) -> _Bucket:
    """A store over a new bucket, with an empty staging folder."""
    return _Bucket(tmp_path / "staging", bucket, bucket_server)


class TestObjectArtifactStore(ArtifactStoreContract):
    """The contract; two promises that only a local folder can keep are replaced."""

    @pytest.fixture
    def world(self, bucket_world: _Bucket) -> StoreWorld:
        """A store over a new bucket."""
        return bucket_world

    def test_the_same_second_twice_replaces_nothing(self, world: StoreWorld) -> None:
        """An existing key is skipped, whether Media Generator or another program made it.

        A bucket has no folders. Only a listing, which is not made, could tell whether one is used;
        so files with other names may be under the same folder's name.
        """
        assert isinstance(world, _Bucket)
        world.occupy(Kind.IMAGE, "3_20260106T213045_2")
        folders = []
        for render in (1, 2):
            key = RenderKey(3, render)
            prepared = [world.prepared(key, "a.png", "b.png")]
            [stored] = world.store.place(prepared, key, AT, rows).unwrap()
            folders.append(stored.folder)
        assert folders == ["3_20260106T213045", "3_20260106T213045_3"]
        assert world.published() == {
            "image/3_20260106T213045": ["a.png", "b.png"],
            "image/3_20260106T213045_2": ["a.png", "theirs.txt"],
            "image/3_20260106T213045_3": ["a.png", "b.png"],
        }
        assert world.bucket.get("image/3_20260106T213045_2/a.png") == b"not ours"

    def test_every_operation_reports_a_missing_root(self, world: StoreWorld) -> None:
        """A missing bucket is reported before a claim and where files are uploaded.

        Staging is local: files are rendered and verified without the bucket.
        """
        assert isinstance(world, _Bucket)
        ready = world.prepared(ONE, "a.png")
        world.lose_root()
        placed = world.store.place([ready], ONE, AT, rows)
        assert placed.failure().code is FailureCode.BUCKET_MISSING
        assert _code(world.store.preflight()) is FailureCode.BUCKET_MISSING
        with pytest.raises(StorageError):
            world.store.finished(ONE)


class _Machines:
    """Two machines with their own staging folders, one bucket and one database."""

    def __init__(self, folder: Path, bucket: TestBucket, server: BucketServer) -> None:
        connection = Connection(make_database(folder / "musings.db", "wide", "wal"), 5.0)
        prepare_bookkeeping(connection, create_indexes=False)
        self.close = connection.close
        self.plans = SqlPublicationPlans(connection)
        self.first = _Bucket(folder / "first", bucket, server, self.plans)
        self.second = _Bucket(folder / "second", bucket, server, self.plans)


@pytest.fixture
def machines(
    tmp_path: Path, bucket: TestBucket, bucket_server: BucketServer
) -> Iterator[_Machines]:
    """Two machines."""
    made = _Machines(tmp_path, bucket, bucket_server)
    yield made
    made.close()


def test_another_machine_finishes_an_upload(machines: _Machines) -> None:
    """It knows the rows, and deletes the plan during clean-up."""
    lost, other = machines.first.store, machines.second.store
    [stored] = lost.place([machines.first.prepared(ONE, "a.png", "b.png")], ONE, AT, rows).unwrap()
    assert ONE in other.leftovers()
    artifacts = other.finished(ONE)
    assert artifacts is not None
    assert artifacts == lost.finished(ONE)
    assert [artifact.file_path for artifact in artifacts] == [
        f"image/{stored.folder}/a.png",
        f"image/{stored.folder}/b.png",
    ]
    other.sweep(ONE, keep_placed=True)
    assert other.leftovers() == frozenset()
    assert len(machines.second.bucket.objects()) == 2
    lost.sweep(ONE, keep_placed=True)
    assert lost.leftovers() == frozenset()


def test_another_machine_removes_a_partial_upload(
    machines: _Machines, bucket_server: BucketServer
) -> None:
    """So does the lost machine, if it is alive after all and uploads the rest."""
    lost, other = machines.first.store, machines.second.store
    prepared = machines.first.prepared(ONE, "a.png", "b.png")
    unreachable = refusal("507 Insufficient Storage", "XMinioStorageFull")
    bucket_server.fault = lambda environ: (
        unreachable if environ["PATH_INFO"].endswith("b.png") else None
    )
    assert lost.place([prepared], ONE, AT, rows).failure().code is FailureCode.STORAGE_UNREACHABLE
    bucket_server.fault = None
    assert other.finished(ONE) is None
    other.sweep(ONE, keep_placed=False)
    assert machines.first.bucket.objects() == {}
    assert machines.plans.keys() == frozenset()
    machines.first.bucket.put("image/3_x/other.png", b"not ours")
    lost.sweep(ONE, keep_placed=False)
    assert lost.leftovers() == frozenset()
    assert set(machines.first.bucket.objects()) == {"image/3_x/other.png"}


def test_files_are_uploaded_with_their_types_and_digests(bucket_world: _Bucket) -> None:
    """Content and type are those of the file; nothing is listed, and no other object is written."""
    bucket = bucket_world.bucket
    bucket_world.server.requests.clear()
    prepared = [bucket_world.prepared(ONE, "a.png", "b.png", "c.png")]
    bucket_world.store.place(prepared, ONE, AT, rows).unwrap()
    assert set(bucket_world.server.requests) == {
        ("PUT", f"/{bucket.name}/poets/image/1_20260106T213045/{name}.png") for name in "abc"
    }
    facts = bucket.storage().stat("image/1_20260106T213045/b.png")
    assert facts is not None
    content = media_samples.png()
    assert (facts.size, bucket.get("image/1_20260106T213045/b.png")) == (len(content), content)
    digest = hashlib.sha256(content).hexdigest()
    assert dict(facts.labels) == {"sha256": digest, "mediagen-render": "db-1-1"}


def test_identical_objects_of_another_render_are_kept(bucket_world: _Bucket) -> None:
    """If a script always makes the same picture, only the render's own object is withdrawn."""
    first, second = RenderKey(1, 1), RenderKey(1, 2)
    for key in (first, second):
        bucket_world.store.place([bucket_world.prepared(key, "a.png")], key, AT, rows).unwrap()
    name = "image/1_20260106T213045/a.png"
    bucket_world.bucket.put(
        name,
        bucket_world.bucket.get(name),
        **{"sha256": hashlib.sha256(media_samples.png()).hexdigest(), "mediagen-render": "db-1-9"},
    )
    assert bucket_world.store.finished(first) is None
    bucket_world.store.sweep(first, keep_placed=False)
    bucket_world.store.sweep(second, keep_placed=False)
    assert list(bucket_world.published()) == ["image/1_20260106T213045"]


def test_without_labels_the_content_decides(bucket_world: _Bucket) -> None:
    """A copy of the bucket may have lost them."""
    bucket_world.store.place([bucket_world.prepared(ONE, "a.png")], ONE, AT, rows).unwrap()
    name = "image/1_20260106T213045/a.png"
    bucket_world.bucket.put(name, bucket_world.bucket.get(name))
    assert bucket_world.store.finished(ONE) is not None
    bucket_world.spoil(Kind.IMAGE, "1_20260106T213045")
    assert bucket_world.store.finished(ONE) is None


@pytest.mark.parametrize(("status", "code", "expected"), ANSWERS)
def test_an_error_response_becomes_a_failure(
    bucket_world: _Bucket, status: str, code: str, expected: FailureCode
) -> None:
    """By its code, before a claim and during an upload; no files are kept."""
    ready = bucket_world.prepared(ONE, "a.png")
    server = bucket_world.server
    server.fault = lambda _environ: refusal(status, code)
    failure = bucket_world.store.place([ready], ONE, AT, rows).failure()
    assert failure.code is expected, failure
    assert "tests" not in failure.message.replace("poets", "")
    assert _code(bucket_world.store.preflight()) is expected
    server.fault = None
    assert bucket_world.store.preflight() is None
    bucket_world.store.sweep(ONE, keep_placed=False)
    assert bucket_world.published() == {}
    assert bucket_world.store.leftovers() == frozenset()


def test_an_unreachable_store_keeps_the_plan(bucket_world: _Bucket) -> None:
    """Uploaded objects are found and deleted once the store is back."""
    world, server = bucket_world, bucket_world.server
    ready = world.prepared(ONE, "a.png", "b.png")

    def break_off(environ: WSGIEnvironment) -> WSGIApplication | None:
        return refusal("403 Forbidden", "x") if environ["PATH_INFO"].endswith("b.png") else None

    server.fault = break_off
    assert world.store.place([ready], ONE, AT, rows).failure().code is FailureCode.STORAGE_REFUSED
    assert list(world.published()) == ["image/1_20260106T213045"]
    server.stop()
    try:
        assert _code(world.store.preflight()) is FailureCode.STORAGE_UNREACHABLE
        with pytest.raises(StorageError, match="connection refused"):
            world.store.finished(ONE)
        world.store.sweep(ONE, keep_placed=False)
        assert world.store.leftovers() == {ONE}
    finally:
        server.start()
    server.fault = None
    assert world.store.finished(ONE) is None
    world.store.sweep(ONE, keep_placed=False)
    assert world.published() == {}
    assert world.store.leftovers() == frozenset()


def test_a_lost_response_is_no_conflict(bucket_world: _Bucket) -> None:
    """The object exists when the request is repeated, and is recognised as the render's own."""
    world, server = bucket_world, bucket_world.server
    ready = world.prepared(ONE, "a.png")
    lost: list[str] = []

    def lose(environ: WSGIEnvironment) -> WSGIApplication | None:
        if environ["REQUEST_METHOD"] != "PUT" or lost:
            return None
        lost.append(environ["PATH_INFO"])

        def app(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
            list(server.app(environ, lambda *_: lambda _bytes: None))
            return refusal("503 Service Unavailable", "SlowDown")(environ, start)

        return app

    server.fault = lose
    [stored] = world.store.place([ready], ONE, AT, rows).unwrap()
    assert lost
    assert stored.folder == "1_20260106T213045"
    assert world.store.finished(ONE) is not None


def test_a_store_that_replaces_objects_is_refused(
    bucket: TestBucket, bucket_server: BucketServer
) -> None:
    """Such as one that ignores If-None-Match."""

    def ignore(environ: WSGIEnvironment) -> None:
        environ.pop("HTTP_IF_NONE_MATCH", None)

    bucket_server.fault = ignore
    with pytest.raises(StorageError) as raised:
        bucket.storage().check()
    assert raised.value.failure.code is FailureCode.STORAGE_UNSAFE
    bucket_server.fault = None
    bucket.storage().check()


def test_a_store_that_refuses_every_condition_is_not_safe(bucket_world: _Bucket) -> None:
    """Such as one behind a proxy that answers each condition with 412; the names run out."""

    def refuse(environ: WSGIEnvironment) -> WSGIApplication | None:
        if environ["REQUEST_METHOD"] == "PUT":
            return refusal("412 Precondition Failed", "PreconditionFailed")
        return refusal("404 Not Found", "NoSuchKey")

    bucket_world.server.fault = refuse
    with pytest.raises(StorageError, match="as if there was one already"):
        bucket_world.bucket.storage().check()
    ready = bucket_world.prepared(ONE, "a.png")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("adapters.filesystem.object_artifact_store._MAX_NAMES", 4)
        failure = bucket_world.store.place([ready], ONE, AT, rows).failure()
    assert failure.code is FailureCode.STORAGE_UNREACHABLE


def test_credentials_come_from_a_file(bucket: TestBucket, tmp_path: Path) -> None:
    """A file without them is refused, and its content is not quoted."""
    file = tmp_path / "credentials"
    settings = BucketSettings(
        bucket.settings.url, bucket.settings.endpoint, "us-east-1", credentials_file=str(file)
    )
    for content in (None, "[default]\naws_access_key_id = SECRET\n", "SECRET", "[other]\n"):
        if content is not None:
            file.write_text(content)
        with pytest.raises(StorageError) as raised:
            S3Bucket(settings).check()
        assert raised.value.failure.code is FailureCode.STORAGE_REFUSED
        assert str(file) in raised.value.failure.message
        assert "SECRET" not in raised.value.failure.message
    file.write_text("[default]\naws_access_key_id = a\naws_secret_access_key = b%c\n")
    S3Bucket(settings).check()


class _Roles:
    """A server that gives the credentials of a role, as machines and containers have one."""

    def __init__(self, refused: str = "", status: str = "403 Forbidden") -> None:
        getLogger("werkzeug").setLevel(ERROR)
        self._refused, self._status = refused, status
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if self._refused and self._refused in path:
            start(self._status, [("Content-Length", "0")])
            return []
        start("200 OK", [("Content-Type", "application/json")])
        if path.endswith("/api/token"):
            return [b"of the session"]
        if path.endswith("/security-credentials/"):
            return [b"painter"]
        credentials = {
            "AccessKeyId": "temporary",
            "SecretAccessKey": "of the role",
            "Token": "of-the-role",
            "Expiration": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        }
        return [json.dumps(credentials).encode()]


@pytest.fixture
def without_keys(bucket: TestBucket, monkeypatch: pytest.MonkeyPatch) -> BucketSettings:
    """Settings without credentials, in an environment without them."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    url, endpoint = bucket.settings.url, bucket.settings.endpoint
    return BucketSettings(url, endpoint, "us-east-1", signed_links=True)


@pytest.mark.parametrize("is_container", [False, True], ids=["machine", "container"])
def test_credentials_come_from_a_role(
    without_keys: BucketSettings,
    bucket_server: BucketServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_container: bool,
) -> None:
    """They are temporary: requests and links carry their token."""
    roles, tokens = _Roles(), []

    def seen(environ: WSGIEnvironment) -> None:
        tokens.append(environ.get("HTTP_X_AMZ_SECURITY_TOKEN"))

    bucket_server.fault = seen
    (tmp_path / "token").write_text("of the container")
    if is_container:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{roles.url}/v1/credentials")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "token"))
    else:
        monkeypatch.setenv("AWS_METADATA_ENDPOINT", roles.url)
    try:
        storage = S3Bucket(without_keys)
        storage.check()
        assert "X-Amz-Security-Token=of-the-role" in storage.link("image/a.png")
    finally:
        roles.close()
    assert set(tokens) == {"of-the-role"}


@pytest.mark.parametrize(
    ("refused", "status", "variables", "words"),
    [
        ("token", "403 Forbidden", {}, "role of this machine .* gives none: 403"),
        ("security", "404 Not Found", {}, "role of this machine .* gives none: 404"),
        (
            "v1",
            "403 Forbidden",
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{url}/v1/credentials"},
            "role of this container .* gives none: 403",
        ),
        (
            "",
            "",
            {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "{url}/v1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/nowhere",
            },
            "needs credentials: Failed to read EKS token file '/nowhere'",
        ),
        (
            "",
            "",
            {"AWS_WEB_IDENTITY_TOKEN_FILE": "{token}", "AWS_ENDPOINT_URL_STS": "{url}"},
            "the token service .* gives none: its address must begin with https",
        ),
        ("", "", {"AWS_ACCESS_KEY_ID": "tests"}, "only one is set"),
    ],
)
def test_who_gives_no_credentials_is_said(
    without_keys: BucketSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refused: str,
    status: str,
    variables: dict[str, str],
    words: str,
) -> None:
    """Rather than taking its answer for one of the store."""
    roles, token = _Roles(refused, status), tmp_path / "token"
    token.write_text("of the container")
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", roles.url)
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/painter")
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(url=roles.url, token=token))
    try:
        for act in (S3Bucket(without_keys).check, lambda: S3Bucket(without_keys).link("a.png")):
            with pytest.raises(StorageError, match=words) as raised:
                act()
            assert raised.value.failure.code is FailureCode.STORAGE_REFUSED
    finally:
        roles.close()


def test_a_bare_refusal_hints_at_expired_credentials(
    bucket: TestBucket, bucket_server: BucketServer
) -> None:
    """A store cannot say what is wrong with a HEAD request."""
    bucket_server.fault = lambda _environ: refusal("400 Bad Request", "ExpiredToken")
    with pytest.raises(StorageError, match="400, as with credentials that expired") as raised:
        bucket.storage().stat("image/a.png")
    assert raised.value.failure.code is FailureCode.STORAGE_REFUSED


def test_a_private_certificate_authority_must_be_configured(tmp_path: Path) -> None:
    """A store with an untrusted certificate is not used; ``ca_file`` names its authority."""
    authority = trustme.CA()
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = BucketServer(context)
    try:
        settings = BucketSettings("s3://media", server.url, "us-east-1", "tests", "tests")
        with pytest.raises(StorageError, match="certificate is not trusted"):
            S3Bucket(settings).check()
        with pytest.raises(StorageError) as raised:
            S3Bucket(replace(settings, ca_file=str(file))).check()
        assert raised.value.failure.code is FailureCode.BUCKET_MISSING
        with pytest.raises(StorageError, match=r"ca_file .*none\.pem cannot be read"):
            S3Bucket(replace(settings, ca_file=str(tmp_path / "none.pem"))).check()
        plain = replace(settings, endpoint=server.url.replace("https:", "http:"))
        with pytest.raises(StorageError, match=r"begin media\.storage\.endpoint with https://"):
            S3Bucket(plain).check()
    finally:
        server.close()


@pytest.mark.parametrize(
    ("name", "expires", "reason"),
    [
        ("127.0.0.1", "2020-02-01", "has expired"),
        ("other.example", "2100-01-01", "for another name"),
    ],
)
def test_a_certificate_that_does_not_fit_is_explained(
    tmp_path: Path, name: str, expires: str, reason: str
) -> None:
    """Though its authority is trusted."""
    authority = trustme.CA()
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    end = datetime.fromisoformat(expires).replace(tzinfo=UTC)
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    authority.issue_cert(name, not_before=begin, not_after=end).configure_cert(context)
    server = BucketServer(context)
    try:
        settings = BucketSettings(
            "s3://media", server.url, "us-east-1", "tests", "tests", ca_file=str(file)
        )
        with pytest.raises(StorageError, match=reason):
            S3Bucket(settings).check()
    finally:
        server.close()


def test_a_link_gives_the_object_to_anyone(bucket: TestBucket) -> None:
    """The store gets a signature and no header with credentials."""
    key = "image/7_x/a b+ü#1%.png"
    bucket.put(key, b"content", kind="x")
    storage = S3Bucket(replace(bucket.settings, signed_links=True))
    link = storage.link(key)
    assert storage.link_origin == bucket.settings.endpoint
    assert link.startswith(f"{storage.link_origin}/{bucket.name}/")
    assert "X-Amz-Expires=900&" in link
    assert urllib3.request("GET", link).data == b"content"
    part = urllib3.request("GET", link, headers={"Range": "bytes=1-3"})
    assert (part.status, part.data) == (206, b"ont")


@pytest.mark.parametrize(
    ("url", "endpoint", "path_style", "origin"),
    [
        ("s3://media/poets", None, None, "https://media.s3.eu-central-1.amazonaws.com"),
        ("s3://my.media", None, None, "https://s3.eu-central-1.amazonaws.com"),
        ("s3://media", "https://minio.example:9000/", None, "https://minio.example:9000"),
        ("s3://media", "https://minio.example", False, "https://media.minio.example"),
    ],
)
def test_links_have_one_origin(
    tmp_path: Path, url: str, endpoint: str | None, *, path_style: bool | None, origin: str
) -> None:
    """It is known without credentials, and although the certificates cannot be read."""
    missing = str(tmp_path / "missing")
    settings = BucketSettings(
        url,
        endpoint,
        "eu-central-1",
        credentials_file=missing,
        ca_file=missing,
        path_style=path_style,
    )
    assert S3Bucket(settings).link_origin is None
    storage = S3Bucket(replace(settings, signed_links=True))
    assert storage.link_origin == origin
    with pytest.raises(StorageError):
        storage.link("image/a.png")


def test_a_store_without_tls_is_recognized(bucket: TestBucket) -> None:
    """Behind an https address."""
    endpoint = (bucket.settings.endpoint or "").replace("http:", "https:")
    with pytest.raises(StorageError, match=r"begin media\.storage\.endpoint with http://"):
        S3Bucket(replace(bucket.settings, endpoint=endpoint)).check()


def _code(failure: Failure | None) -> FailureCode | None:
    return None if failure is None else failure.code
