#!/usr/bin/env bash
# c2pa-python 0.38.1 with mutagen 1.47.0 and soundfile 0.14.0 (Python 3.11): a signed FLAC.
#
# Guess:  FLAC has metadata blocks for applications, so the signature goes into one of them and the file still begins with
#         "fLaC". A tagger that changes a title keeps the blocks that it does not know, and the signature is found again,
#         as broken, since the bytes have changed.
# Seen:   the signature is an ID3v2 tag (a GEOB frame) in front of "fLaC", so a program that detects formats by their first bytes
#         treats the file as an MP3. The FLAC itself follows byte for byte. After mutagen's FLAC.save() the signature is
#         still there and no longer valid; FLAC.save(deleteid3=True), which tidies up misplaced ID3 tags, leaves an
#         ordinary FLAC in which no trace of the signature is left.
#
# Output seen:
#   signed file begins with b'ID3\x04', the unsigned FLAC follows whole: True
#   mutagen takes it for FLAC, libsndfile reads 48000 of 48000 frames
#   signed: Valid
#   title set, save(): b'ID3\x04', Invalid
#   title set, save(deleteid3=True): b'fLaC', no signature found
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    c2pa-python==0.38.1 cryptography==49.0.0 mutagen==1.47.0 numpy==2.4.6 soundfile==0.14.0
"$folder/venv/bin/python" - <<'PYTHON'
import datetime
import io
import shutil
import sys
import tempfile
from pathlib import Path

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
import mutagen
import numpy
import soundfile


def make_signer():
    """A throw-away certificate authority and a signing certificate of the profile that C2PA asks for."""
    now = datetime.datetime.now(datetime.timezone.utc)

    def certificate(name, key, issuer, issuer_key, extensions):
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=7))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(issuer_key, hashes.SHA256())

    def usage(**wanted):
        names = "digital_signature content_commitment key_encipherment data_encipherment key_agreement"
        names += " key_cert_sign crl_sign encipher_only decipher_only"
        return x509.KeyUsage(**{name: wanted.get(name, False) for name in names.split()})

    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = certificate(
        "Test CA", root_key, "Test CA", root_key,
        [(x509.BasicConstraints(True, None), True), (usage(key_cert_sign=True), True),
         (x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), False)],
    )
    leaf = certificate(
        "Test signer", key, "Test CA", root_key,
        [(x509.BasicConstraints(False, None), True), (usage(digital_signature=True), True),
         (x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.EMAIL_PROTECTION]), False),
         (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
         (x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), False)],
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain = leaf.public_bytes(pem) + root.public_bytes(pem)
    return c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", chain, private, None))


MANIFEST = {
    "claim_generator_info": [{"name": "test", "version": "1"}],
    "assertions": [{"label": "c2pa.actions", "data": {"actions": [{
        "action": "c2pa.created",
        "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
    }]}}],
}


def sign(data, media_type, context=None):
    signed = io.BytesIO()
    c2pa.Builder(MANIFEST, context).sign(make_signer(), media_type, io.BytesIO(data), signed)
    return signed.getvalue()



def state(path):
    with open(path, "rb") as file:
        reader = c2pa.Reader.try_create("audio/flac", file)
        return "no signature found" if reader is None else reader.get_validation_state()


def tag(signed, path, **options):
    path.write_bytes(signed)
    file = mutagen.File(path)
    file["title"] = "dusk"
    file.save(**options)
    return path.read_bytes()[:4], state(path)


folder = Path(tempfile.mkdtemp())
plain = io.BytesIO()
soundfile.write(plain, numpy.sin(numpy.arange(48_000) / 20) * 0.3, 48_000, format="FLAC")
signed = sign(plain.getvalue(), "audio/flac")
path = folder / "song.flac"
path.write_bytes(signed)
start, whole = signed[:4], signed.endswith(plain.getvalue())
print(f"signed file begins with {start}, the unsigned FLAC follows whole: {whole}")
kind, frames = type(mutagen.File(path)).__name__, soundfile.info(path).frames
print(f"mutagen takes it for {kind}, libsndfile reads {frames} of 48000 frames")
valid = state(path)
print("signed:", valid)
saved = tag(signed, path)
print(f"title set, save(): {saved[0]}, {saved[1]}")
tidied = tag(signed, path, deleteid3=True)
print(f"title set, save(deleteid3=True): {tidied[0]}, {tidied[1]}")
shutil.rmtree(folder)

as_described = (
    (start, whole, kind, frames, valid) == (b"ID3\x04", True, "FLAC", 48_000, "Valid")
    and saved == (b"ID3\x04", "Invalid")
    and tidied == (b"fLaC", "no signature found")
)
sys.exit(not as_described)
PYTHON
