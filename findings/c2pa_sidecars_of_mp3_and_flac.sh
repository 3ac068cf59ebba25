#!/usr/bin/env bash
# c2pa-python 0.38.1 with Pillow 13.0.0 and soundfile 0.14.0 (Python 3.11): a manifest kept beside the file.
#
# Guess:  Builder.set_no_embed() makes a manifest for a file that stays as it is. Whatever the format, a reader that gets the
#         untouched file and the manifest finds them valid.
# Seen:   so it is with PNG, JPEG and WAV. For MP3 and FLAC, sign() writes a file that is 10 bytes longer, with an empty ID3v2
#         tag in front (for FLAC too), and the manifest is about that file: next to the untouched one it is a hash mismatch.
#         Signing raises nothing, so a program that drops the written file keeps a manifest of no file.
#
# Output seen:
#   image/png: b'' in front; untouched: Valid; as written: Valid
#   image/jpeg: b'' in front; untouched: Valid; as written: Valid
#   audio/wav: b'' in front; untouched: Valid; as written: Valid
#   audio/mpeg: b'ID3\x04\x00\x00\x00\x00\x00\x00' in front; untouched: Invalid assertion.dataHash.mismatch; as written: Valid
#   audio/flac: b'ID3\x04\x00\x00\x00\x00\x00\x00' in front; untouched: Invalid assertion.dataHash.mismatch; as written: Valid
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    c2pa-python==0.38.1 cryptography==49.0.0 numpy==2.4.6 pillow==13.0.0 soundfile==0.14.0
"$folder/venv/bin/python" - <<'PYTHON'
import datetime
import io
import json
import sys

import c2pa
import numpy
import soundfile
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from PIL import Image


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


def picture(name):
    file = io.BytesIO()
    Image.effect_noise((64, 64), 40).convert("RGB").save(file, name)
    return file.getvalue()


def sound(name):
    file = io.BytesIO()
    soundfile.write(file, numpy.sin(numpy.arange(48_000) / 20) * 0.3, 48_000, format=name)
    return file.getvalue()


def verdict(content, media_type, manifest):
    """What a reader finds wrong with a file and its manifest, apart from the unknown signer."""
    reader = c2pa.Reader(media_type, io.BytesIO(content), manifest_data=manifest)
    active = json.loads(reader.json())["validation_results"]["activeManifest"]
    failures = {one["code"] for one in active["failure"]} - {"signingCredential.untrusted"}
    return " ".join((reader.get_validation_state(), *sorted(failures)))


def examine(content, media_type):
    """What sign() puts in front, and the verdicts on the untouched file and on what it wrote."""
    builder, output = c2pa.Builder(MANIFEST), io.BytesIO()
    builder.set_no_embed()
    manifest = builder.sign(make_signer(), media_type, io.BytesIO(content), output)
    written = output.getvalue()
    return (
        written.removesuffix(content),
        verdict(content, media_type, manifest),
        verdict(written, media_type, manifest),
    )


files = {
    "image/png": picture("PNG"), "image/jpeg": picture("JPEG"), "audio/wav": sound("WAV"),
    "audio/mpeg": sound("MP3"), "audio/flac": sound("FLAC"),
}
seen = {media_type: examine(content, media_type) for media_type, content in files.items()}
for media_type, (front, untouched, written) in seen.items():
    print(f"{media_type}: {front!r} in front; untouched: {untouched}; as written: {written}")
changed = (b"ID3\x04\0\0\0\0\0\0", "Invalid assertion.dataHash.mismatch", "Valid")
songs = {"audio/mpeg", "audio/flac"}
as_described = all(
    outcome == (changed if media_type in songs else (b"", "Valid", "Valid"))
    for media_type, outcome in seen.items()
)
sys.exit(not as_described)
PYTHON
