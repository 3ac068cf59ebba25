#!/usr/bin/env bash
# c2pa-python 0.38.1 with Pillow 13.0.0 (Python 3.11): what a signature adds to a small picture.
#
# Guess:  a manifest of a few kilobytes. There may be a thumbnail in it, which is a smaller copy, so for a picture of
#         64 x 64 pixels it is left out or is no larger than the picture.
# Seen:   by default the manifest holds a thumbnail of 1024 x 1024 pixels whatever the size of the picture: a small one is
#         scaled up. For a WebP it is a lossless WebP. 64 x 64 pixels grow by 140 to 630 kilobytes. With
#         builder.thumbnail.enabled false the same signature adds about 3 kilobytes.
#
# Output seen (sizes vary by some bytes):
#   PNG   644 bytes, signed 146807, thumbnail JPEG (1024, 1024); without thumbnail 3649
#   JPEG 2060 bytes, signed 145230, thumbnail JPEG (1024, 1024); without thumbnail 5066
#   WEBP 1050 bytes, signed 635986, thumbnail WEBP (1024, 1024); without thumbnail 4052
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    c2pa-python==0.38.1 cryptography==49.0.0 pillow==13.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import datetime
import io
import sys

import c2pa
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


def sign(data, media_type, context=None):
    signed = io.BytesIO()
    c2pa.Builder(MANIFEST, context).sign(make_signer(), media_type, io.BytesIO(data), signed)
    return signed.getvalue()


picture = Image.frombytes("RGB", (64, 64), bytes(index % 251 for index in range(64 * 64 * 3)))
small = c2pa.Context(c2pa.Settings.from_dict({"builder": {"thumbnail": {"enabled": False}}}))
as_described = True
for name, media_type in {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}.items():
    plain = io.BytesIO()
    picture.save(plain, name)
    data = plain.getvalue()
    signed = sign(data, media_type)
    reader = c2pa.Reader(media_type, io.BytesIO(signed))
    stream = io.BytesIO()
    reader.resource_to_stream(reader.get_active_manifest()["thumbnail"]["identifier"], stream)
    stream.seek(0)
    thumbnail = Image.open(stream)
    without = len(sign(data, media_type, small))
    print(
        f"{name:4} {len(data):4} bytes, signed {len(signed)}, thumbnail {thumbnail.format}"
        f" {thumbnail.size}; without thumbnail {without}"
    )
    as_described &= (
        thumbnail.size == (1024, 1024)
        and thumbnail.format == ("WEBP" if name == "WEBP" else "JPEG")
        and len(signed) > 50 * len(data)
        and without < len(data) + 6_000
    )
sys.exit(not as_described)
PYTHON
