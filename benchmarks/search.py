"""A whole search, side by side: `clr-study run` against the canonical Optuna script, same network, data and updates.

Every repeat times both sides in turn on the same machine, each in processes of its own, from after the imports to the
answer. Ours includes the check, the measuring of the winner and the report; the peer's is the search alone. The peer is
the better of one process with all threads and two processes with one thread each.

    python benchmarks/search.py --model mlp --trials 64 --repeats 5
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import torch

HERE = Path(__file__).parent
STUDY = """
name = "bench"
data = {{ kind = "digits", validation = 0.2 }}
model = {{ kind = "{model}" }}
train = {{ batch_size = 64, epochs = {epochs}, evaluations = {epochs} }}
search = {{ trials = {trials}, seed = {seed} }}
measure = {{ seeds = 1 }}
[arms.triangular.schedule]
kind = "triangular"
max_lr = {{ low = 1e-3, high = 1.0, log = true }}
base_lr = {{ times = "max_lr", low = 0.05, high = 0.5 }}
step_size = {{ low = 2, high = 10, unit = "epochs" }}
"""
OURS = """
import json, sys, time
from clr_study.search import Where, run_study
from clr_study.spec import load_study
study = load_study(sys.argv[1])
begin = time.perf_counter()
results = run_study(study, Where(storage=f"sqlite:///{sys.argv[2]}/ours.db", out=sys.argv[2], devices="cpu"))
seconds = time.perf_counter() - begin
updates = sum(int(run.updates[-1]) for run in results.runs if len(run.updates))
best = max(run.final("validation_accuracy") for run in results.of("triangular", "search") if run.ending == "completed")
print(json.dumps({"updates": updates, "seconds": seconds, "best": best}))
"""


def ours(model: str, trials: int, epochs: int, seed: int, folder: str) -> dict[str, float]:
    path = Path(folder) / "bench.toml"
    path.write_text(STUDY.format(model=model, trials=trials, epochs=epochs, seed=seed))
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(
        [sys.executable, "-c", OURS, str(path), folder], capture_output=True, text=True, check=True, env=environment
    )
    return json.loads(done.stdout.strip().splitlines()[-1])


def peer(model: str, trials: int, epochs: int, seed: int, folder: str, processes: int) -> dict[str, float]:
    threads = max(1, (os.cpu_count() or 1) // processes)
    running = []
    for number in range(processes):
        asked = {
            "model": model,
            "trials": trials // processes,
            "epochs": epochs,
            "seed": seed + 1000 * number,
            "threads": threads,
            "storage": f"sqlite:///{folder}/peer{processes}.db",
        }
        command = [sys.executable, str(HERE / "peers" / "canonical.py"), json.dumps(asked)]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        if number == 0 and processes > 1:
            time.sleep(4)  # the first one makes the tables; two at once would fail
    found = [json.loads(process.communicate()[0].strip().splitlines()[-1]) for process in running]
    return {
        "updates": sum(one["updates"] for one in found),
        "seconds": max(one["seconds"] for one in found),
        "best": max(one["best"] for one in found),
    }


def rate(found: dict[str, float]) -> float:
    return found["updates"] / found["seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", default="mlp", choices=["mlp", "small_cnn"])
    parser.add_argument("--trials", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", default=str(HERE / "results"))
    asked = parser.parse_args()
    rows = []
    for repeat in range(asked.repeats):
        with tempfile.TemporaryDirectory() as folder:
            common = (asked.model, asked.trials, asked.epochs, repeat)
            mine = ours(*common, folder)
            one, two = (peer(*common, folder, processes) for processes in (1, 2))
        best = max(rate(one), rate(two))
        rows.append({"ours": mine, "one_process": one, "two_processes": two, "ratio": rate(mine) / best})
        print(
            f"{asked.model} repeat {repeat}: ours {rate(mine):,.0f} updates/s (best {mine['best']:.3f}), canonical "
            f"{rate(one):,.0f} in one process, {rate(two):,.0f} in two (best {max(one['best'], two['best']):.3f}); "
            f"ratio {rows[-1]['ratio']:.2f}",
            flush=True,
        )
    ratios = sorted(row["ratio"] for row in rows)
    print(
        f"{asked.model}: ratio {statistics.median(ratios):.2f} [{ratios[0]:.2f}, {ratios[-1]:.2f}] over {len(ratios)}"
    )
    record = {
        "what": "whole search, lane-updates per second, against the canonical Optuna script",
        "model": asked.model,
        "trials": asked.trials,
        "epochs": asked.epochs,
        "date": date.today().isoformat(),
        "machine": f"CPU, {os.cpu_count()} cores, {platform.machine()}",
        "torch": torch.__version__,
        "ratio_median": statistics.median(ratios),
        "ratio_range": [ratios[0], ratios[-1]],
        "repeats": rows,
    }
    Path(asked.out).mkdir(exist_ok=True)
    (Path(asked.out) / f"search-{asked.model}-cpu.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
