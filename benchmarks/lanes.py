"""Throughput and memory against the number of lanes: all lanes' updates a second from 1 to 128, and the peak of each.

The peer of N lanes is one lane. Each size is a process of its own, whose peak is the operating system's.

    python benchmarks/lanes.py --net mlp
"""

from __future__ import annotations

import argparse
import json
import statistics
import tomllib

import common
import nets

LANES = (1, 2, 4, 8, 16, 32, 64, 128)
UPDATES = {"mlp": 150, "small_cnn": 24, "cifar10_full": 3, "resnet-20": 3}
ON_A_GPU = 200  # whatever the network and the lanes; a stretch has 256 at most
ONE = """
import json, resource, sys, time
import torch
from clr_study.engine import Training, load_task
from clr_study.spec import TrialSpec
from clr_study.worker import Place, take_place
asked = json.loads(sys.argv[1])
take_place(Place(device=asked["device"]))
def specs(updates):
    return [TrialSpec(study="bench", data=asked["data"], model=asked["model"],
        optim={"kind": "sgd", "momentum": 0.9}, schedule={"kind": "constant", "lr": 1e-4 * (1 + lane)},
        batch_size=asked["batch"], updates=updates, evaluate_at=(updates,), seed=0, test=False,
        compile=asked["compile"], cuda_graphs=asked["cuda_graphs"])
        for lane in range(asked["lanes"])]
task = load_task(asked["data"], asked["device"])
cuda = asked["device"] != "cpu"
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
def seconds(updates):
    training = Training(specs(updates + 2), task)
    done = 2 if asked["cuda_graphs"] else 0
    if done:
        training._steps(done)  # records
    begin = time.perf_counter()
    training._steps(done + updates)
    return time.perf_counter() - begin
seconds(2)
least = min(seconds(asked["updates"]) for _ in range(3))
peak = torch.cuda.max_memory_allocated() if cuda else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
print(json.dumps({"rate": asked["lanes"] * asked["updates"] / least, "bytes": peak}))
"""


def one(net: str, lanes: int, device: str, compiled: bool = False, graphs: bool = False) -> dict[str, float]:
    table = tomllib.loads(f"data = {nets.data(net)}")["data"]
    updates = max(2, round(UPDATES[net] * min(1.0, 16 / lanes)))
    asked = {"lanes": lanes, "device": device, "data": table, "model": nets.model(net), "batch": nets.BATCH[net]}
    asked |= {"updates": updates if device == "cpu" else ON_A_GPU, "compile": compiled, "cuda_graphs": graphs}
    return common.in_process(ONE, json.dumps(asked))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--net", default="mlp", choices=nets.NETS)
    parser.add_argument("--lanes", type=int, nargs="+")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    large = asked.device == "cpu" and asked.net == "cifar10_full"  # 100 MB and 0.1 s a lane and update
    asked.lanes = asked.lanes or [lanes for lanes in LANES if lanes <= (8 if large else LANES[-1])]
    found: dict[int, list[dict[str, float]]] = {lanes: [] for lanes in asked.lanes}
    for _ in range(asked.repeats):
        for lanes in asked.lanes:
            found[lanes].append(one(asked.net, lanes, asked.device))
    curve = {
        lanes: {key: statistics.median(row[key] for row in rows) for key in ("rate", "bytes")}
        for lanes, rows in found.items()
    }
    for lanes, row in curve.items():
        print(f"{asked.net}, {lanes:3d} lanes: {row['rate']:9,.0f} updates/s, {row['bytes'] / 2**20:7,.1f} MiB")
    alone = [row["bytes"] for row in found[min(curve)]]
    common.write(
        f"memory-{asked.net}" + ("" if asked.device == "cpu" else "-gpu"),
        what=f"peak memory of {max(curve)} lanes, {asked.net}",
        peer=f"{max(curve)} times that of one",
        target=1.0,
        ratios=[many["bytes"] / (max(curve) * one) for many, one in zip(found[max(curve)], alone, strict=True) if one],
        unit="bytes",
        ours=curve[max(curve)]["bytes"],
        theirs=max(curve) * statistics.median(alone),
        lower_is_better=True,
        device=asked.device,
        extra={"curve": {lanes: row["bytes"] for lanes, row in curve.items()}},
    )
    best, fewest = max(curve, key=lambda lanes: curve[lanes]["rate"]), min(curve)
    common.write(
        f"lanes-{asked.net}" + ("" if asked.device == "cpu" else "-gpu"),
        what=f"updates of all lanes together, {asked.net}, {best} lanes",
        peer=f"{fewest} lane",
        target=None,
        ratios=[many["rate"] / few["rate"] for many, few in zip(found[best], found[fewest], strict=True)],
        unit="updates/s",
        ours=curve[best]["rate"],
        theirs=curve[fewest]["rate"],
        device=asked.device,
        extra={"curve": curve},
    )


if __name__ == "__main__":
    main()
