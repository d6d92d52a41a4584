"""The report of a large study: seconds and bytes against the number of runs, from results made by a formula.

Each run has 100 evaluations; of four arms, 24 in 25 runs are trials of the search and one is measured. No training and
no database is in it: the clock covers `compare`, each page and `results.json`, in one process from after the imports.

    python benchmarks/report.py --runs 1250 2500 5000 10000
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np

from clr_study.analysis import compare
from clr_study.report import write_report, write_results
from clr_study.spec import Budget, Results, RunKey, RunResult, Study, fill, parse_study

HERE = Path(__file__).parent
EVALUATIONS = 100
STUDY = """
name = "bench"
data = {{ kind = "digits" }}
model = {{ kind = "mlp" }}
train = {{ batch_size = 64, updates = 1000, evaluations = {evaluations} }}
search = {{ trials = {trials}, seed = 1 }}
measure = {{ seeds = {seeds} }}
target = {{ accuracy = 0.9 }}
[arms.constant.schedule]
kind = "constant"
lr = {{ low = 1e-3, high = 1.0, log = true }}
[arms.linear.schedule]
kind = "linear"
lr = {{ low = 1e-3, high = 1.0, log = true }}
[arms.triangular.schedule]
kind = "triangular"
max_lr = {{ low = 1e-3, high = 1.0, log = true }}
base_lr = {{ times = "max_lr", low = 0.05, high = 0.5 }}
step_size = {{ low = 50, high = 250, unit = "updates" }}
[arms.triangular2.schedule]
kind = "triangular2"
max_lr = {{ low = 1e-3, high = 1.0, log = true }}
base_lr = {{ times = "max_lr", low = 0.05, high = 0.5 }}
step_size = {{ low = 50, high = 250, unit = "updates" }}
"""


def made(runs: int) -> Results:
    """Returns results of so many runs: better near a peak LR of 0.1, diverged above 0.8."""
    seeds = max(2, runs // 100)
    study = parse_study(STUDY.format(trials=runs // 4 - seeds, seeds=seeds, evaluations=EVALUATIONS))
    rng = np.random.default_rng(0)
    found: list[RunResult] = []
    winners = {}
    for arm in study.arms:
        trials = [run(study, arm.name, "search", number, 0, rng) for number in range(study.search.trials)]
        winner = max(trials, key=lambda one: np.nan_to_num(one.final("validation_accuracy")))
        winners[arm.name] = winner.key.trial
        found += trials
        found += [run(study, arm.name, "measure", winner.key.trial, seed, rng, winner.values) for seed in range(seeds)]
    return Results(study=study, runs=tuple(found), winners=winners)


def run(study: Study, arm: str, phase, trial: int, seed: int, rng: np.random.Generator, values=None) -> RunResult:
    peak = float(10 ** rng.uniform(-3, 0))
    drawn = {"lr": peak}
    if arm.startswith("triangular"):
        drawn = {
            "max_lr": peak,
            "base_lr/max_lr": float(rng.uniform(0.05, 0.5)),
            "step_size": float(rng.uniform(50, 250)),
        }
    values = values or drawn
    budget = Budget(updates=1000, per_epoch=25, batch_size=64)
    spec = fill(study, study.arm(arm), values, budget, seed=seed, test=phase == "measure")
    axis = np.array(spec.evaluate_at)
    height = 0.97 - 0.05 * np.log10(values.get("max_lr", values.get("lr")) / 0.1) ** 2
    accuracy = np.clip(height * (1 - np.exp(-axis / 120)) + 0.004 * rng.standard_normal(len(axis)), 0, 1)
    dead = phase == "search" and peak > 0.8
    length = 10 if dead else len(axis)
    metrics = {
        "lr": np.full(length, peak),
        "train_loss": 2.3 * (1 - accuracy[:length]),
        "validation_loss": 2.5 * (1 - accuracy[:length]),
        "validation_accuracy": accuracy[:length],
        "test_loss": 2.6 * (1 - accuracy[:length]) if spec.test else np.full(length, np.nan),
        "test_accuracy": accuracy[:length] - 0.003 if spec.test else np.full(length, np.nan),
    }
    return RunResult(
        key=RunKey(study.name, arm, phase, trial, seed),
        spec=spec,
        values=values,
        ending="diverged" if dead else "completed",
        updates=axis[:length],
        metrics=metrics,
        seconds=0.001 * axis[:length],
        device="CPU",
        versions={"torch": "2.15.0"},
        note="the loss was not finite after 100 updates" if dead else "",
    )


def measure(runs: int) -> dict[str, object]:
    results = made(runs)
    row: dict[str, object] = {"runs": len(results.runs), "evaluations": sum(len(run.updates) for run in results.runs)}
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        comparison = compare(results)
        row["compare_seconds"] = time.perf_counter() - begin
        for page in ("comparison", "search"):
            begin = time.perf_counter()
            path = write_report(results, Path(folder) / f"{page}.html", page, comparison)
            row[f"{page}_seconds"] = time.perf_counter() - begin
            row[f"{page}_bytes"] = path.stat().st_size
        begin = time.perf_counter()
        path = write_results(results, Path(folder) / "results.json", comparison)
        row["results_json_seconds"] = time.perf_counter() - begin
        row["results_json_bytes"] = path.stat().st_size
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--runs", type=int, nargs="+", default=[1250, 2500, 5000, 10000])
    parser.add_argument("--out", default=str(HERE / "results"))
    asked = parser.parse_args()
    rows = []
    for runs in asked.runs:
        rows.append(measure(runs))
        print(json.dumps(rows[-1]), flush=True)
    record = {
        "what": "seconds and bytes of the report against runs of 100 evaluations",
        "date": date.today().isoformat(),
        "machine": f"CPU, {os.cpu_count()} cores, {platform.machine()}",
        "python": platform.python_version(),
        "rows": rows,
    }
    Path(asked.out).mkdir(exist_ok=True)
    (Path(asked.out) / "report.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
