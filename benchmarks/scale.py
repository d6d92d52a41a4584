"""How far a study grows before its storage or its owner gives way, on a real PostgreSQL with its default settings.

Measurements, each written into `scale.json` beside this file:

- trials: a search of 10,000 trials with 16 workers that train nothing but write what a real one would, through the
  whole path: ask, plan, pack, hand out, append, finish, tell. Trials/s, the owner's memory on the way, and whether any
  run was lost or is there twice.
- store: `clr-study show` and `clr-study report` on a study of 100,000 runs.
- workers: 64 workers at once, and how many of the server's connections that takes; its default is 100.
- memory: only if it is named: the first one, of which only the owner's memory is kept, which other work on the machine
  does not distort.

    .venv/bin/python benchmarks/scale.py            # all three
    .venv/bin/python benchmarks/scale.py trials --trials 1000 --workers 4
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from clr_study.executors import ProcessesExecutor, SetUp
from clr_study.spec import Evaluation, Job, Outcome, PlannedRun, RunKey, Stint, parse_study
from clr_study.store import Store, add_study, append, open_store, plan_runs, read_results, standings

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

RESULT = Path(__file__).with_suffix(".json")
DONE = "SELECT count(*) FROM clr_runs WHERE phase = 'search' AND outcome IS NOT NULL"
CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'clr'"
MARKS = (0.1, 0.25, 0.5, 0.75, 1)
STUDY = """
name = "{name}"
data = {{ kind = "digits", validation = 0.2 }}
model = {{ kind = "mlp", hidden = [8] }}
train = {{ batch_size = 64, updates = 20, evaluations = 2 }}
search = {{ trials = {trials}, seed = 1 }}
measure = {{ seeds = 8 }}
"""
ARM = """
[arms.arm{number}.schedule]
kind = "triangular"
max_lr = {{ low = 1e-3, high = 1.0, log = true }}
base_lr = {{ times = "max_lr", low = 0.05, high = 0.5 }}
step_size = {{ low = 2, high = 10 }}
"""


def study_text(name: str, trials: int, arms: int) -> str:
    return STUDY.format(name=name, trials=trials // arms) + "".join(ARM.format(number=one) for one in range(arms))


@cache
def worker_store(url: str) -> Store:
    return open_store(url, create=False, patience=60.0)


def pretend(jobs: Sequence[Job]) -> list[Outcome]:
    """Does what a worker does with the storage for a batch of less than a second, and trains nothing."""
    store, begun = worker_store(os.environ["CLR_STORAGE"]), time.time()
    standings(store, [job.key for job in jobs])
    looks = [(job.key, look(job.spec.lr_schedule(update), update)) for job in jobs for update in job.spec.evaluate_at]
    outcomes = [Outcome(job.key, "completed", job.until) for job in jobs]
    arms = dict(Counter(job.key.arm for job in jobs))
    stint = Stint(f"nowhere/{os.getpid()}", "nothing", jobs[0].key.phase, arms, begun, time.time())
    append(store, looks, outcomes=outcomes, device="nothing", versions={}, stint=stint)
    return outcomes


def look(lr: Any, update: int) -> Evaluation:
    score = float(1 / (1 + abs(np.log10(lr) + 1)))
    losses = np.full(10, 1 - score, dtype=np.float32)
    return Evaluation(
        update=update, epoch=update / 20, seconds=0.0, lr=float(lr), train_loss=1 - score, validation_loss=1 - score,
        validation_accuracy=score, test_loss=float("nan"), test_accuracy=float("nan"), losses=losses,
    )  # fmt: skip


class Pretenders(ProcessesExecutor):
    """Real processes, which are given `pretend` for what they should train."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(pretend, *args, **kwargs)


def pretenders(setups: Sequence[SetUp]) -> Executor:
    """An executor by its path; the workers' own set-up, which takes a place and loads torch, is left out."""
    return Pretenders([int for _ in setups])


class Watch(threading.Thread):
    """Looks at the owner's memory, at the trials done and at the server's connections, twice a second."""

    def __init__(self, server: Any, url: str, name: str) -> None:
        super().__init__(daemon=True)
        self.server, self.url, self.name_of_study, self.over = server, url, name, threading.Event()
        self.seen: list[tuple[float, int, dict[str, int]]] = []
        self.connections = 0

    def run(self) -> None:
        database = self.url.rpartition("/")[2]
        while not self.over.wait(0.5):
            try:
                done, count = self.server.ask(
                    database, DONE, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'clr'"
                )
            except Exception:  # the owner has not made its tables yet
                continue
            self.connections = max(self.connections, count)
            self.seen.append((time.monotonic(), done, memory()))


def memory() -> dict[str, int]:
    """MB that this process holds now: resident in all, and of its own.

    The difference is pages of files, torch's libraries nearly all: the kernel shares them among processes, and drops
    them when it needs room.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    found = {name: value for name, _, value in (line.partition(":") for line in lines)}
    return {to: int(found[name].split()[0]) // 1024 for to, name in (("resident", "VmRSS"), ("own", "RssAnon"))}


def search_of(server: Any, trials: int, workers: int, arms: int = 4) -> dict[str, Any]:
    """Runs a whole study of pretended runs."""
    import torch  # noqa: F401  the owner's checks need it, so it is part of what is there before

    from clr_study.search import Where, run_study

    before = memory()
    with server.fresh() as url, tempfile.TemporaryDirectory() as folder:
        study = parse_study(study_text("scale", trials, arms))
        watch = Watch(server, url, "scale")
        watch.start()
        where = Where(storage=url, out=folder, executor="scale:pretenders", devices="cpu", workers=workers, lanes=16)
        begun, used = time.monotonic(), time.process_time()
        results = run_study(study, where)
        whole, used = time.monotonic() - begun, time.process_time() - used
        watch.over.set()
        watch.join()
    searched = [run for run in results.runs if run.key.phase == "search"]
    keys, digests = {run.key for run in searched}, Counter(run.spec.digest for run in searched)
    # From the first look at which some were done to the first at which all were.
    some = [one for one in watch.seen if one[1] > 0]
    last = next((one for one in some if one[1] >= len(searched)), some[-1])
    rate = (last[1] - some[0][1]) / (last[0] - some[0][0]) if last[0] > some[0][0] else float("nan")
    marks = {part: next((mb for _, done, mb in some if done >= part * trials), None) for part in MARKS}
    return {
        "trials": trials,
        "workers": workers,
        "lost": trials - sum(run.ending == "completed" for run in searched),
        "twice": len(searched) - len(keys) + sum(count - 1 for count in digests.values()),
        "trials_per_second": round(rate, 1),
        "seconds_of_the_whole_study": round(whole, 1),
        "cpu_seconds_of_the_owner": round(used, 1),
        "owner_mb_with_imports_alone": before,
        "owner_mb_by_part_of_the_trials": {str(part): mb for part, mb in marks.items()},
        "owner_mb_with_the_results": memory(),
        "most_connections": watch.connections,
    }


def only_memory(found: dict[str, Any]) -> dict[str, Any]:
    wanted = ("trials", "workers", "lost", "twice")
    return {name: value for name, value in found.items() if name in wanted or name.startswith("owner_mb")}


def store_of(server: Any, runs: int) -> dict[str, Any]:
    """Fills a study with runs, and times the commands that read it."""
    from clr_study.data import replicate_seeds
    from clr_study.spec import Budget, fill

    with server.fresh() as url, tempfile.TemporaryDirectory() as folder:
        arms = 4
        study = parse_study(study_text("large", runs, arms))
        (seed,) = replicate_seeds("large", study.seed, "search", 1)
        budget = Budget(updates=20, per_epoch=22, batch_size=64)
        draw = np.random.default_rng(0)
        begun = time.monotonic()
        with open_store(url) as store:
            add_study(store, study)
            for first in range(0, runs // arms, 125):
                planned = []
                for arm in study.arms:
                    for trial in range(first, min(first + 125, runs // arms)):
                        values = {"max_lr": 10 ** draw.uniform(-3, 0), "base_lr/max_lr": draw.uniform(0.05, 0.5)}
                        values["step_size"] = 5.0
                        spec = fill(study, arm, values, budget, seed)
                        planned.append(PlannedRun(RunKey("large", arm.name, "search", trial, seed), spec, values))
                plan_runs(store, planned)
                looks = [
                    (run.key, look(run.spec.lr_schedule(update), update))
                    for run in planned
                    for update in run.spec.evaluate_at
                ]
                append(store, looks, outcomes=[Outcome(run.key, "completed", 20) for run in planned])
            filled = time.monotonic() - begun
            count = len(read_results(store, "large").runs)
        found = {"runs": count, "seconds_to_fill": round(filled, 1)}
        for name, options in (("show", []), ("report", ["--out", folder])):
            begun = time.monotonic()
            command = [sys.executable, "-c", "from clr_study.cli import main; main()", name, "large", "--storage", url]
            said = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True)
            found[f"{name}_seconds"] = round(time.monotonic() - begun, 1)
            found[f"{name}_exit_code"] = said.returncode
            if said.returncode:
                found[f"{name}_said"] = said.stderr[-500:]
        return found


@contextmanager
def postgres() -> Any:
    from servers import Postgres, running

    class Durable(Postgres):
        """As its package sets it up: it syncs what it commits, and takes 100 connections."""

        def command(self) -> list[str]:
            return [part.replace("fsync=off", "fsync=on") for part in super().command()]

        def ask(self, database: str, *questions: str) -> list[int]:
            """Asks for numbers in a database, as its administrator."""
            place = {"host": str(self.folder / "data"), "port": self.port, "user": "postgres", "dbname": database}
            with psycopg.connect(**place, autocommit=True) as connection:
                return [int(connection.execute(question).fetchone()[0]) for question in questions]

    with running(Durable) as server:
        yield server


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("part", nargs="?", choices=["trials", "store", "workers", "memory"])
    options.add_argument("--trials", type=int, default=10_000)
    options.add_argument("--workers", type=int, default=16)
    options.add_argument("--runs", type=int, default=100_000)
    given = options.parse_args()
    parts: dict[str, Callable[[Any], dict[str, Any]]] = {
        "trials": lambda server: search_of(server, given.trials, given.workers),
        "store": lambda server: store_of(server, given.runs),
        "workers": lambda server: search_of(server, 1280, 64),
    }
    named = {**parts, "memory": lambda server: only_memory(search_of(server, given.trials, given.workers))}
    found = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    with postgres() as server:
        for name in [given.part] if given.part else parts:
            ((version,),) = server.do("SHOW server_version")
            machine = {"cores": os.cpu_count(), "python": platform.python_version(), "postgresql": version}
            machine["load_before"] = round(os.getloadavg()[0], 1)  # other work on the same cores slows all of this
            found[name] = {**named[name](server), "on": machine, "when": f"{datetime.now(UTC):%Y-%m-%d}"}
            RESULT.write_text(json.dumps(found, indent=2) + "\n")
            print(name, json.dumps(found[name], indent=2), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)  # the workers' processes import this file by its name
    from scale import main as run  # by its name, so that what is sent to them can be found there

    run()
