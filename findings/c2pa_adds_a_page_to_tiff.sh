#!/usr/bin/env bash
# c2pa-python 0.38.1 with Pillow 13.0.0 (Python 3.11): signing a TIFF of several pages, as scans and batches of pictures are kept.
#
# Guess:  the signature is one more tag of the first page, as it is in a TIFF of one page. Readers skip tags that they do not know, so
#         the signed file has as many pages as before.
# Seen:   with two pages or more, the tag gets a directory of its own at the end of the chain of pages. It has no width, no height and
#         no pixels, and to readers it is one page more: asking Pillow how many pages there are, or going through all of them,
#         raises TypeError ("Missing dimensions"), though all pictures are whole. Signing raises nothing, and C2PA's reader finds
#         the file valid.
#         Pages are to be counted before signing, or a TIFF signed page by page.
#
# Output seen:
#   pages written: 1, directories signed: 1, with a size: 1, Pillow counts: 1, Valid
#   pages written: 2, directories signed: 3, with a size: 2, Pillow counts: TypeError, Valid
#   pages written: 3, directories signed: 4, with a size: 3, Pillow counts: TypeError, Valid
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    c2pa-python==0.38.1 cryptography==49.0.0 pillow==13.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import datetime
import io
import struct
import sys

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from PIL import Image

WIDTH = 256  # the tag that every page must have


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


def tiff(pages):
    images = [Image.linear_gradient("L").rotate(90 * page).convert("RGB") for page in range(pages)]
    file = io.BytesIO()
    images[0].save(file, "TIFF", save_all=True, append_images=images[1:])
    return file.getvalue(), images


def directories(content):
    """The tags of each directory in the chain; the files are little-endian."""
    assert content[:4] == b"II*\0"
    found, (offset,) = [], struct.unpack_from("<I", content, 4)
    while offset:
        (count,) = struct.unpack_from("<H", content, offset)
        found.append([struct.unpack_from("<H", content, offset + 2 + 12 * entry)[0] for entry in range(count)])
        (offset,) = struct.unpack_from("<I", content, offset + 2 + 12 * count)
    return found


def pages_counted(content):
    try:
        return str(Image.open(io.BytesIO(content)).n_frames)
    except TypeError:
        return "TypeError"


def pictures_are_whole(content, images):
    opened = Image.open(io.BytesIO(content))
    for page, image in enumerate(images):
        opened.seek(page)
        if opened.convert("RGB").tobytes() != image.tobytes():
            return False
    return True


signer, seen = make_signer(), []
for pages in (1, 2, 3):
    content, images = tiff(pages)
    assert pages_counted(content) == str(pages)
    target = io.BytesIO()
    c2pa.Builder(MANIFEST).sign(signer, "image/tiff", io.BytesIO(content), target)
    signed = target.getvalue()
    assert pictures_are_whole(signed, images)
    chain = directories(signed)
    sized = sum(WIDTH in tags for tags in chain)
    state = c2pa.Reader("image/tiff", io.BytesIO(signed)).get_validation_state()
    seen.append((len(chain), sized, pages_counted(signed), state))
    print(
        f"pages written: {pages}, directories signed: {len(chain)}, with a size: {sized},"
        f" Pillow counts: {seen[-1][2]}, {state}"
    )
sys.exit(seen != [(1, 1, "1", "Valid"), (3, 2, "TypeError", "Valid"), (4, 3, "TypeError", "Valid")])
PYTHON
