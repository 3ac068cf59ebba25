#!/usr/bin/env bash
# c2pa-python 0.38.1 with mutagen 1.48.1 and soundfile 0.14.0 (Python 3.11): signing an MP3 whose tag has timed lyrics.
#
# Guess:  the signature becomes one more frame (GEOB) of the ID3 tag. The tag may be rewritten as version 2.4, but title, lyrics and
#         the workflow that made the song stay, as the metadata of PNG, JPEG and WebP do. If the tag cannot be kept, sign() raises.
# Seen:   a frame with timed lyrics (SYLT, what players show line by line) is not copied: it is rewritten in UTF-16, with one byte too
#         many at its end, so mutagen refuses it and the lyrics are gone. If they were in UTF-8 or UTF-16BE, as version 2.4
#         allows, the whole tag is gone: title, cover, workflow and any mark in XMP. The song is left with a tag
#         that holds nothing but the signature. Nothing is raised, and a reader finds the signed file valid. So
#         tags are to be compared before and after signing.
#
# Output seen (what mutagen reads, without the signature):
#   no timed lyrics           TIT2 TXXX:prompt          signed: TIT2 TXXX:prompt          Valid
#   timed lyrics in Latin-1   SYLT TIT2 TXXX:prompt     signed: TIT2 TXXX:prompt          Valid
#   timed lyrics in UTF-16    SYLT TIT2 TXXX:prompt     signed: TIT2 TXXX:prompt          Valid
#   timed lyrics in UTF-16BE  SYLT TIT2 TXXX:prompt     signed:                           Valid
#   timed lyrics in UTF-8     SYLT TIT2 TXXX:prompt     signed:                           Valid
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    c2pa-python==0.38.1 cryptography==49.0.0 mutagen==1.48.1 numpy==2.4.6 soundfile==0.14.0
"$folder/venv/bin/python" - <<'PYTHON'
import datetime
import io
import sys

import c2pa
import numpy
import soundfile
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from mutagen.id3 import ID3, SYLT, TIT2, TXXX, Encoding


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


def song(*frames):
    file = io.BytesIO()
    soundfile.write(file, 0.3 * numpy.sin(numpy.arange(48_000) / 20), 48_000, format="MP3")
    tag = ID3()
    for frame in (
        TIT2(encoding=Encoding.UTF8, text="Rain"),
        TXXX(encoding=Encoding.UTF8, desc="prompt", text='{"3": {}}'),
        *frames,
    ):
        tag.add(frame)
    tag.save(file)
    return file.getvalue()


def lyrics(encoding):
    lines = [("first line", 0), ("second line", 700)]
    return SYLT(encoding=encoding, lang="eng", format=2, type=1, desc="", text=lines)


def frames(content):
    names = {name.removesuffix("::eng") for name in ID3(io.BytesIO(content))}
    return " ".join(sorted(name for name in names if not name.startswith("GEOB:c2pa")))


def signed(content):
    output = io.BytesIO()
    c2pa.Builder(MANIFEST).sign(make_signer(), "audio/mpeg", io.BytesIO(content), output)
    return output.getvalue()


SONGS = {
    "no timed lyrics": song(),
    "timed lyrics in Latin-1": song(lyrics(Encoding.LATIN1)),
    "timed lyrics in UTF-16": song(lyrics(Encoding.UTF16)),
    "timed lyrics in UTF-16BE": song(lyrics(Encoding.UTF16BE)),
    "timed lyrics in UTF-8": song(lyrics(Encoding.UTF8)),
}
seen = []
for label, content in SONGS.items():
    after = signed(content)
    state = c2pa.Reader("audio/mpeg", io.BytesIO(after)).get_validation_state()
    seen.append((frames(content), frames(after), state))
    print(f"{label:24}  {seen[-1][0]:24}  signed: {seen[-1][1]:24}  {state}")
rest = "TIT2 TXXX:prompt"
everything = "SYLT " + rest
expected = [(rest, rest, "Valid")]
expected += [(everything, left, "Valid") for left in (rest, rest, "", "")]
sys.exit(seen != expected)
PYTHON
