"""One run of the plain engine against a bare PyTorch loop over tensors in memory: no loader, no search, no storage.

python benchmarks/plain.py --repeats 7
"""

from __future__ import annotations

import argparse
import statistics
import time
import tomllib

import common
import nets
import torch
from torch import nn

from clr_study.engine import Training, load_task
from clr_study.models import build_model
from clr_study.spec import TrialSpec

UPDATES = {"mlp": 400, "small_cnn": 200, "cifar10_full": 15}
LR = 1e-3


def ours(net: str, device: str, updates: int) -> float:
    table = tomllib.loads(f"data = {nets.data(net)}")["data"]
    spec = TrialSpec(
        study="bench",
        data=table,
        model=nets.model(net),
        optim={"kind": "sgd", "momentum": 0.9},
        schedule={"kind": "triangular", "base_lr": LR / 4, "max_lr": LR, "step_size": updates / 2},
        batch_size=nets.BATCH[net],
        updates=updates,
        evaluate_at=(updates,),
        seed=0,
        test=False,
    )
    training = Training([spec], load_task(table, device))
    (snapshot,) = training.run()
    return snapshot.evaluations[0].seconds


def bare(net: str, device: str, updates: int) -> float:
    table = tomllib.loads(f"data = {nets.data(net)}")["data"]
    task = load_task(table, device)
    images = task.normalise(task.train.inputs)
    model = build_model(nets.model(net), task.sample_shape, task.outputs, seed=0).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.CyclicLR(optimizer, LR / 4, LR, updates // 2, cycle_momentum=False)
    loss, batch = nn.CrossEntropyLoss(), nets.BATCH[net]
    per_epoch = len(images) // batch
    begin = time.perf_counter()
    for update in range(updates):
        if update % per_epoch == 0:
            order = torch.randperm(len(images), device=device)
        rows = order[update % per_epoch * batch : (update % per_epoch + 1) * batch]
        optimizer.zero_grad(set_to_none=True)
        value = loss(model(images[rows]), task.train.targets[rows])
        value.backward()
        optimizer.step()
        scheduler.step()
    value.item()
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--nets", nargs="+", default=list(nets.NETS), choices=nets.NETS)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    for net in asked.nets:
        updates = UPDATES[net]
        for side in (ours, bare):
            side(net, asked.device, updates)
        times = [(ours(net, asked.device, updates), bare(net, asked.device, updates)) for _ in range(asked.repeats)]
        common.write(
            f"plain-{net}" + ("" if asked.device == "cpu" else "-gpu"),
            what=f"one run, plain engine, {net}",
            peer="a bare PyTorch loop",
            target=1.05,
            ratios=[mine / theirs for mine, theirs in times],
            unit="ms an update",
            ours=statistics.median(mine for mine, _ in times) / updates * 1e3,
            theirs=statistics.median(theirs for _, theirs in times) / updates * 1e3,
            lower_is_better=True,
            device=asked.device,
        )


if __name__ == "__main__":
    main()
