"""Processes that start in no time, for tests that kill many: forked from one that has imported what they need.

They report ten times a second, so that there is something to go on from after a short life.
"""

from __future__ import annotations

import multiprocessing
import os
import select
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pebble import ProcessPool

from clr_study.executors.base import SetUp
from clr_study.executors.processes import _begin as begin
from clr_study.worker import jobs

# Forks a process for each line that it reads, and says its pid and, once it has ended, how.
FORK = """
import os, shlex, sys
import clr_study.check, clr_study.report, clr_study.search, clr_study.worker, sklearn.datasets, torch
from clr_study.cli import main
from clr_study.worker import jobs

jobs.REPORT_SECONDS = 0.1
log = os.open("log", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
print("ready", flush=True)
for line in sys.stdin:
    folder, *words = shlex.split(line)
    child = os.fork()
    if not child:
        code = 70
        try:
            for stream in (1, 2):
                os.dup2(log, stream)
            os.chdir(folder)
            main(words, standalone_mode=False)
            code = 0
        except SystemExit as end:
            code = end.code
        finally:
            os._exit(code)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Commands:
    """`clr-study` commands, one at a time, each in a process of its own.

    Args:
        folder: Of the file `log`, in which stands what they print.
    """

    def __init__(self, folder: Path) -> None:
        environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "CLR_STORAGE": ""}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
        self.forker = subprocess.Popen([sys.executable, "-c", FORK], cwd=folder, env=environment, **pipes)
        assert self._line() == "ready"
        self.pid = 0

    def start(self, folder: Path, *words: str) -> None:
        print(shlex.join([str(folder), *words]), file=self.forker.stdin, flush=True)
        self.pid = int(self._line())

    def runs(self) -> bool:
        return not select.select([self.forker.stdout], [], [], 0)[0]

    def kill(self) -> None:
        with suppress(ProcessLookupError):  # it has just come to its end
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Its exit code, or the negative number of the signal that has ended it."""
        return int(self._line())

    def close(self) -> None:
        self.forker.communicate()

    def _line(self) -> str:
        return self.forker.stdout.readline().strip()


def forked_pool(setup: SetUp) -> ProcessPool:
    """A pool as `ProcessesExecutor` has one, whose process is forked from one that has imported what workers need."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["clr_study.worker", "sklearn.datasets"])
    return ProcessPool(max_workers=1, initializer=_begin, initargs=(_Environment(), setup), context=context)


class _Environment:
    """The environment of this process when another one is started."""

    def __reduce__(self) -> tuple[type[dict], tuple[dict[str, str]]]:
        return dict, (dict(os.environ),)


def _begin(environment: Mapping[str, str], setup: SetUp) -> None:
    os.environ.update(environment)  # the forking process has another one's
    jobs.REPORT_SECONDS = 0.1
    begin(setup)
