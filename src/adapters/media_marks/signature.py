"""Content Credentials (C2PA): signing marked files, and checking the signatures of any.

The library is an extra and takes a quarter of a second to import, so it is imported by the first
file that needs it. Sources: C2PA specification 2.2, sections 13 and 14; c2pa-python 0.37.
"""

from __future__ import annotations

import base64
import io
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from adapters.media_marks.layout import MarkError
from application.ports.media_marks import Manifest
from domain.mark import ALGORITHMIC, SOURCE_TYPES, SYNTHETIC, Mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

SIGNABLE: Final = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
}
"""Media types of the formats that can hold a manifest; Ogg and Opus cannot."""

_UNKNOWN: Final = "application/octet-stream"  # of which the library hashes every byte
MISSING_LIBRARY: Final = (
    "the package c2pa-python is not installed: install media-generator with the extra c2pa"
)
_NEW_FILE_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# A thumbnail in the manifest would make a small file many times as large.
_BUILDER_SETTINGS: Final = {
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"verify_after_sign": False},  # what was written is read again instead
}
_ALGORITHMS: Final = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_MAX_IN_MEMORY: Final = 32 * 1024 * 1024  # bytes of a file
_MAX_PROBLEM: Final = 200  # characters
_MAX_PARENTS: Final = 20  # manifests that are read for the type of source
_UNTRUSTED: Final = frozenset({"signingCredential.untrusted"})
_NO_TIME_STAMP_SECONDS: Final = 300.0  # without asking the time authority again, once it failed
_SAMPLE: Final = base64.b64decode(  # a PNG of one pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)


class CertificateError(Exception):
    """Why nothing can be signed with a certificate, in one sentence without a full stop."""


class Signer:
    """Signs files with a certificate. Safe to use from several threads.

    Args:
        certificate: a PEM file with the chain, the signer's own certificate first; it may hold
            the private key too.
        private_key: the key in PEM, or None where it stands in that file.
        software: name and version of this program.
        time_authority: address of a time-stamping service (RFC 3161), or None.
    """

    def __init__(
        self,
        certificate: Path,
        private_key: str | None,
        software: tuple[str, str],
        time_authority: str | None = None,
    ) -> None:
        self._certificate = certificate
        self._private_key = private_key
        self._software = software
        self._time_authority = time_authority
        self._loaded: _Loaded | None = None
        self._unstamped = ("", 0.0)  # why the time authority failed, and when it is asked again
        self._lock = Lock()

    def check(self) -> tuple[datetime, str]:
        """Sign a sample, to know whether files can be signed.

        Returns:
            When the certificate ends, in UTC, and why there is no time stamp, as ``sign`` says.

        Raises:
            CertificateError: the certificate cannot be used.
            MarkError: nothing can be signed with it.
        """
        library = _library()
        document = self._manifest("sample.png", Mark("", ALGORITHMIC, datetime.now(UTC), "", "-"))
        _, problem = self._build(library, document, "png", io.BytesIO(_SAMPLE), io.BytesIO())
        return expiry(load_certificate(self._certificate, self._private_key)[0]), problem

    def sign(
        self, source: Path, target: Path, format_name: str, mark: Mark, *, is_signed: bool
    ) -> str:
        """Write a signed copy of a file.

        Args:
            source: the file.
            target: must not exist.
            format_name: as in ``MediaFacts``.
            mark: what the manifest states.
            is_signed: whether the file has a manifest, which becomes an ingredient.

        Returns:
            Why it has no time stamp although there is a time authority, or "".

        Raises:
            CertificateError: the certificate cannot be used.
            MarkError: the file cannot be signed.
            OSError: a file cannot be read or written.
        """
        if format_name not in SIGNABLE:
            raise MarkError(f"is {format_name}, which cannot hold a signature")
        library = _library()
        manifest = self._manifest(source.name, mark, is_signed=is_signed)
        copy = os.open(target, _NEW_FILE_FLAGS, 0o600)
        with os.fdopen(copy, "w+b") as written, source.open("rb") as file:
            # The library reads and writes a few kilobytes at a time, each through Python.
            is_small = os.fstat(file.fileno()).st_size <= _MAX_IN_MEMORY
            original: BinaryIO = io.BytesIO(file.read()) if is_small else file
            signed: BinaryIO = io.BytesIO() if is_small else written
            parent = source.name if is_signed else None
            _, problem = self._build(library, manifest, format_name, original, signed, parent)
            if isinstance(signed, io.BytesIO):
                written.write(signed.getbuffer())
            os.fchmod(written.fileno(), 0o644)
        with target.open("rb") as file:
            _check_signed(io.BytesIO(file.read()) if is_small else file, format_name)
        return problem

    def sign_beside(self, source: Path, target: Path, format_name: str, mark: Mark) -> str:
        """Write the manifest of a file that cannot hold it into a file of its own.

        Args:
            source: the file.
            target: the file of its manifest.
            format_name: as in ``MediaFacts``.
            mark: what the manifest states.

        Returns:
            Why it has no time stamp although there is a time authority, or "".

        Raises:
            CertificateError: the certificate cannot be used.
            MarkError: the file cannot be signed, or something has the name of its manifest.
            OSError: a file cannot be read or written.
        """
        if target.exists():
            raise MarkError(f"has a neighbour that is called {target.name} already")
        library = _library()
        content = io.BytesIO(source.read_bytes())
        document = self._manifest(source.name, mark)
        manifest, problem = self._build(library, document, format_name, content, io.BytesIO())
        _check_signed(content, format_name, manifest)
        with os.fdopen(os.open(target, _NEW_FILE_FLAGS, 0o600), "wb") as written:
            written.write(manifest)
            os.fchmod(written.fileno(), 0o644)
        return problem

    def _build(
        self,
        library: Any,  # noqa: ANN401 - an extra
        document: dict[str, object],
        format_name: str,
        original: BinaryIO,
        signed: BinaryIO,
        parent: str | None = None,
    ) -> tuple[bytes, str]:
        """Sign a file; returns the manifest, and why it has no time stamp.

        Args:
            library: the one that signs.
            document: what the manifest states.
            format_name: of the file; if it cannot hold the manifest, ``signed`` stays as it is.
            original: the file.
            signed: the signed file.
            parent: title of the file as an ingredient, or None if it has no manifest.
        """
        media_type = SIGNABLE.get(format_name, _UNKNOWN)

        def build(signer: Any) -> bytes:  # noqa: ANN401 - of the library
            for file in (original, signed):
                file.seek(0)
            signed.truncate()
            with library.Builder(json.dumps(document), loaded.context) as builder:
                if format_name not in SIGNABLE:
                    builder.set_no_embed()
                if parent is not None:
                    facts = {"title": parent, "relationship": "parentOf", "label": "in"}
                    builder.add_ingredient(facts, media_type, original)
                    original.seek(0)
                return bytes(builder.sign(signer, media_type, original, signed))

        with self._lock:
            loaded = self._load(library)
            problem, again = self._unstamped
            try:
                if loaded.stamping is None:
                    return build(loaded.signer), ""
                if monotonic() < again:
                    return build(loaded.signer), problem
                try:
                    return build(loaded.stamping), ""
                except library.C2paError as error:
                    # Each file would wait for an authority that does not answer.
                    manifest = build(loaded.signer)
                    problem = f"signed without a time stamp: {error}"
                    self._unstamped = (problem, monotonic() + _NO_TIME_STAMP_SECONDS)
                    return manifest, problem
            except library.C2paError as error:
                raise MarkError(f"cannot be signed ({error})") from error

    def _manifest(self, title: str, mark: Mark, *, is_signed: bool = False) -> dict[str, object]:
        """What the library signs, as JSON values."""
        action = {
            "action": "c2pa.created",
            "when": f"{mark.made_at:%Y-%m-%dT%H:%M:%SZ}",
            "digitalSourceType": SOURCE_TYPES + mark.source_type,
            "softwareAgent": {"name": mark.system},
            # A seed of ComfyUI may not fit into the 64 signed bits of an integer.
            "parameters": {"workflow": mark.workflow, "seed": mark.seed},
        }
        actions = [action]
        if is_signed:
            opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": ["in"]}}
            actions = [opened, {**action, "action": "c2pa.published"}]
        name, version = self._software
        return {
            "claim_generator_info": [{"name": name.replace(" ", "_"), "version": version}],
            "title": title,
            "assertions": [{"label": "c2pa.actions", "data": {"actions": actions}}],
        }

    def _load(self, library: Any) -> _Loaded:  # noqa: ANN401 - an extra
        """The certificate as the library takes it; read again once its file was replaced."""
        try:
            facts = self._certificate.stat()
            version = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
        except OSError:
            version = (0, 0, 0)  # reading it says why
        if self._loaded is None or self._loaded.version != version:
            chain, key = load_certificate(self._certificate, self._private_key)
            algorithm = check_certificate(chain, key).encode()
            key = _unencrypted_pkcs8(key)
            addresses: list[bytes | None] = [None]
            if self._time_authority:
                addresses.append(self._time_authority.encode())
            try:
                signers = [
                    library.Signer.from_info(
                        library.C2paSignerInfo(
                            alg=algorithm, sign_cert=chain, private_key=key, ta_url=address
                        )
                    )
                    for address in addresses
                ]
                context = library.Context.from_dict(_BUILDER_SETTINGS)
            except library.C2paError as error:
                raise CertificateError(f"{self._certificate} cannot be used ({error})") from error
            stamping = signers[1] if self._time_authority else None
            self._loaded = _Loaded(version, signers[0], stamping, context)
        return self._loaded


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A certificate as the library takes it.

    Attributes:
        version: of its file.
        signer: signs without a time stamp.
        stamping: signs with one; None if there is no time authority.
        context: settings of the library.
    """

    version: tuple[int, int, int]
    signer: Any
    stamping: Any
    context: Any


def _check_signed(file: BinaryIO, format_name: str, sidecar: bytes | None = None) -> None:
    """Raise MarkError unless a file that was signed just now has a valid signature."""
    seen = read_manifest(file, format_name, sidecar=sidecar)
    if seen is None or not seen.is_valid:
        problems = ", ".join(seen.problems) if seen else "no manifest"
        raise MarkError(f"has no valid signature after it was signed ({problems})")


def _library() -> Any:  # noqa: ANN401 - an extra
    """The library, or CertificateError where it is not installed."""
    try:
        import c2pa  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise CertificateError(MISSING_LIBRARY) from error
    return c2pa


def load_certificate(certificate: Path, private_key: str | None) -> tuple[bytes, bytes]:
    """The chain and the private key in PEM; CertificateError if one is missing.

    Args:
        certificate: the PEM file.
        private_key: the key in PEM, or None where it stands in that file.
    """
    try:
        content = certificate.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a text in PEM"
        raise CertificateError(f"{certificate} cannot be read: {reason}") from error
    blocks = [f"-----BEGIN {block}" for block in content.split("-----BEGIN ")[1:]]
    chain = [block for block in blocks if "CERTIFICATE-----" in block.partition("\n")[0]]
    keys = [block for block in blocks if "PRIVATE KEY-----" in block.partition("\n")[0]]
    if not chain:
        raise CertificateError(f"{certificate} holds no certificate in PEM")
    if private_key is None and not keys:
        raise CertificateError(
            f"{certificate} holds no private key, and media.marking.private_key is not set"
        )
    return "".join(chain).encode(), (private_key or keys[0]).encode()


def check_certificate(chain: bytes, key: bytes, at: datetime | None = None) -> str:
    """The name of the signing algorithm for a key that belongs to a valid certificate.

    Args:
        chain: certificates in PEM, the signer's own first.
        key: the private key in PEM, without a password.
        at: the time at which it must be valid; None for now.

    Raises:
        CertificateError: it is not valid, or key and certificate do not belong together.
    """
    _library()  # brings the package that reads certificates
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    try:
        leaf, *_ = x509.load_pem_x509_certificates(chain)
        private = serialization.load_pem_private_key(key, None)
    except (ValueError, TypeError) as error:
        raise CertificateError(f"the certificate or its key cannot be read ({error})") from error
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    encoding = serialization.Encoding.DER
    ours = private.public_key().public_bytes(encoding, public)
    if leaf.public_key().public_bytes(encoding, public) != ours:
        raise CertificateError("the private key does not belong to the first certificate")
    now = at or datetime.now(UTC)
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        raise CertificateError(
            f"the certificate is valid from {leaf.not_valid_before_utc:%Y-%m-%d}"
            f" to {leaf.not_valid_after_utc:%Y-%m-%d}"
        )
    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in _ALGORITHMS:
        return _ALGORITHMS[private.curve.name]
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(private, rsa.RSAPrivateKey):
        return "ps256"
    raise CertificateError("the key is of a kind that C2PA does not know")


def _unencrypted_pkcs8(key: bytes) -> bytes:
    """A private key in the only form that the library reads; OpenSSL writes others too."""
    from cryptography.hazmat.primitives import serialization

    return serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def expiry(chain: bytes) -> datetime:
    """When the first certificate of a chain in PEM ends, in UTC."""
    from cryptography import x509

    return x509.load_pem_x509_certificates(chain)[0].not_valid_after_utc


def read_manifest(
    file: BinaryIO, format_name: str, anchors: str | None = None, sidecar: bytes | None = None
) -> Manifest | None:
    """The manifest in a file, or beside it, checked against its content; None if it has none.

    Nothing is fetched from other machines.

    Args:
        file: seekable.
        format_name: as in ``MediaFacts``.
        anchors: certificates of trusted authorities in PEM, or None for none.
        sidecar: the content of the file of its own in which the manifest stands, or None.

    Raises:
        CertificateError: the library is not installed.
        OSError: the file cannot be read.
    """
    if format_name not in SIGNABLE and sidecar is None:
        return None
    library = _library()
    settings: dict[str, object] = {
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True}
    }
    if anchors:
        settings["trust"] = {"user_anchors": anchors}
    file.seek(0)
    media_type = SIGNABLE.get(format_name, _UNKNOWN)
    try:
        with (
            library.Context.from_dict(settings) as context,
            library.Reader(media_type, file, manifest_data=sidecar, context=context) as reader,
        ):
            document = json.loads(reader.json())
            state = reader.get_validation_state()
    except library.C2paError.ManifestNotFound:
        return None
    except library.C2paError as error:
        problem = str(error)[:_MAX_PROBLEM]
        return Manifest(
            is_valid=False, is_trusted=False, signer="", source_type="", problems=(problem,)
        )
    return _manifest(document, state)


def _manifest(document: Any, state: str | None) -> Manifest:  # noqa: ANN401 - JSON
    active = document.get("manifests", {}).get(document.get("active_manifest"), {})
    codes = [str(status.get("code", "")) for status in document.get("validation_status", [])]
    signature = active.get("signature_info", {})
    names = (signature.get("common_name"), signature.get("issuer"))
    terms = [term.rpartition("/")[2] for term in _source_types(document, active)]
    source_type = next((term for term in terms if term in SYNTHETIC), "".join(terms[:1]))
    return Manifest(
        is_valid=state in {"Valid", "Trusted"},
        is_trusted=state == "Trusted",
        signer=", ".join(dict.fromkeys(str(name) for name in names if name)),
        source_type=source_type,
        problems=tuple(code for code in codes if code not in _UNTRUSTED),
        ingredients=tuple(
            str(one.get("title") or "a file without a name")
            for one in active.get("ingredients", [])
        ),
    )


def _source_types(document: Any, manifest: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """What the actions of a manifest state, then those of the file that it was made from.

    Services sign what their model made, and sign the converted file again, without the type.
    """
    for _ in range(_MAX_PARENTS):
        for assertion in manifest.get("assertions", []):
            if str(assertion.get("label", "")).startswith("c2pa.actions"):
                with suppress(AttributeError, KeyError, TypeError):
                    for action in assertion["data"]["actions"]:
                        if term := action.get("digitalSourceType"):
                            yield str(term)
        parents = (
            one.get("active_manifest")
            for one in manifest.get("ingredients", [])
            if one.get("relationship") == "parentOf"
        )
        manifest = document.get("manifests", {}).get(next(parents, None), {})


def make_test_certificate(days: int, at: datetime) -> tuple[str, str]:
    """A certificate for trying, made on the spot, which no other program trusts.

    Args:
        days: how long it is valid.
        at: the beginning, in UTC.

    Returns:
        Chain and private key in one PEM, and the authority's certificate in another.

    Raises:
        CertificateError: the library is not installed.
    """
    _library()
    from datetime import timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def named(name: str) -> x509.Name:
        texts = ((NameOID.ORGANIZATION_NAME, "Test only"), (NameOID.COMMON_NAME, name))
        return x509.Name([x509.NameAttribute(oid, text) for oid, text in texts])

    def usage(**used: bool) -> x509.KeyUsage:
        names = (
            *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
            *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        )
        return x509.KeyUsage(*(used.get(name, False) for name in names))

    authority_key = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())
    authority_name = named("Media Generator test authority")

    def begun(name: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(authority_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(at - timedelta(minutes=5))
            .not_valid_after(at + timedelta(days=days))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )

    authority = (
        begun(authority_name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage(key_cert_sign=True, crl_sign=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
    signer = (
        begun(named("Media Generator test signer"), key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage(digital_signature=True), critical=True)
        .add_extension(purposes, critical=False)
        .add_extension(identifier, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain: Sequence[bytes] = [one.public_bytes(pem) for one in (signer, authority)]
    return b"".join([*chain, private]).decode(), chain[1].decode()
