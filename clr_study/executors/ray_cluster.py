"""Workers on the nodes of a Ray cluster: one actor each, replaced when its process or its node is lost."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from clr_study.errors import InputError
from clr_study.executors.base import EXECUTORS, SetUp, elsewhere
from clr_study.executors.missing import optional

# A worker that cannot be started so often in a row will not be: its node lacks what it needs.
TRIES = 3
# Seconds between two looks at whether a worker that finds no room is still wanted.
PATIENCE = 0.5
# Seconds in which the head of a cluster has to take a connection.
KNOCK_SECONDS = 10.0
# What of the owner's environment goes with a worker: the storage's URL. It travels as an argument, which Ray keeps in
# memory; Ray's own runtime environment would write it into logs.
PREFIX = "CLR_"


class _Worker:
    """What runs in an actor's process."""

    def __init__(self, environment: Mapping[str, str], setup: SetUp) -> None:
        os.environ.update(environment)
        self.setup: SetUp | None = setup

    def ready(self) -> None:
        """Answers as soon as the process has been placed and started."""

    def call(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        if self.setup:  # with the first call, so that what it raises reaches somebody
            self.setup()
            self.setup = None
        return fn(*args, **kwargs)


class RayExecutor(Executor):
    """A thread here for each worker there; a worker takes its next call when it is placed and free.

    So workers that find no room yet, or whose node has left, hold up nobody, and a node that joins is used at once.

    Args:
        setups: What each worker calls first.
        resources: Of one worker, as Ray's `options` takes them.
        ends_ray: Whether this process's connection to Ray ends with the executor.
    """

    def __init__(self, setups: Sequence[SetUp], resources: Mapping[str, Any], ends_ray: bool) -> None:
        self.ray = optional("ray", "ray")
        self.setups, self.resources, self.ends_ray = setups, resources, ends_ray
        self.over, self.news = False, threading.Condition()
        self.broken: InputError | None = None
        self.calls: deque[tuple[Future[Any], Any]] = deque()
        self.actors: list[Any] = [None] * len(setups)
        self.threads: list[threading.Thread] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Puts the call in line for the next free worker."""
        future: Future[Any] = Future()
        with self.news:
            if self.over:
                raise RuntimeError("the executor was shut down")
            if self.broken:
                future.set_exception(self.broken)
                return future
            self.calls.append((future, (fn, args, kwargs)))
            self.news.notify()
            if not self.threads:
                numbers = range(len(self.setups))
                self.threads = [threading.Thread(target=self._serve, args=(one,), daemon=True) for one in numbers]
                for thread in self.threads:
                    thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the workers, at once and in the midst of their work if futures are to be cancelled."""
        with self.news:
            self.over = True
            if cancel_futures:
                for future, _ in self.calls:
                    future.cancel()
                self.calls.clear()
                for actor in self.actors:
                    self._kill(actor)
            self.news.notify_all()
        if wait or cancel_futures:
            for thread in self.threads:
                thread.join()
            if self.ends_ray:
                self.ends_ray = False
                self.ray.shutdown()

    def _serve(self, number: int) -> None:
        """Keeps one worker there, and gives it calls, until there are to be no more."""
        failures = 0
        while failures < TRIES and self._wanted():
            actor = self._start(number)
            try:
                if self._placed(actor):
                    failures = 0
                    self._work(actor)
            except Exception as error:
                failures += 1
                if failures == TRIES:
                    self._refuse(error)
            finally:
                self._kill(actor)

    def _wanted(self) -> bool:
        with self.news:
            return not self.over or bool(self.calls)

    def _start(self, number: int) -> Any:
        environment = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
        # A lost worker's batch goes back to the loop, which halves it; Ray must not run it again by itself.
        remote = self.ray.remote(_Worker).options(max_restarts=0, max_task_retries=0, **self.resources)
        actor = remote.remote(environment, self.setups[number])
        self.actors[number] = actor
        return actor

    def _placed(self, actor: Any) -> bool:
        """Waits until the worker has found room and started; it need not if there is no more to do."""
        answer = actor.ready.remote()
        while self._wanted():
            if self.ray.wait([answer], timeout=PATIENCE)[0]:
                self.ray.get(answer)
                return True
        return False

    def _work(self, actor: Any) -> None:
        """Gives a worker calls until it dies or there are to be no more."""
        while call := self._next():
            future, parts = call
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = self.ray.get(actor.call.remote(*parts))
            except self.ray.exceptions.RayTaskError as error:
                future.set_exception(error.cause)
            except Exception as error:  # the worker or its node is gone, or what was given cannot travel
                future.set_exception(error)
                return
            else:
                future.set_result(result)

    def _next(self) -> tuple[Future[Any], Any] | None:
        with self.news:
            self.news.wait_for(lambda: self.calls or self.over)
            return self.calls.popleft() if self.calls else None

    def _refuse(self, error: Exception) -> None:
        words = " ".join(str(error).split())
        with self.news:
            self.broken = InputError(f"--executor ray: no worker could be started on the cluster: {words}")
            while self.calls:
                self.calls.popleft()[0].set_exception(self.broken)

    def _kill(self, actor: Any) -> None:
        if actor is not None:
            with suppress(Exception):  # it is dead, or Ray is
                self.ray.kill(actor)


@EXECUTORS.add
@elsewhere
def ray(
    setups: Sequence[SetUp],
    *,
    address: str = "auto",
    gpus_per_worker: float = 0.0,
    cpus_per_worker: int = 1,
    modules: tuple[str, ...] = (),
) -> Executor:
    """Trains on the nodes of a Ray cluster, which may join and leave meanwhile.

    Every node needs this version of clr_study; the study's own modules are sent to it.

    Args:
        setups: One for each worker.
        address: `auto` for the cluster that this machine is a node of, `HOST:PORT` of another one's head, or `local`
            for a Ray of this process alone.
        gpus_per_worker: Share of a GPU.
        cpus_per_worker: Cores.
        modules: The user's own, which travel to the workers.

    Raises:
        InputError: Ray is not installed, or does not answer, or no node has what one worker needs.

    Examples:
        >>> with ray([int, int], address="10.0.0.1:6379") as executor:  # doctest: +SKIP
        ...     executor.submit(max, 1, 2).result()
        2
    """
    library = optional("ray", "ray")
    starts = not library.is_initialized()
    if starts:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        paths = sorted({path for path in map(_source, modules) if path})
        travels = {"runtime_env": {"py_modules": paths}} if paths else {}
        try:
            _knock(address)
            with _own_signals():
                library.init(address=address, log_to_driver=False, logging_level="ERROR", **travels)
        except (OSError, OverflowError, RuntimeError, ValueError) as error:
            words = " ".join(str(error).split())[:300]
            raise InputError(
                f"--executor ray: no Ray cluster answers at --address {address} ({words}); start one with "
                "`ray start --head`"
            ) from None
    try:
        _check_room(library.nodes(), gpus_per_worker, cpus_per_worker)
    except InputError:
        if starts:
            library.shutdown()
        raise
    return RayExecutor(setups, {"num_gpus": gpus_per_worker, "num_cpus": cpus_per_worker}, ends_ray=starts)


def _knock(address: str) -> None:
    """Sees at once whether anybody answers at `HOST:PORT`; Ray would try for minutes, and write into the terminal."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_SECONDS).close()


def _check_room(nodes: Sequence[Mapping[str, Any]], gpus: float, cpus: int) -> None:
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    if not any(node.get("GPU", 0) >= gpus and node.get("CPU", 0) >= cpus for node in alive):
        there = "; ".join(f"{node.get('GPU', 0):g} GPUs and {node.get('CPU', 0):g} CPUs" for node in alive)
        raise InputError(
            f"--executor ray: no node of the cluster has the {gpus:g} GPUs and {cpus} CPUs of one worker; its nodes "
            f"have {there}"
        )


def _source(module: str) -> str | None:
    """The file or folder of a user's module; None for one that is installed, or is not there."""
    spec = find_spec(module.partition(".")[0])
    if spec is None or not spec.origin:
        return None
    file = Path(spec.origin)
    installed = any(file.is_relative_to(place) for place in {sys.prefix, sys.base_prefix})
    return None if installed else str(file.parent if file.name == "__init__.py" else file)


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keeps the program's own end on SIGTERM, which Ray would replace."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
