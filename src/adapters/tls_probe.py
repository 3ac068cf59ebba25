"""What TLS a server speaks, where a failed connection of another client leaves that open."""

from __future__ import annotations

import socket
import ssl
from typing import Final

_SECONDS: Final = 3.0  # for the connection, and for each answer
_POSTGRES_TLS: Final = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"  # SSLRequest of PostgreSQL's protocol


def unverified_context() -> ssl.SSLContext:
    """For a look at a server whose certificate is for others to check."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def speaks_tls(host: str, port: int) -> bool:
    """Whether a server answers in TLS from the first byte; False if it cannot be reached."""
    try:
        with (
            socket.create_connection((host, port), _SECONDS) as plain,
            unverified_context().wrap_socket(plain, server_hostname=host),
        ):
            return True
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")  # that is TLS too
    except (OSError, ValueError):  # ValueError: a name that no certificate can have
        return False


def postgres_certificate_fault(host: str, port: int, ca_file: str | None) -> str:
    """Why the certificate of a PostgreSQL server is not trusted ("certificate has expired").

    Args:
        host: name or address of the server.
        port: its port.
        ca_file: path of the trusted certificates, or None for the system's.

    Returns:
        OpenSSL's words; "" if they cannot be found out.
    """
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        if ca_file:
            context.load_verify_locations(ca_file)
        else:
            context.load_default_certs()
        with socket.create_connection((host, port), _SECONDS) as plain:
            plain.sendall(_POSTGRES_TLS)
            if plain.recv(1) == b"S":
                context.wrap_socket(plain).close()
    except ssl.SSLCertVerificationError as error:
        return str(error.verify_message)
    except OSError:
        pass
    return ""
