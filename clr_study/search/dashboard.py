"""optuna-dashboard on a storage: the tuning phase in a browser, while it runs or after."""

from __future__ import annotations

import importlib
import ipaddress
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from optuna.storages import BaseStorage

from clr_study.errors import ClrStudyError, InputError
from clr_study.report import report_html
from clr_study.search.optuna_tables import arm_studies, optuna_name, optuna_storage
from clr_study.search.push import PACKAGE, Pushes
from clr_study.store import open_store, read_results, stored_study

REPORTS = "/report/"
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _Server(ThreadingMixIn, WSGIServer):
    """A thread a request: the page asks for several things at once."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    """Says nothing about each request."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its name in the base class
        """Leaves it unsaid."""


def serve_dashboard(
    url: str, study: str | None, host: str = "127.0.0.1", port: int = 8080, say: Callable[[str], None] = print
) -> None:
    """Serves optuna-dashboard on a storage until it is interrupted.

    It runs in this process, so that a password in the URL stands in no list of processes.

    Args:
        url: The storage's URL.
        study: A study whose arms' addresses are said; None for the list of all.
        host: The address to listen on; anything but this machine itself is warned of.
        port: The port; 0 for a free one.
        say: Gets the addresses, and the warning.

    Raises:
        InputError: optuna-dashboard is not installed, or the address cannot be listened on.
        StorageError: There is no such storage, or no such study in it.
    """
    make_app = _package().wsgi
    with ExitStack() as stack:
        with open_store(url, create=False) as store:
            arms = [arm.name for arm in stored_study(store, study).arms] if study else []
            storage = optuna_storage(store.url)
            stack.callback(storage.engine.dispose)
            if study:
                # What was run without optuna-dashboard, or by an older version, has none of it yet.
                Pushes(lambda: read_results(store, study), arm_studies(storage, study, arms), say).now()
        app = with_reports(make_app(storage), url)
        try:
            server = make_server(host, port, app, server_class=_Server, handler_class=_Quiet)
        except OSError as error:
            raise InputError(
                f"cannot listen on {host}:{port} ({error.strerror}); give another --host or --port"
            ) from None
        stack.enter_context(server)
        place = f"http://{host}:{server.server_port}/dashboard"
        if not is_loopback(host):
            say(
                f"warning: the dashboard has no login, so whoever reaches {host}:{server.server_port} can read, rename "
                "and delete what is in this storage; on this machine alone it is --host 127.0.0.1"
            )
        for address in _addresses(storage, study, arms, place):
            say(address)
        if study:
            say(f"report: http://{host}:{server.server_port}{REPORTS}{study}")
        say("Ctrl-C ends it")
        server.serve_forever()


def with_reports(app: Application, url: str) -> Application:
    """Returns a web application that also serves `/report/STUDY`, made from what is stored at that moment.

    Args:
        app: The one that answers everything else.
        url: The storage's URL.
    """

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        if not path.startswith(REPORTS):
            return app(environ, start_response)
        try:
            with open_store(url, create=False) as store:
                page = report_html(read_results(store, path.removeprefix(REPORTS)))
        except ClrStudyError as error:
            start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [str(error).encode()]
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [page.encode()]

    return answer


def is_loopback(host: str) -> bool:
    """Returns whether only this machine can reach an address.

    Examples:
        >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("")
        (True, True, False, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _package() -> Any:
    try:
        return importlib.import_module(PACKAGE)
    except ModuleNotFoundError as error:
        if error.name != PACKAGE:
            raise
        raise InputError(
            "the dashboard is optuna-dashboard, which is not installed: pip install 'clr_study[dashboard]'"
        ) from None


def _addresses(storage: BaseStorage, study: str | None, arms: list[str], place: str) -> list[str]:
    """The addresses of the arms that were searched; of all studies where there is none."""
    numbers = {found.study_name: found._study_id for found in storage.get_all_studies()}
    names = {arm: optuna_name(study or "", arm) for arm in arms}  # without a study there are no arms
    known = [(arm, numbers[name]) for arm, name in names.items() if name in numbers]
    if arms and not known:
        return [f"{study}: nothing of it was searched, so the dashboard has nothing of it", f"all studies: {place}"]
    return [f"{study}/{arm}: {place}/studies/{number}" for arm, number in known] or [f"all studies: {place}"]
