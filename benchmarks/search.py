"""A whole search, side by side: `clr-study run` against the canonical Optuna script, same network, data and updates.

Every repeat times both sides in turn on the same machine, each in processes of its own. The ratio is that of the
search: asking, training, evaluating, storing and telling, to the winner, from when the data are loaded and the
libraries are imported, which is all that the script does. What ours does besides (the check, a run that measures the
winner, the report) is in `whole`: the time of everything after the imports. The best trials are not run again on fresh
seeds here, which the script does not do either. The peer is the better of one process with all threads and two that
share them.

    python benchmarks/search.py --net mlp --trials 64 --epochs 30 --repeats 5
    python benchmarks/search.py --net resnet-20 --trials 16 --epochs 10 --device cuda:0 --graphs
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import common
import nets

# Of the targets; how long a trial is, so that a repeat takes about a minute on two cores.
TARGETS = {"mlp": 8.0, "small_cnn": 4.0, "cifar10_full": 1.5}
ON_A_GPU = {"resnet-20": 3.0}
SIZES = {"mlp": (64, 30), "small_cnn": (32, 20), "cifar10_full": (8, 2), "resnet-20": (2, 1)}
STUDY = """
name = "bench"
data = {data}
model = {model}
train = {{ batch_size = {batch}, epochs = {epochs}, evaluations = {epochs}{graphs} }}
search = {{ trials = {trials}, seed = {seed}, confirm = {{ trials = 1 }} }}
measure = {{ seeds = 1 }}
[arms.triangular.schedule]
kind = "triangular"
max_lr = {{ low = 1e-3, high = {high}, log = true }}
base_lr = {{ times = "max_lr", low = 0.05, high = 0.5 }}
step_size = {{ low = 0.5, high = {half}, unit = "epochs" }}
"""
OURS = """
import json, os, sys, time
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does
from clr_study.search import Where, run_study
from clr_study.spec import load_study
study = load_study(sys.argv[1])
marks = {}
def say(sentence):
    for word in ("search:", " won, "):
        if word in sentence:
            marks.setdefault(word, (time.perf_counter(), time.process_time()))
begin = time.perf_counter()
where = Where(storage=f"sqlite:///{sys.argv[2]}/ours.db", out=sys.argv[2], devices=sys.argv[3], may_spread=True)
results = run_study(study, where, say)
whole = time.perf_counter() - begin
seconds, cpu = (end - start for start, end in zip(marks["search:"], marks[" won, "], strict=True))
updates = sum(int(run.updates[-1]) for run in results.of("triangular", "search") if len(run.updates))
done = [run for run in results.of("triangular", "search") if run.ending == "completed"]
best = max(run.final("validation_accuracy") for run in done)
print(json.dumps({"updates": updates, "seconds": seconds, "cpu": cpu, "best": best, "whole": whole}))
"""


def ours(
    net: str, trials: int, epochs: int, seed: int, folder: str, device: str, replayed: bool = False
) -> dict[str, float]:
    path = Path(folder) / "bench.toml"
    high = 0.01 if net == "cifar10_full" else 1.0
    half, batch = epochs / 2, nets.BATCH[net]
    words = ", ".join(f"{key} = {json.dumps(value)}" for key, value in nets.model(net).items())
    tables = {"data": nets.data(net), "model": f"{{ {words} }}", "graphs": ", cuda_graphs = true" if replayed else ""}
    path.write_text(STUDY.format(**{**locals(), **tables}))
    return common.in_process(OURS, str(path), folder, device)


def peer(net: str, trials: int, epochs: int, seed: int, folder: str, device: str, processes: int) -> dict[str, float]:
    nets.data(net)
    running = []
    for number in range(processes):
        asked = {
            "net": net,
            "trials": trials // processes,
            "epochs": epochs,
            "seed": seed + 1000 * number,
            "threads": max(1, (os.cpu_count() or 1) // processes),
            "storage": f"sqlite:///{folder}/peer{processes}.db",
            "device": device,
        }
        command = [sys.executable, str(common.HERE / "peers" / "canonical.py"), json.dumps(asked)]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        if number == 0 and processes > 1:
            time.sleep(4)  # the first one makes the tables; two at once would fail
    found = [json.loads(process.communicate()[0].strip().splitlines()[-1]) for process in running]
    return {
        "updates": sum(one["updates"] for one in found),
        "seconds": max(one["seconds"] for one in found),
        "cpu": sum(one["cpu"] for one in found),
        "best": max(one["best"] for one in found),
    }


def rate(found: dict[str, float]) -> float:
    return found["updates"] / found["seconds"]


def measure(net: str, trials: int, epochs: int, repeats: int, device: str, replayed: bool) -> None:
    rows = []
    for repeat in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            common_part = (net, trials, epochs, repeat, folder, device)
            mine = ours(*common_part, replayed)
            several = {count: peer(*common_part, processes=count) for count in (1, 2)}
        best = max(several.values(), key=rate)
        # By CPU time as well, which a busy neighbour moves less; against the peer's own best by that measure.
        cheapest = max(one["updates"] / one["cpu"] for one in several.values())
        by_cpu = mine["updates"] / mine["cpu"] / cheapest
        ratio = rate(mine) / rate(best)
        whole = mine["updates"] / mine["whole"] / rate(best)
        row = {"ratio": ratio, "cpu_ratio": by_cpu, "whole_ratio": whole, "theirs": rate(best)}
        rows.append({"ours": mine, "peers": several, **row})
        print(
            f"{net} repeat {repeat}: ours {rate(mine):,.0f} updates/s (best {mine['best']:.3f}), canonical "
            + ", ".join(f"{rate(one):,.0f} in {count}" for count, one in several.items())
            + f" (best {best['best']:.3f}); ratio {ratio:.2f}, by CPU time {by_cpu:.2f}, "
            f"with check and report {whole:.2f}",
            flush=True,
        )
    common.write(
        f"search-{net}" + ("-graphs" if replayed else "") + ("" if device == "cpu" else "-gpu"),
        what=f"whole search, {net}: {trials} trials of {epochs} epochs" + (", CUDA graphs" if replayed else ""),
        peer="the canonical Optuna script, the better of one and two processes",
        target=TARGETS.get(net) if device == "cpu" else ON_A_GPU.get(net, 20.0),
        ratios=[row["ratio"] for row in rows],
        unit="updates/s",
        ours=statistics.median(rate(row["ours"]) for row in rows),
        theirs=statistics.median(row["theirs"] for row in rows),
        device=device,
        extra={
            "trials": trials,
            "epochs": epochs,
            "products": nets.products(net),
            "cpu_ratio": statistics.median(row["cpu_ratio"] for row in rows),
            "whole_ratio": statistics.median(row["whole_ratio"] for row in rows),
            "rows": rows,
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--net", default="mlp", choices=nets.ALL)
    parser.add_argument("--trials", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--graphs", action="store_true", help="ours replays CUDA graphs")
    asked = parser.parse_args()
    trials, epochs = SIZES[asked.net]
    measure(asked.net, asked.trials or trials, asked.epochs or epochs, asked.repeats, asked.device, asked.graphs)


if __name__ == "__main__":
    main()
