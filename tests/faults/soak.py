"""Kills owners and workers, and stops the database, at random moments for some minutes, and counts what was lost.

The first study is without its database for a minute. Studies with two workers on PostgreSQL take turns with studies of
one process on SQLite. Of the first it is asked that every planned run ends in exactly one outcome; of the second also
that it ends in the same numbers, to the last bit, as one that nobody disturbed.

    make soak
    .venv/bin/python tests/faults/soak.py --minutes 2 --seed 7
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from servers import Postgres, running
from two_arms import ARMS, evaluations, two_arms

from clr_study.spec import Results
from clr_study.store import open_store, read_losses, read_results

# Long enough that all kills of a study fall into it, and that batches leave checkpoints on their way.
STUDY = two_arms("soak", batch_size=16, updates=6000, trials=4)
PLANNED = {"search": 4, "confirm": 4 * 3, "measure": 3}
RUN = [sys.executable, "-c", "from clr_study.cli import main; main()", "run", "soak.toml", "--devices", "cpu"]
KILLS_A_STUDY = 8
GIVEN_UP = "its worker died"


def start(folder: Path, url: str, workers: int) -> subprocess.Popen:
    environment = {**os.environ, "CLR_STORAGE": url, "OMP_WAIT_POLICY": "PASSIVE"}
    log = (folder / "log").open("ab")
    return subprocess.Popen([*RUN, "--workers", str(workers)], cwd=folder, env=environment, stdout=log, stderr=log)


def workers_of(pid: int) -> list[int]:
    """The processes that an owner has started to train in."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(one) for one in children if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]
    except OSError:  # it has just ended
        return []


def disturb(
    folder: Path, url: str, workers: int, draw: random.Random, server: Postgres | None, away: float
) -> Counter[str]:
    """Runs a study to its end, through kills, and first through so many seconds without its database."""
    done: Counter[str] = Counter()
    process = start(folder, url, workers)
    if server and away:
        while process.poll() is None and not evaluations(url, "soak"):
            time.sleep(0.1)
        stop_for(server, away)
        done[f"database away for {away:.0f} s"] += 1
    while True:
        if done.total() < KILLS_A_STUDY:
            wait_for_a_moment(process, url, draw)
        else:
            process.wait()
        code = process.poll()
        if code is None:
            done[strike(process, draw, server)] += 1
            continue
        if code in (0, 1):
            return done
        if code != -signal.SIGKILL:
            raise RuntimeError(f"exit code {code}: {(folder / 'log').read_text()[-3000:]}")
        process = start(folder, url, workers)


def wait_for_a_moment(process: subprocess.Popen, url: str, draw: random.Random) -> None:
    """Most blows are to fall while something trains; the first seconds of a process's life are imports."""
    seen = evaluations(url, "soak") if draw.random() < 0.9 else -1
    while process.poll() is None and evaluations(url, "soak") <= seen:
        time.sleep(0.1)
    try:
        process.wait(draw.uniform(0.0, 2.0))
    except subprocess.TimeoutExpired:
        return


def stop_for(server: Postgres, seconds: float) -> None:
    server.stop()
    time.sleep(seconds)
    server.start()


def strike(process: subprocess.Popen, draw: random.Random, server: Postgres | None) -> str:
    victims = workers_of(process.pid)
    if server and draw.random() < 0.15:
        stop_for(server, draw.uniform(0.0, 20.0))
        return "database stops"
    if victims and draw.random() < 0.7:
        os.kill(draw.choice(victims), signal.SIGKILL)
        return "worker kills"
    process.kill()
    return "owner kills"


def facts(url: str, results: Results) -> list:
    with open_store(url, create=False) as store:
        return [
            (run.key, run.ending, run.spec.digest, run.updates.tolist(), read_losses(store, run.key).tobytes())
            for run in results.runs
        ]


def judge(folder: Path, url: str) -> tuple[Counter[str], Results]:
    """Counts what a study has lost, and what it has twice."""
    with open_store(url, create=False) as store:
        results = read_results(store, "soak")
    found: Counter[str] = Counter(runs=len(results.runs))
    for run in results.runs:
        whole = run.ending == "completed" and run.updates.tolist() == list(run.spec.evaluate_at)
        given_up = run.ending == "failed" and run.note.startswith(GIVEN_UP)
        found["given up after three kills"] += given_up
        found["losses"] += not (whole or given_up)
    for arm in ARMS:
        for phase, planned in PLANNED.items():
            found["losses"] += max(0, planned - len(results.of(arm, phase)))
    settings = Counter((run.key.phase, run.spec.digest) for run in results.runs)
    found["duplicates"] = len(results.runs) - len({run.key for run in results.runs})
    found["duplicates"] += sum(count - 1 for count in settings.values())
    reported = json.loads((folder / "results" / "soak" / "results.json").read_text())["runs"]
    found["losses"] += len(reported) != len(results.runs)
    return found, results


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--minutes", type=float, default=10.0)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument(
        "--away", type=float, default=60.0, help="Seconds that the first study is without its database."
    )
    given = options.parse_args()
    draw, total, studies = random.Random(given.seed), Counter(), 0
    with tempfile.TemporaryDirectory() as place, running(Postgres) as server:

        def one(name: str, workers: int, disturbed: bool = True, away: float = 0.0) -> tuple[Counter[str], list]:
            folder = Path(place) / name
            folder.mkdir()
            (folder / "soak.toml").write_text(STUDY)
            with server.fresh() as on_server:
                url = on_server if workers > 1 else f"sqlite:///{folder}/s.db"
                if disturbed:
                    done = disturb(folder, url, workers, draw, server if workers > 1 else None, away)
                else:
                    done = Counter()
                    start(folder, url, workers).wait()
                found, results = judge(folder, url)
                return done + found, facts(url, results)

        _, expected = one("undisturbed", 1, disturbed=False)
        end = time.monotonic() + 60 * given.minutes
        while time.monotonic() < end:
            workers = 2 if studies % 2 == 0 else 1
            counts, seen = one(str(studies), workers, away=0.0 if studies else given.away)
            if workers == 1 and not counts["given up after three kills"]:
                counts["studies with other numbers"] += seen != expected
            total += counts
            studies += 1
            print(f"study {studies}, {workers} workers: {dict(counts)}", flush=True)
    kills = sum(total[name] for name in ("worker kills", "owner kills", "database stops"))
    lines = {"studies": studies, "kills": kills, **total}
    for name in ("runs", "losses", "duplicates", "studies with other numbers"):
        lines.setdefault(name, 0)
    print("\n".join(f"{name}: {count}" for name, count in lines.items()))
    return 1 if total["losses"] or total["duplicates"] or total["studies with other numbers"] else 0


if __name__ == "__main__":
    sys.exit(main())
