"""The storage URL at the border: which databases are served, and how a URL is shown without its secrets."""

from __future__ import annotations

import re
from urllib.parse import quote, quote_plus

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from clr_study.errors import StorageError

DRIVERS = {
    "sqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}
EXTRAS = {"postgresql+psycopg": "postgres", "mysql+pymysql": "mysql"}
SHAPES = "sqlite:///clr_study.db or postgresql+psycopg://user:password@host/database"
_SECRET_OPTION = re.compile("pass|secret|token", re.IGNORECASE)


def read_url(text: str) -> URL:
    """Returns a storage URL in its parts.

    A text that cannot be read is never repeated in the message: its password cannot be told from the rest.

    Args:
        text: `sqlite:///FILE`, `postgresql+psycopg://...` or `mysql+pymysql://...`.

    Raises:
        StorageError: It is no URL, or names a database or a driver that is not served.

    Examples:
        >>> read_url("sqlite:///results.db").database
        'results.db'
        >>> read_url("postgresql://ann:secret@db/clr")
        Traceback (most recent call last):
        clr_study.errors.StorageError: the storage URL postgresql://ann:***@db/clr names no driver that is served; \
write postgresql+psycopg://
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise StorageError(f"the storage URL cannot be read; one looks like {SHAPES}") from None
    backend = url.get_backend_name()
    driver = DRIVERS.get(backend)
    if driver is None:
        raise StorageError(
            f"the storage URL names the database {backend!r}, which is not served; one looks like {SHAPES}"
        )
    if backend == "sqlite":
        _check_sqlite(url, text)
    elif text.count("@") > 1:
        raise StorageError(
            "the storage URL has more than one @; write an @ in a user name or password as %40, a / as %2F"
        )
    if url.drivername not in (driver, "sqlite+pysqlite"):
        raise StorageError(f"the storage URL {masked(url)} names no driver that is served; write {driver}://")
    return url


def _check_sqlite(url: URL, text: str) -> None:
    if "?" in text:
        raise StorageError("a SQLite storage URL takes no options after a ?; write a ? in a file's name as %3F")
    if url.host:
        raise StorageError(
            f"the storage URL {masked(url)} names a host, which SQLite has not; write a file as sqlite:///FILE"
        )
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise StorageError(f"the storage URL {masked(url)} names no file; workers share it, so write sqlite:///FILE")


def masked(url: URL) -> str:
    """Returns the URL as text with `***` for every secret in it.

    Examples:
        >>> masked(make_url("mysql+pymysql://ann:s3cret@db/clr?ssl_key_password=hush"))
        'mysql+pymysql://ann:***@db/clr?ssl_key_password=%2A%2A%2A'
    """
    hidden = {key: "***" for key in url.query if _SECRET_OPTION.search(key)}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def scrubbed(message: str, url: URL) -> str:
    """Returns a driver's message with `***` for every secret of the URL, as it stands or percent-encoded.

    Examples:
        >>> scrubbed("no entry for ann, p@ss", make_url("mysql+pymysql://ann:p%40ss@db/clr"))
        'no entry for ann, ***'
    """
    secrets = [str(url.password)] if url.password else []
    for key, value in url.query.items():
        if _SECRET_OPTION.search(key):
            secrets.extend([value] if isinstance(value, str) else value)
    for secret in secrets:
        for shape in {secret, quote(secret, safe=" +"), quote_plus(secret)}:
            message = message.replace(shape, "***")
    return message
