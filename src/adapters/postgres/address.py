"""Where a PostgreSQL server is, how to log in there, and why that failed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
    import psycopg

# A worker whose cable is pulled would hang for minutes with the defaults, and its row locks would
# hold up the others: with these, both notice within seconds.
_CONNECTION: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
    "client_encoding": "utf8",
    "application_name": "mediagen",
}
# As libpq reads a URL: a password may hold ? and #, and ends at the first @.
_USERINFO: Final = re.compile(r"(?<=://)([^/@:]*)(?::([^/@]*))?@")
_OPTION: Final = re.compile(r"(user|(ssl)?password|host|options|application_name)=")
_EACH_SERVER: Final = re.compile(r" ?- host: .*?, hostaddr: \S+ (connection failed: )?")
_USELESS: Final = re.compile(
    r"(?i)^connection failed: |\s*Is the server running .*?\?"
    r"|\s*This probably means the server terminated .*? the request\."
)
_SERVER: Final = re.compile(r'connection to server at "([^"]+)"(?: \([^)]*\))?, port (\d+)')
_MISSING: Final = (
    "database.url needs the PostgreSQL driver psycopg, which is not installed here; install it with"
    " 'pip install \"media-generator[postgres]\"', or use database.path for a SQLite file"
)

_AMBIGUOUS: Final = (
    "database.url cannot be understood: an @ stands where none can be. In a user name or password"
    " write @ as %40, / as %2F and % as %25, or set database.password instead, which takes any text"
)

# What PgBouncer says of the server behind it, or the session if it says nothing.
BEHIND_PROXY: Final = (
    r"query_wait_timeout|server_login_retry|server login has been failing|no statement is answered"
)
NO_SERVER: Final = (
    "check that the server behind PgBouncer runs and accepts its login, and that default_pool_size"
    " is enough"
)

# What libpq and the server say, and what to do. The server's half may be in another language; then
# its own words stand alone.
_ADVICE: Final = (
    (
        r"session is (not )?read-only|server is (not )?in hot standby mode",
        (
            "none of the servers in database.url is one that target_session_attrs asks for; if a"
            " standby is about to be promoted, it is tried again"
        ),
    ),
    (
        (
            r"could not translate host name|name or service not known|failed to resolve"
            r"|nodename nor|temporary failure in name resolution|no address associated"
        ),
        "the name of the server cannot be resolved; check the host in database.url",
    ),
    (
        r"connection refused",
        (
            "no server listens there; start PostgreSQL, check host and port in database.url, and"
            " check listen_addresses in postgresql.conf if it runs on another machine"
        ),
    ),
    (
        r"no such file or directory.*socket|socket.*no such file or directory",
        "no server listens on that socket; start PostgreSQL, or name its host in database.url",
    ),
    (
        (
            r"timeout expired|connection timed out|network is unreachable|no route to host"
            r"|host is down"
        ),
        "the server does not answer; check the network, a firewall, and the host in database.url",
    ),
    (
        r"no password supplied",
        (
            'the server asks for a password; set database.password to "$VARIABLE" or "@file", or'
            " use PGPASSWORD or a .pgpass file"
        ),
    ),
    (
        (
            r"password authentication failed|scram|peer authentication failed"
            r"|authentication failed|sasl"
        ),
        (
            "the login was refused; check the user in database.url and its password"
            " (database.password, PGPASSWORD or .pgpass)"
        ),
    ),
    (
        r"no pg_hba\.conf entry",
        (
            "the server does not let this machine or user in; add a line to its pg_hba.conf and"
            ' reload it, or set database.sslmode to "require" if it insists on encryption'
        ),
    ),
    (
        r'role ".*" does not exist',
        "create the user on the server: CREATE ROLE name LOGIN PASSWORD '...'",
    ),
    (
        r'database ".*" does not exist',
        "create the database on the server (createdb NAME), then its tables with 'mediagen init'",
    ),
    (
        r"permission denied for database",
        "give the user the right to use it: GRANT CONNECT ON DATABASE name TO role",
    ),
    (
        r"root certificate file",
        (
            "set database.ca_file to a file with the certificate, in PEM format, of the authority"
            " that signed the server's"
        ),
    ),
    (
        r"does not match host name",
        (
            "name the server in database.url as its certificate does, or have the certificate made"
            " for this name as well"
        ),
    ),
    (
        r"certificate has expired|certificate is not yet valid",
        "have the server's certificate renewed; if it is valid, check the clock of this machine",
    ),
    (
        r"certificate verify failed|unable to get local issuer",
        (
            "the server's certificate was not accepted; set database.ca_file to the certificate of"
            " the authority that signed it"
        ),
    ),
    (
        (
            r"invalid response to SSL negotiation|expected authentication request from server"
            r"|without ALPN protocol|it speaks TLS"
        ),
        (
            "what answers there is not PostgreSQL; check host and port in database.url (a proxy"
            " that begins with TLS needs ?sslnegotiation=direct there)"
        ),
    ),
    (
        r"server does not support ssl|ssl (was )?required|ssl off|ssl on",
        (
            "the server and database.sslmode do not agree on encryption; switch on ssl in"
            " postgresql.conf, or change database.sslmode"
        ),
    ),
    (
        r"too many (clients|connections)|remaining connection slots|no more connections allowed",
        "the server takes no more connections; raise max_connections, or put PgBouncer in front",
    ),
    (
        r"starting up|shutting down|in recovery|not yet accepting|not accepting",
        "the server is starting or stopping; it is tried again",
    ),
    (BEHIND_PROXY, NO_SERVER),
    (
        r"unsupported startup parameter",
        (
            "PgBouncer refuses a parameter; leave out options= in database.url, and set search_path"
            " with ALTER ROLE on the server instead"
        ),
    ),
    (
        r"no such database",
        "PgBouncer does not know the database; add it to [databases] in pgbouncer.ini",
    ),
    (
        (
            r"invalid (uri|connection option|port|sslmode|integer)|missing \"=\"|forbidden value"
            r"|extra key/value|unexpected character"
        ),
        "correct database.url; it looks like postgresql://user@host:5432/database",
    ),
)
_LAST: Final = "check database.url and the server's log"


class UnreachableError(RepositoryError):
    """No connection to the server could be made; another attempt may succeed."""


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """The address of a database, and the login.

    Attributes:
        url: ``postgresql://user@host:port/database``; may hold a password and options of libpq.
        password: the password if the URL has none, or None for libpq's own sources.
        sslmode: libpq's sslmode if the URL has none, or None.
        ca_file: path of the certificates that the server's must be signed by, or None.
    """

    url: str = field(repr=False)
    password: str | None = field(default=None, repr=False)
    sslmode: str | None = None
    ca_file: str | None = None

    def __str__(self) -> str:
        """The URL without password and options, for messages."""
        return public_url(self.url)


def public_url(url: str) -> str:
    """A database's URL without its password and options."""
    if _is_ambiguous(url):
        return f"{url.partition('://')[0]}://***"
    return _USERINFO.sub(r"\1@", url, count=1).partition("?")[0]


def _is_ambiguous(url: str) -> bool:
    """Whether an @ or / in a password may be taken for the end of it: what follows is secret."""
    place, _, query = _USERINFO.sub("", url, count=1).partition("?")
    parts = [part for part in query.split("&") if "@" in part]
    return "@" in place or not all(map(_OPTION.match, parts))


def connect(address: PostgresAddress) -> psycopg.Connection[Any]:
    """A new connection, which commits every statement that stands in no transaction.

    Values are merged into statements on this side: nothing is prepared on the server, where
    PgBouncer would hand it to another client.

    Raises:
        UnreachableError: the server cannot be reached or refuses the login.
        RepositoryError: the driver is not installed, or the address makes no sense.
    """
    try:
        import psycopg
        from psycopg import conninfo

        from adapters.postgres.session import Session
    except ImportError:
        raise RepositoryError(_MISSING) from None
    if _is_ambiguous(address.url):
        raise RepositoryError(_AMBIGUOUS)
    try:
        in_url = conninfo.conninfo_to_dict(address.url)
        mine = {"password": address.password, "sslmode": address.sslmode}
        mine["sslrootcert"] = address.ca_file
        defaults = {**_CONNECTION, **{name: value for name, value in mine.items() if value}}
        options = {name: value for name, value in defaults.items() if name not in in_url}
        session = Session.connect(
            address.url,
            autocommit=True,
            prepare_threshold=None,
            cursor_factory=psycopg.ClientCursor,
            **options,
        )
        try:
            session.greet()
        except BaseException:
            session.close()
            raise
        return session  # noqa: TRY300 - the errors are those of both calls
    except psycopg.ProgrammingError as error:  # of libpq's parser; it may quote the password
        message = f"database.url cannot be understood: {_explained(error, address)}"
        raise RepositoryError(message) from None
    except psycopg.Error as error:
        message = f"the database {address} cannot be reached: {_explained(error, address)}"
        raise UnreachableError(message) from None


def _explained(error: psycopg.Error, address: PostgresAddress) -> str:
    """What the driver says in one line without secrets, and what to do."""
    text = " ".join(str(error).split())
    text = _USELESS.sub("", text)
    # With several servers, what each of them said.
    text = _EACH_SERVER.sub("; ", text.partition("All failures were: ")[2] or text).lstrip("; ")
    for secret in _secrets(address):
        text = text.replace(secret, "***")
    text += _tls_fault(text, address)
    advice = next(
        (advice for pattern, advice in _ADVICE if re.search(pattern, text, re.IGNORECASE)), _LAST
    )
    return f"{text}; {advice}" if text else advice


def _tls_fault(text: str, address: PostgresAddress) -> str:
    """What libpq does not say about TLS, in brackets; "" where it is not about that."""
    server = _SERVER.search(text)
    if server is None:
        return ""
    from adapters.tls_probe import postgres_certificate_fault, speaks_tls

    host, port = server[1], int(server[2])
    if "server closed the connection unexpectedly" in text and speaks_tls(host, port):
        return " (it speaks TLS from the first byte)"
    if "certificate verify failed" not in text:
        return ""
    ca_file = re.search(r"[?&]sslrootcert=([^&]*)", address.url)
    path = unquote(ca_file[1]) if ca_file else address.ca_file
    fault = postgres_certificate_fault(host, port, None if path == "system" else path)
    return f" ({fault})" if fault else ""


def _secrets(address: PostgresAddress) -> list[str]:
    secrets = [address.password or ""]
    if (match := _USERINFO.search(address.url)) and match[2]:
        secrets += [match[2], unquote(match[2])]
    secrets += re.findall(r"[?&](?:ssl)?password=([^&]*)", address.url)
    return [secret for secret in secrets if secret]
