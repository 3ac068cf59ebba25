"""``mediagen marking``: certificates for signing published files."""

from __future__ import annotations

import os
from pathlib import Path

import click

from entrypoints.cli.invocation import Invocation, command, common_options

HELP = """Make a certificate to try signatures with.

\b
Example:
  mediagen marking init-test-certificate test-certificate.pem
"""
CERTIFICATE_HELP = """Make a certificate for trying signatures.

Writes a certificate with its private key to FILE, and the certificate of its authority beside it
(FILE with '.authority.pem' at the end). No other program trusts it: files that are signed with
it show as signed by an unknown signer. Existing files are never changed.

\b
Example:
  mediagen marking init-test-certificate test-certificate.pem
"""
_PRIVATE = 0o600
_PUBLIC = 0o644


@click.group(name="marking", params=common_options(), help=HELP)
def marking() -> None:
    """The group of commands."""


@command(name="init-test-certificate", help=CERTIFICATE_HELP)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=90,
    show_default=True,
    metavar="N",
    help="How long it is valid.",
)
def init_test_certificate(invocation: Invocation, file: Path, days: int) -> None:
    """Write both files and say what to set."""
    from adapters.media_marks.signature import CertificateError, make_test_certificate
    from adapters.system_clock import SystemClock

    target = file.expanduser().absolute()
    authority = target.with_name(f"{target.name}.authority.pem")
    try:
        signer_text, authority_text = make_test_certificate(days, SystemClock().now())
        _write(target, signer_text, _PRIVATE)
        _write(authority, authority_text, _PUBLIC)
    except CertificateError as error:
        raise click.ClickException(f"{error}") from error
    except FileExistsError as error:
        raise click.ClickException(f"{error.filename} exists already; name another file") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise click.ClickException(f"cannot write {error.filename}: {reason}") from error
    if invocation.as_json:
        document = {"certificate": str(target), "authority": str(authority), "days": days}
        invocation.print_json(document)
        return
    click.echo(f"wrote {target}, valid for {days} days, and {authority}")
    click.echo("Set media.marking.certificate to the first file to sign what is published, and")
    click.echo("media.marking.trusted to the second, so that 'mediagen verify' trusts it.")


def _write(path: Path, text: str, mode: int) -> None:
    """Write a new file; raises FileExistsError if there is one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        os.fchmod(descriptor, mode)
        file.write(text)


marking.add_command(init_test_certificate)
