"""A bucket of an S3-compatible store, behind the port `ObjectStorage` (obstore, extra ``s3``)."""

from __future__ import annotations

import re
from configparser import ConfigParser
from configparser import Error as ConfigError
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import unquote, urlsplit

from application.ports.artifact_store import StorageError
from application.ports.object_storage import ObjectFacts
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from obstore import GetOptions
    from obstore.store import ClientConfig, S3Config, S3Credential, S3Store

T = TypeVar("T")

PROBE_KEY: Final = ".mediagen/create-once"
_PROBE: Final = b"Media Generator proves with this object that its store replaces no object.\n"
_CONNECT_SECONDS: Final = 5
_REQUEST_SECONDS: Final = 20  # until the last byte of a response that is small
_MIN_SPEED: Final = 256 * 1024  # bytes per second: larger files get more time
_RETRIES: Final = 4
_RETRY_SECONDS: Final = 20  # after which a request is not sent again
_LINK_TIME: Final = timedelta(minutes=15)
_CREDENTIALS_SECONDS: Final = 60  # after which the file with the credentials is read again
_REFUSED_CODES: Final = frozenset(
    {
        "AccessDenied",
        "AuthorizationHeaderMalformed",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidToken",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "UnauthorizedAccess",
    }
)
_REFUSED_STATUS: Final = frozenset({"401", "403"})


@dataclass(frozen=True, slots=True)
class BucketSettings:
    """Where a bucket is, and how it is reached.

    Attributes:
        url: ``s3://bucket/prefix``; the prefix may be missing.
        endpoint: address of the store; None for Amazon's.
        region: None for that of the environment (AWS_REGION), or us-east-1.
        access_key_id: None to use ``credentials_file``, or else the environment or the machine's
            role.
        secret_access_key: belongs to the access key.
        session_token: of temporary credentials, or None.
        credentials_file: path of a file in the format of ``~/.aws/credentials``, or None.
        ca_file: path of a PEM file with further certificate authorities, or None.
        path_style: whether the bucket is part of the path rather than of the host name; None for
            the usual way.
        signed_links: whether ``link`` may be used.
    """

    url: str
    endpoint: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    credentials_file: str | None = None
    ca_file: str | None = None
    path_style: bool | None = None
    signed_links: bool = False

    @property
    def bucket(self) -> str:
        """The name of the bucket."""
        return urlsplit(self.url).netloc

    @property
    def prefix(self) -> str:
        """The prefix of all keys, without slashes at its ends; may be empty."""
        return urlsplit(self.url).path.strip("/")

    @property
    def address(self) -> str:
        """The bucket and the prefix, without a slash at the end."""
        return "/".join(filter(None, (f"s3://{self.bucket}", self.prefix)))


class S3Bucket:
    """The objects below a prefix of one bucket. Safe from any thread; nothing is opened by it."""

    def __init__(self, settings: BucketSettings) -> None:
        self._settings = settings
        self._clients: dict[int, S3Store] = {}
        self._lock = Lock()

    @property
    def address(self) -> str:
        """The bucket and the prefix for people."""
        return self._settings.address

    def check(self) -> None:
        """Prove that objects can be created, and that none can be created twice.

        Raises:
            StorageError: they cannot, or could be.
        """
        # Once the object is there, which it stays, this changes nothing.
        if not self._create(PROBE_KEY, _PROBE, {}):
            if self.stat(PROBE_KEY) is None:
                message = (
                    f"The object store of {self.address} refuses to create {PROBE_KEY}, as if there"
                    " was one already, but there is none."
                )
                raise _storage_error(FailureCode.STORAGE_UNREACHABLE, message)
        elif self._create(PROBE_KEY, _PROBE, {}):
            message = (
                f"The object store of {self.address} replaces an object when it is asked to create"
                " one that exists: published files would not be safe there."
            )
            raise _storage_error(FailureCode.STORAGE_UNSAFE, message)

    def create(self, key: str, file: Path, content_type: str, labels: Mapping[str, str]) -> bool:
        """Store a file as a new object; False if there is another object of that key.

        Raises:
            StorageError: the store cannot be used.
        """
        seconds, size = _REQUEST_SECONDS, file.stat().st_size
        while seconds * _MIN_SPEED < size:
            seconds *= 2
        attributes = {"Content-Type": content_type, **labels}
        if self._create(key, file, attributes, seconds):
            return True
        # A request that was sent again because the answer to the first got lost finds its object.
        facts = self.stat(key)
        return facts is not None and labels.items() <= facts.labels.items()

    def stat(self, key: str) -> ObjectFacts | None:
        """The facts about an object; None if it does not exist.

        Raises:
            StorageError: the store cannot be used.
        """
        import obstore

        try:
            result = self._run(
                "look at", key, lambda store: obstore.get(store, key, options={"head": True})
            )
        except FileNotFoundError:
            self._require_bucket(key)
            return None
        labels = {name: str(value) for name, value in result.attributes.items() if name.islower()}
        meta = result.meta
        return ObjectFacts(
            meta["size"], meta["last_modified"].timestamp(), meta["e_tag"] or "", labels
        )

    def read(self, key: str, start: int, length: int, etag: str = "") -> bytes:
        """Bytes of an object from an offset on; fewer at its end.

        Raises:
            StorageError: the store cannot be used, or the object is another one.
        """
        import obstore

        options: GetOptions = {"range": (start, start + length)}
        if etag:
            options["if_match"] = etag
        try:
            return self._run(
                "read", key, lambda store: bytes(obstore.get(store, key, options=options).bytes())
            )
        except FileNotFoundError as error:
            raise self._error("read", key, error) from None

    @cached_property
    def link_origin(self) -> str | None:
        """Scheme, host and port of every link; None if the settings want no links."""
        if not self._settings.signed_links:
            return None
        # With other credentials: the true ones may have to be fetched, or be missing.
        settings = replace(
            self._settings,
            access_key_id="-",
            secret_access_key="-",  # noqa: S106 - stands for any
            session_token=None,
            ca_file=None,
        )
        link = urlsplit(S3Bucket(settings).link(PROBE_KEY))
        return f"{link.scheme}://{link.netloc}"

    def link(self, key: str) -> str:
        """An address at which anyone can read the object for a quarter of an hour.

        Raises:
            StorageError: there are no credentials.
        """
        import obstore

        return self._run("sign", key, lambda store: obstore.sign(store, "GET", key, _LINK_TIME))

    def delete(self, key: str) -> None:
        """Delete an object; no error if it does not exist.

        Raises:
            StorageError: the store cannot be used.
        """
        import obstore

        try:
            self._run("delete", key, lambda store: obstore.delete(store, key))
        except FileNotFoundError:
            self._require_bucket(key)

    def _create(
        self,
        key: str,
        content: bytes | Path,
        attributes: dict[str, str],
        seconds: int = _REQUEST_SECONDS,
    ) -> bool:
        """Whether an object was created; False if the key is taken."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        def put(store: S3Store) -> bool:
            # In one request, however large: it is what the store accepts or refuses as a whole.
            obstore.put(
                store, key, content, mode="create", attributes=attributes, use_multipart=False
            )
            return True

        try:
            return self._run("create", key, put, seconds)
        except AlreadyExistsError:
            return False
        except FileNotFoundError as error:
            raise self._error("create", key, error) from None

    def _require_bucket(self, key: str) -> None:
        """Raise StorageError if the bucket does not exist: a HEAD request does not tell."""
        import obstore

        try:
            self._run("read", key, lambda store: obstore.get(store, key).meta)
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise self._error("read", key, error) from None

    def _run(
        self,
        action: str,
        key: str,
        work: Callable[[S3Store], T],
        seconds: int = _REQUEST_SECONDS,
    ) -> T:
        """Work with the store; raises AlreadyExistsError, FileNotFoundError or StorageError."""
        from obstore.exceptions import AlreadyExistsError, BaseError

        try:
            return work(self._client(seconds))
        except AlreadyExistsError:
            raise
        except (BaseError, ValueError) as error:
            raise self._error(action, key, error) from None

    def _client(self, seconds: int) -> S3Store:
        """The client whose requests may take this long."""
        with self._lock:
            if seconds not in self._clients:
                self._clients[seconds] = self._new_client(seconds)
            return self._clients[seconds]

    def _new_client(self, seconds: int) -> S3Store:
        from obstore.store import S3Store

        settings = self._settings
        options: ClientConfig = {
            "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
            "timeout": timedelta(seconds=seconds),
            "allow_http": (settings.endpoint or "").startswith("http://"),
        }
        if settings.ca_file:
            try:
                options["root_certificate"] = Path(settings.ca_file).read_bytes()
            except OSError as error:
                message = (
                    f"media.storage.ca_file {settings.ca_file} cannot be read ({error.strerror})."
                )
                raise StorageError(Failure(FailureCode.STORAGE_UNREACHABLE, message)) from None
        config: S3Config = {"disable_bulk_delete": True}  # few stores know it, and few are deleted
        is_path_style = settings.path_style
        if is_path_style is None:
            # Names with dots do not fit the certificate of Amazon's host names.
            is_path_style = settings.endpoint is not None or "." in settings.bucket
        config["virtual_hosted_style_request"] = not is_path_style
        if settings.endpoint:
            endpoint = settings.endpoint.rstrip("/")
            if not is_path_style:
                scheme, _, host = endpoint.partition("://")
                endpoint = f"{scheme}://{settings.bucket}.{host}"
            config["endpoint"] = endpoint
        if settings.region:
            config["region"] = settings.region
        provider = self._credentials if self._has_credentials else None
        return S3Store(
            settings.bucket,
            prefix=settings.prefix or None,
            config=config,
            client_options=options,
            retry_config={
                "max_retries": _RETRIES,
                "retry_timeout": timedelta(seconds=_RETRY_SECONDS),
                "backoff": {"max_backoff": timedelta(seconds=5)},
            },
            credential_provider=provider,
        )

    @property
    def _has_credentials(self) -> bool:
        return bool(self._settings.access_key_id or self._settings.credentials_file)

    def _credentials(self) -> S3Credential:
        """The credentials of the settings, without anything of the environment."""
        settings = self._settings
        if settings.access_key_id:
            return {
                "access_key_id": settings.access_key_id,
                "secret_access_key": settings.secret_access_key or "",
                "token": settings.session_token,
                "expires_at": None,
            }
        return read_credentials(Path(settings.credentials_file or ""))

    def _error(self, action: str, key: str, error: Exception) -> StorageError:
        """The error of obstore as a failure that says what to do.

        Its text has the address and the store's answer, but neither keys nor signatures.
        """
        place = f"The object store of {self.address}"
        if self._settings.endpoint:
            place += f" at {self._settings.endpoint}"
        text = str(error)
        code, status = _first(r"<Code>([\w.]+)</Code>", text), _first(r"status code: (\d+)", text)
        answer = _first(r"<Message>([^<]{1,300})</Message>", text)
        said = " ".join(filter(None, (status, code, f"({answer})" if answer else "")))
        refused = FailureCode.STORAGE_REFUSED
        if reason := _missing_credentials(text, key, said):
            return _storage_error(refused, f"{place} {reason}")
        if code == "NoSuchBucket":
            message = f"{place} has no bucket {self._settings.bucket!r}."
            return _storage_error(FailureCode.BUCKET_MISSING, message)
        is_bare = (action, status, code) == ("look at", "400", "")  # HEAD requests get no words
        if code in _REFUSED_CODES or status in _REFUSED_STATUS or is_bare:
            message = f"{place} does not allow to {action} {key}: {said}"
            if is_bare:
                message += ", as with credentials that expired"
            elif action == "look at":
                message += "; without s3:ListBucket it says so of objects that do not exist, too"
            return _storage_error(refused, f"{message}.")
        if status == "501":
            message = f"{place} does not support conditional writes: {said}."
            return _storage_error(FailureCode.STORAGE_UNSAFE, message)
        reason = said or _reason(text)
        if isinstance(error, FileNotFoundError) and not status:
            reason = "it does not exist"
        elif self._speaks_tls(status, text):
            reason = "it speaks TLS: begin media.storage.endpoint with https://"
        message = f"{place} could not {action} {key}: {reason}."
        return _storage_error(FailureCode.STORAGE_UNREACHABLE, message)

    def _speaks_tls(self, status: str, text: str) -> bool:
        """Whether a request without TLS failed because the store's port expects it."""
        endpoint = urlsplit(self._settings.endpoint or "")
        is_answer = status not in {"", "400"}  # some servers answer without TLS that they want it
        if endpoint.scheme != "http" or is_answer or "kind: Timeout" in text:
            return False
        from adapters.tls_probe import speaks_tls

        return speaks_tls(endpoint.hostname or "", endpoint.port or 80)


def read_credentials(file: Path) -> S3Credential:
    """Credentials from a file in the format of ``~/.aws/credentials``, profile ``default``.

    Raises:
        ValueError: there are none; the message quotes nothing of the file.
    """
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(file.read_text("utf-8"))
        section = parser["default"]
        access_key, secret = section["aws_access_key_id"], section["aws_secret_access_key"]
    except OSError as error:
        message = f"media.storage.credentials_file {file} cannot be read ({error.strerror})"
        raise ValueError(message) from None
    except (ConfigError, KeyError, UnicodeDecodeError):
        message = (
            f"media.storage.credentials_file {file} has no section [default] with"
            " aws_access_key_id and aws_secret_access_key"
        )
        raise ValueError(message) from None
    return {
        "access_key_id": access_key,
        "secret_access_key": secret,
        "token": section.get("aws_session_token"),
        # Credentials that expire are renewed by another program, in the file.
        "expires_at": datetime.now(UTC) + timedelta(seconds=_CREDENTIALS_SECONDS),
    }


def _storage_error(code: FailureCode, message: str) -> StorageError:
    return StorageError(Failure(code, message))


def _missing_credentials(text: str, key: str, said: str) -> str:
    """Why there were no credentials for a request; "" if it reached the store itself."""
    if reason := _first(r"credential provider: (?:\w+: )?([^\n]{1,300})", text):
        return f"cannot be used: {reason}"
    if reason := _first(r"(Failed to read (?:EKS )?token file [^\n]{1,300})", text):
        return f"needs credentials: {reason}."
    if "Missing SecretAccessKey" in text or "Missing AccessKeyId" in text:
        return "needs both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and only one is set."
    address = _first(r"Error performing [A-Z]+ (\S+) in ", text)
    if not address or unquote(urlsplit(address).path).endswith(f"/{key}"):
        return ""
    source = f"the role of this {'machine' if '/latest/' in address else 'container'}"
    source += f" ({urlsplit(address).netloc})"
    if address == "REDACTED":  # the request holds a token
        source = "the token service (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ENDPOINT_URL_STS)"
    reason = said or _reason(text)
    return f"needs credentials: none are set (media.storage), and {source} gives none: {reason}."


def _reason(text: str) -> str:
    """Why a request had no answer, from the text of obstore's error."""
    lowered = text.lower()
    if "causedasendentity" in lowered:
        return (
            "its TLS certificate is that of an authority, which may only sign others: make one for"
            " the server that it signs"
        )
    for sign, reason in (
        ("expired", "its TLS certificate has expired, or the clock of this machine is wrong"),
        ("notvalidyet", "its TLS certificate is not valid yet, or this machine's clock is wrong"),
        (
            "notvalidforname",
            "its TLS certificate is for another name: use that name in media.storage.endpoint",
        ),
        ("certificate", "its TLS certificate is not trusted (media.storage.ca_file)"),
    ):
        if "certificate" in lowered and sign in lowered:
            return reason
    for sign, reason in (
        ("InvalidContentType", "it does not speak TLS: begin media.storage.endpoint with http://"),
        ("dns error", "its host name is unknown"),
        ("ConnectionRefused", "connection refused"),
        ("precondition", "the object is another one by now"),
        ("kind: Timeout", "no answer in time"),
        ("TimedOut", "no answer in time"),
        ("kind: Connect", "no connection"),
        ("builder error", "its address must begin with https://"),
    ):
        if sign.lower() in lowered:
            return reason
    return text.partition("\n")[0][:300]


def _first(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1] if match else ""
