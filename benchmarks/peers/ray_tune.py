"""The same search with Ray Tune and OptunaSearch, a trial a core. `python ray_tune.py '{...}'` prints a line of JSON.

Tuned a little: one thread a trial, data put into the object store once, no checkpoints, one report an epoch.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import ray
import torch
from ray import tune
from ray.tune.search.optuna import OptunaSearch
from torch import nn
from torch.utils.data import DataLoader

sys.path.insert(0, str(Path(__file__).parent))
import canonical
from canonical import nets


def objective(values: dict[str, Any], asked: dict[str, Any], splits: Any) -> None:
    torch.set_num_threads(1)
    train, validation = splits
    epochs, batch = asked["epochs"], nets.BATCH[asked["net"]]
    torch.manual_seed(0)
    net = canonical.network(asked["net"])
    base_lr = values["max_lr"] * values["ratio"]
    optimizer = torch.optim.SGD(net.parameters(), lr=base_lr, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.CyclicLR(
        optimizer, base_lr, values["max_lr"], values["step_size"], cycle_momentum=False
    )
    loss = nn.CrossEntropyLoss()
    for _ in range(epochs):
        for inputs, targets in DataLoader(train, batch_size=batch, shuffle=True, drop_last=True):
            optimizer.zero_grad(set_to_none=True)
            loss(net(inputs), targets).backward()
            optimizer.step()
            scheduler.step()
        tune.report({"accuracy": canonical.accuracy(net, *validation.tensors)})


def main() -> None:
    asked = json.loads(sys.argv[1])
    splits = canonical.data(asked["net"])
    per_epoch = len(splits[0]) // nets.BATCH[asked["net"]]
    high = 0.01 if asked["net"] == "cifar10_full" else 1.0
    space = {
        "max_lr": tune.loguniform(1e-3, high),
        "ratio": tune.uniform(0.05, 0.5),
        "step_size": tune.randint(per_epoch // 2, per_epoch * asked["epochs"] // 2 + 1),
    }
    # By itself Ray gives way to whatever else runs on the machine; here it gets what the other side gets.
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 (Ray spells it so)
    # The workers find this folder's modules as this process does.
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    begin = time.perf_counter()
    ray.init(
        address="local", num_cpus=os.cpu_count(), include_dashboard=False, logging_level="error", log_to_driver=False
    )
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            tune.with_resources(tune.with_parameters(objective, asked=asked, splits=splits), {"cpu": 1}),
            param_space=space,
            tune_config=tune.TuneConfig(
                metric="accuracy", mode="max", num_samples=asked["trials"], search_alg=OptunaSearch(seed=asked["seed"])
            ),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        results = tuner.fit()
        best = results.get_best_result().metrics["accuracy"]
    seconds = time.perf_counter() - begin
    ray.shutdown()
    updates = asked["trials"] * per_epoch * asked["epochs"]
    print(json.dumps({"updates": updates, "seconds": seconds, "best": best}))


if __name__ == "__main__":
    main()
