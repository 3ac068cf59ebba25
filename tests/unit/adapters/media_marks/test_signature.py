"""Signed files are valid, and every change is detected."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from adapters.filesystem.inspection import FileInspector
from adapters.filesystem.limits import StoreLimits
from adapters.media_files.thumbnails import draw_thumbnail
from adapters.media_marks.marker import Marker
from adapters.media_marks.signature import (
    SIGNABLE,
    CertificateError,
    Signer,
    check_certificate,
    load_certificate,
    make_test_certificate,
    read_manifest,
)
from adapters.media_marks.signature import (
    _manifest as manifest_of,
)
from application.file_report import Verdict, judge
from application.ports.media_marks import Inspection, Manifest
from domain.mark import SOURCE_TYPES, TRAINED, FileMark
from tests import media_samples
from tests.unit.adapters.media_marks.test_marker import MARK, decoded, layout_of, marked, verify

if TYPE_CHECKING:
    from pathlib import Path

c2pa = pytest.importorskip("c2pa")
pytest.importorskip("cryptography")
from cryptography import x509  # noqa: E402 - an extra
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec, ed25519  # noqa: E402

NOW = datetime.now(UTC)
PEM, AUTHORITY = make_test_certificate(30, NOW)
SEED = str(2**64 - 1)


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    """A signer with a test certificate."""
    (tmp_path / "signing.pem").write_text(PEM)
    return Signer(tmp_path / "signing.pem", None, ("Media Generator", "1.0"))


@pytest.mark.parametrize("format_name", SIGNABLE)
def test_a_signed_file_is_intact_and_valid(
    tmp_path: Path, signer: Signer, format_name: str
) -> None:
    """It decodes to the same, has both marks, and its signer is trusted if the authority is."""
    raw = media_samples.media(format_name)
    mark = replace(MARK, seed=SEED)
    marker = Marker("Media Generator 1.0", signer=signer)
    new, done = marked(tmp_path, raw, format_name, mark, marker)
    path = tmp_path / f"made{media_samples.SUFFIXES[format_name]}"
    verify(path, format_name)
    assert decoded(new, format_name) == decoded(raw, format_name)
    assert len(new) - len(raw) < 5 * 1024
    assert (done.mark.metadata, done.mark.signature, done.mark.problem) == (*["written"] * 2, "")
    for anchors in (None, AUTHORITY):
        seen = FileInspector(StoreLimits(), anchors).inspect(path)
        assert judge(seen).verdict is Verdict.MARKED
        assert seen.source_type == TRAINED
        assert seen.manifest is not None
        assert (seen.manifest.is_valid, seen.manifest.is_trusted) == (True, anchors is not None)
        assert seen.manifest.source_type == TRAINED
        assert "Media Generator test signer" in seen.manifest.signer


@pytest.mark.parametrize("format_name", ["ogg", "opus"])
def test_a_format_without_signatures_keeps_its_mark(
    tmp_path: Path, signer: Signer, format_name: str
) -> None:
    """The report says why it is not signed."""
    raw = media_samples.media(format_name)
    marker = Marker("Media Generator 1.0", signer=signer)
    _, done = marked(tmp_path, raw, format_name, MARK, marker)
    assert (done.mark.metadata, done.mark.signature) == ("written", "")
    assert "cannot hold a signature" in done.mark.problem


@pytest.mark.parametrize("format_name", ["ogg", "opus"])
def test_a_separate_manifest_is_stored_next_to_the_file(
    tmp_path: Path, signer: Signer, format_name: str
) -> None:
    """C2PA readers look there; it covers every byte, and no second file can get its name."""
    marker = Marker("Media Generator 1.0", signer=signer, with_sidecars=True)
    raw = media_samples.media(format_name)
    new, done = marked(tmp_path, raw, format_name, MARK, marker)
    assert decoded(new, format_name) == decoded(raw, format_name)
    assert (done.mark.metadata, done.mark.signature, done.mark.problem) == (
        "written",
        "sidecar",
        "",
    )
    path, beside = (
        tmp_path / f"made{suffix}" for suffix in (media_samples.SUFFIXES[format_name], ".c2pa")
    )
    assert done.manifest == beside
    assert beside.stat().st_size < 5 * 1024
    seen = FileInspector(StoreLimits(), AUTHORITY).inspect(path)
    assert judge(seen).verdict is Verdict.MARKED
    assert seen.manifest is not None
    assert (seen.manifest.is_trusted, seen.manifest.source_type) == (True, TRAINED)
    _, done = marked(tmp_path, raw, format_name, MARK, marker)
    assert "neighbour that is called made.c2pa" in done.mark.problem
    path.write_bytes(new.replace(b"flux1-dev", b"flux2-dev", 1))
    assert judge(FileInspector(StoreLimits()).inspect(path)).verdict is Verdict.CHANGED
    path.write_bytes(new)
    beside.unlink()
    assert judge(FileInspector(StoreLimits()).inspect(path)).verdict is Verdict.MARKED


@pytest.mark.parametrize("format_name", ["png", "jpeg", "wav"])
def test_a_manifest_of_others_beside_any_format_is_read(tmp_path: Path, format_name: str) -> None:
    """Some programs leave pictures as they are, and write the manifest into a file beside them."""
    raw = media_samples.media(format_name)
    path = tmp_path / f"made{media_samples.SUFFIXES[format_name]}"
    path.write_bytes(raw)
    (tmp_path / "signing.pem").write_text(PEM)
    chain, key = load_certificate(tmp_path / "signing.pem", None)
    facts = c2pa.C2paSignerInfo(alg=b"es256", sign_cert=chain, private_key=key, ta_url=None)
    action = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPES + TRAINED}
    document = {
        "title": path.name,
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}],
    }
    with (
        c2pa.Builder(json.dumps(document)) as builder,
        c2pa.Signer.from_info(facts) as library_signer,
    ):
        builder.set_no_embed()
        media_type = SIGNABLE[format_name]
        manifest = builder.sign(library_signer, media_type, io.BytesIO(raw), io.BytesIO())
    path.with_suffix(".c2pa").write_bytes(manifest)
    inspector = FileInspector(StoreLimits(), AUTHORITY)
    seen = inspector.inspect(path)
    assert (seen.source_type, judge(seen).verdict) == ("", Verdict.MARKED)
    assert seen.manifest is not None
    assert (seen.manifest.is_trusted, seen.manifest.source_type) == (True, TRAINED)
    new, _ = marked(tmp_path, raw, format_name)
    assert new != raw
    assert judge(inspector.inspect(path)).verdict is Verdict.CHANGED


def test_a_manifest_of_a_neighbour_is_no_broken_signature(tmp_path: Path, signer: Signer) -> None:
    """A song that was published as Ogg and Opus has a manifest for one of both."""
    marker = Marker("Media Generator 1.0", signer=signer, with_sidecars=True)
    marked(tmp_path, media_samples.media("ogg"), "ogg", MARK, marker)
    other, done = marked(tmp_path, media_samples.media("opus"), "opus", MARK, marker)
    assert "neighbour" in done.mark.problem
    inspector = FileInspector(StoreLimits())
    report = judge(inspector.inspect(tmp_path / "made.opus"))
    assert (report.verdict, report.reason) == (Verdict.MARKED, "")
    assert inspector.inspect(tmp_path / "made.ogg").manifest is not None
    (tmp_path / "made.ogg").write_bytes(other)  # which it covers no longer
    assert judge(inspector.inspect(tmp_path / "made.opus")).verdict is Verdict.CHANGED


def test_a_changed_file_is_invalid(tmp_path: Path, signer: Signer) -> None:
    """One byte in a text is enough, which no decoder would detect."""
    marker = Marker("Media Generator 1.0", signer=signer)
    new, _ = marked(tmp_path, media_samples.song("wav"), "wav", MARK, marker)
    path = tmp_path / "made.wav"
    path.write_bytes(new.replace(b"flux1-dev", b"flux2-dev", 1))
    report = judge(FileInspector(StoreLimits()).inspect(path))
    assert report.verdict is Verdict.CHANGED
    assert "signature is not valid" in report.reason


@pytest.mark.parametrize("format_name", ["png", "wav", "mp3", "flac"])
def test_a_signed_file_stays_or_becomes_an_ingredient(
    tmp_path: Path, signer: Signer, format_name: str
) -> None:
    """It is never embedded again without its own manifest."""
    marker = Marker("Media Generator 1.0", signer=signer)
    first, _ = marked(tmp_path, media_samples.media(format_name), format_name, MARK, marker)
    kept, done = marked(tmp_path, first, format_name, MARK, marker)
    assert kept == first
    assert done.mark.signature == "present"
    again = Marker("Media Generator 1.0", signer=signer, signs_signed=True)
    _, done = marked(tmp_path, first, format_name, MARK, again)
    assert done.mark.signature == "ingredient", done
    path = tmp_path / f"made{media_samples.SUFFIXES[format_name]}"
    with path.open("rb") as file:
        manifest = read_manifest(file, format_name)
    assert manifest is not None
    assert manifest.is_valid
    assert manifest.ingredients == (path.name,)


def test_a_signature_without_a_plain_mark_can_be_configured(tmp_path: Path, signer: Signer) -> None:
    """The manifest then has the only mark."""
    marker = Marker("Media Generator 1.0", with_metadata=False, signer=signer)
    new, done = marked(tmp_path, media_samples.png(), "png", MARK, marker)
    assert (done.mark.metadata, done.mark.signature) == ("", "written")
    assert b"XML:com.adobe.xmp" not in new
    seen = FileInspector(StoreLimits()).inspect(tmp_path / "made.png")
    assert judge(seen).verdict is Verdict.MARKED


@pytest.mark.parametrize("format_name", media_samples.PICTURE_FORMATS)
@pytest.mark.parametrize("with_metadata", [False, True])
def test_a_thumbnail_of_a_signed_picture_is_marked(
    tmp_path: Path, signer: Signer, format_name: str, *, with_metadata: bool
) -> None:
    """With the source type that may only be in the manifest; so is the row of such a file."""
    marker = Marker("Media Generator 1.0", with_metadata=with_metadata, signer=signer)
    raw = media_samples.picture(format_name, (400, 200))
    new, _ = marked(tmp_path, raw, format_name, MARK, marker)
    small = draw_thumbnail(io.BytesIO(new), format_name, 64)
    assert layout_of(small, "webp")[0] == TRAINED
    _, done = marked(tmp_path, new, format_name, MARK)
    assert (done.mark.source_type, done.mark.signature) == (TRAINED, "present")


@pytest.mark.parametrize("format_name", SIGNABLE)
def test_the_row_of_a_signed_file_has_its_source_type(
    tmp_path: Path, signer: Signer, format_name: str
) -> None:
    """It is read from the manifest without the library, wherever the manifest is."""
    marker = Marker("Media Generator 1.0", with_metadata=False, signer=signer)
    new, _ = marked(tmp_path, media_samples.media(format_name), format_name, MARK, marker)
    _, done = marked(tmp_path, new, format_name, MARK)
    assert (done.mark.source_type, done.mark.metadata) == (TRAINED, "")
    assert done.mark.signature == "present"


def test_a_song_that_would_lose_its_mark_is_not_signed(tmp_path: Path, signer: Signer) -> None:
    """The library writes a new tag in place of one that it cannot read."""
    frame = b"TXXX" + b"\x7f" * 4 + bytes(2) + b"\3abcdefghi"
    raw = b"ID3\4\0\0\0\0\0" + bytes([len(frame)]) + frame + media_samples.song("mp3")
    marker = Marker("Media Generator 1.0", signer=signer)
    new, done = marked(tmp_path, raw, "mp3", MARK, marker)
    assert (done.mark.metadata, done.mark.signature) == ("written", "")
    assert done.mark.problem == "not signed: would lose its mark"
    assert layout_of(new, "mp3")[0] == TRAINED
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made.mp3", "signing.pem"]


@pytest.mark.parametrize("with_metadata", [False, True])
@pytest.mark.parametrize("format_name", ["mp3", "flac"])
@pytest.mark.parametrize(
    ("version", "encoding"), [(3, "latin-1"), (3, "utf-16"), (4, "utf-16-be"), (4, "utf-8")]
)
def test_a_song_that_would_lose_its_timed_lyrics_is_not_signed(
    tmp_path: Path,
    signer: Signer,
    format_name: str,
    version: int,
    encoding: str,
    *,
    with_metadata: bool,
) -> None:
    """The library damages them, or drops the whole tag (c2pa-python 0.38.1)."""
    number = ("latin-1", "utf-16", "utf-16-be", "utf-8").index(encoding)
    end = "\0".encode("utf-16-be" if "16" in encoding else encoding)
    title = "".encode(encoding) + end
    lyrics = bytes([number]) + b"eng\2\1" + title + "la".encode(encoding) + end + bytes(4)
    frames = b"".join(
        name + len(content).to_bytes(4, "big") + bytes(2) + content
        for name, content in ((b"TIT2", b"\0Song"), (b"SYLT", lyrics))
    )
    tag = b"ID3" + bytes([version, 0, 0]) + len(frames).to_bytes(4, "big") + frames
    marker = Marker("Media Generator 1.0", with_metadata=with_metadata, signer=signer)
    raw = tag + media_samples.song(format_name)
    new, done = marked(tmp_path, raw, format_name, MARK, marker)
    assert frames in new
    assert (done.mark.metadata, done.mark.signature) == ("written" if with_metadata else "", "")
    assert done.mark.problem.startswith("not signed: would lose ")


def test_a_song_that_would_lose_its_tag_is_not_signed(tmp_path: Path, signer: Signer) -> None:
    """The library drops unsynchronised tags of version 2.3 (0.38.1)."""
    # The 0 behind the 255 belongs to the tag alone, as its flag says.
    frame = b"TIT2" + (5).to_bytes(4, "big") + bytes(2) + b"\1\xff\0\xfeS\0"
    raw = b"ID3\3\0\x80\0\0\0" + bytes([len(frame)]) + frame + media_samples.song("mp3")
    marker = Marker("Media Generator 1.0", with_metadata=False, signer=signer)
    new, done = marked(tmp_path, raw, "mp3", MARK, marker)
    assert new == raw
    assert done.mark.problem == "not signed: would lose a part of its ID3 tag"


def test_without_a_usable_certificate_files_are_still_marked(tmp_path: Path) -> None:
    """The row gives the reason, and the next file is tried again."""
    signer = Signer(tmp_path / "missing.pem", None, ("Media Generator", "1.0"))
    marker = Marker("Media Generator 1.0", signer=signer)
    _, done = marked(tmp_path, media_samples.png(), "png", MARK, marker)
    assert done.mark.metadata == "written"
    assert done.mark.problem == (
        f"not signed: {tmp_path / 'missing.pem'} cannot be read: No such file or directory"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["made.png"]


def test_a_bad_certificate_is_explained(tmp_path: Path) -> None:
    """Its key, its validity, and the contents of the file."""
    other, _ = make_test_certificate(30, NOW)
    path = tmp_path / "signing.pem"
    chain, key = PEM[: PEM.index("-----BEGIN PRIVATE")], PEM[PEM.index("-----BEGIN PRIVATE") :]
    path.write_text(chain)
    with pytest.raises(CertificateError, match="holds no private key"):
        load_certificate(path, None)
    assert load_certificate(path, key) == (chain.encode(), key.encode())
    assert check_certificate(chain.encode(), key.encode()) == "es256"
    with pytest.raises(CertificateError, match="does not belong"):
        check_certificate(chain.encode(), other[other.index("-----BEGIN PRIVATE") :].encode())
    with pytest.raises(CertificateError, match="is valid from"):
        check_certificate(chain.encode(), key.encode(), NOW + timedelta(days=31))
    path.write_text(json.dumps({}))
    with pytest.raises(CertificateError, match="holds no certificate"):
        load_certificate(path, None)


def _certificate(key: Any) -> tuple[bytes, bytes]:  # noqa: ANN401 - of any kind
    """A certificate for a key, signed by another, and the key."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Signer of any kind")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


@pytest.mark.parametrize(
    ("curve", "algorithm"),
    [(ec.SECP256R1(), "es256"), (ec.SECP384R1(), "es384"), (ec.SECP521R1(), "es512")],
)
def test_the_algorithm_follows_from_the_curve_of_the_key(
    curve: ec.EllipticCurve, algorithm: str
) -> None:
    """By the name that the package for certificates gives it."""
    chain, key = _certificate(ec.generate_private_key(curve))
    assert check_certificate(chain, key) == algorithm


def test_keys_of_other_kinds_are_known_or_refused() -> None:
    """A curve that C2PA does not know would fail for every file."""
    assert check_certificate(*_certificate(ed25519.Ed25519PrivateKey.generate())) == "ed25519"
    with pytest.raises(CertificateError, match="of a kind that C2PA does not know"):
        check_certificate(*_certificate(ec.generate_private_key(ec.SECP256K1())))


def signed_file(folder: Path, pem: str, authority: str | None = None) -> tuple[Path, FileMark]:
    """A signed PNG and its mark."""
    (folder / "signing.pem").write_text(pem)
    signer = Signer(folder / "signing.pem", None, ("Media Generator", "1.0"), authority)
    marker = Marker("Media Generator 1.0", signer=signer)
    _, done = marked(folder, media_samples.media("png"), "png", MARK, marker)
    return folder / "made.png", done.mark


def test_an_expired_certificate_is_no_change() -> None:
    """The file is still marked, and the report gives the reason; a change is detected."""
    ended = Manifest(
        is_valid=False,
        is_trusted=False,
        signer="x",
        source_type=TRAINED,
        problems=("signingCredential.expired",),
    )
    seen = Inspection("png", 1, "0", source_type=TRAINED, manifest=ended)
    report = judge(seen)
    assert (report.verdict, "has ended" in report.reason) == (Verdict.MARKED, True)
    changed = replace(ended, problems=(*ended.problems, "assertion.dataHash.mismatch"))
    assert judge(replace(seen, manifest=changed)).verdict is Verdict.CHANGED


def test_keys_written_by_openssl_can_sign(tmp_path: Path) -> None:
    """The library itself only reads PKCS 8."""
    key = serialization.load_pem_private_key(PEM[PEM.index("-----BEGIN PRIVATE") :].encode(), None)
    traditional = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()
    pem = PEM[: PEM.index("-----BEGIN PRIVATE")] + traditional
    assert signed_file(tmp_path, pem)[1].signature == "written"


def test_a_replaced_certificate_is_used_at_once(tmp_path: Path) -> None:
    """The daemon need not be restarted."""
    ended, _ = make_test_certificate(1, NOW - timedelta(days=9))
    (tmp_path / "signing.pem").write_text(ended)
    signer = Signer(tmp_path / "signing.pem", None, ("Media Generator", "1.0"))
    with pytest.raises(CertificateError, match="valid from"):
        signer.check()
    (tmp_path / "signing.pem").write_text(PEM)
    assert signer.check()[0] > NOW
    other, _ = make_test_certificate(3, NOW)
    (tmp_path / "new.pem").write_text(other)
    (tmp_path / "new.pem").replace(tmp_path / "signing.pem")
    assert signer.check()[0] < NOW + timedelta(days=4)


def test_files_are_signed_without_a_time_authority_that_fails(tmp_path: Path) -> None:
    """They have no time stamp, and the mark says so."""
    path, mark = signed_file(tmp_path, PEM, "http://127.0.0.1:9")
    assert (mark.signature, mark.problem[:28]) == ("written", "signed without a time stamp:")
    seen = FileInspector(StoreLimits()).inspect(path)
    assert seen.manifest is not None
    assert seen.manifest.is_valid


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Only plain files are read."""
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(OSError, match="no plain file"):
        FileInspector(StoreLimits()).inspect(tmp_path / "pipe.png")


def test_the_source_type_of_an_ingredient_counts() -> None:
    """A service may sign its model's output, and again after a conversion."""
    created = {"action": "c2pa.created", "digitalSourceType": f"http://x/{TRAINED}"}
    parent = {"assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}]}
    active = {
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [{"action": "c2pa.opened"}]}}],
        "ingredients": [{"relationship": "parentOf", "active_manifest": "p"}],
    }
    document = {"active_manifest": "a", "manifests": {"a": active, "p": parent}}
    assert manifest_of(document, "Valid").source_type == TRAINED
