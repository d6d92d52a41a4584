"""The script that most people write: Optuna, a DataLoader, torch.optim and CyclicLR; one trial after the other.

It is tuned a little, as a good engineer would: no workers for a set this small, no gradients in evaluation,
a thread count that fits. Run it as `python canonical.py '{"model": "mlp", "trials": 4, ...}'`; it prints a line of
JSON.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import optuna
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def data(model: str) -> tuple[TensorDataset, TensorDataset]:
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    inputs = torch.tensor(images[order], dtype=torch.float32)
    inputs = (inputs - inputs.mean()) / inputs.std()
    if model == "small_cnn":
        inputs = inputs.reshape(-1, 1, 8, 8)
    targets = torch.tensor(labels[order])
    return TensorDataset(inputs[:1150], targets[:1150]), TensorDataset(inputs[1150:1438], targets[1150:1438])


def network(model: str) -> nn.Module:
    if model == "mlp":
        return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    # The same network as clr_study's small_cnn: three convolutions of strides 2, 2 and 1.
    from clr_study.models import build_model

    return build_model({"kind": "small_cnn"}, (1, 8, 8), 10, seed=0)


def accuracy(net: nn.Module, split: TensorDataset) -> float:
    net.eval()
    with torch.no_grad():
        inputs, targets = split.tensors
        right = (net(inputs).argmax(dim=1) == targets).float().mean()
    net.train()
    return float(right)


def main() -> None:
    asked = json.loads(sys.argv[1])
    torch.set_num_threads(asked["threads"])
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    train, validation = data(asked["model"])
    done = 0

    def objective(trial: optuna.Trial) -> float:
        nonlocal done
        max_lr = trial.suggest_float("max_lr", 1e-3, 1.0, log=True)
        base_lr = max_lr * trial.suggest_float("ratio", 0.05, 0.5)
        step_size = trial.suggest_int("step_size", 34, 170)
        torch.manual_seed(0)
        net = network(asked["model"])
        optimizer = torch.optim.SGD(net.parameters(), lr=base_lr, momentum=0.9)
        scheduler = torch.optim.lr_scheduler.CyclicLR(optimizer, base_lr, max_lr, step_size, cycle_momentum=False)
        loss = nn.CrossEntropyLoss()
        loader = DataLoader(train, batch_size=64, shuffle=True, drop_last=True)
        score = 0.0
        for _ in range(asked["epochs"]):
            for inputs, targets in loader:
                optimizer.zero_grad(set_to_none=True)
                loss(net(inputs), targets).backward()
                optimizer.step()
                scheduler.step()
                done += 1
            score = accuracy(net, validation)
        return score

    study = optuna.create_study(
        study_name="canonical",
        storage=asked["storage"],
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(seed=asked["seed"]),
        load_if_exists=True,
    )
    begin = time.perf_counter()
    study.optimize(objective, n_trials=asked["trials"])
    print(json.dumps({"updates": done, "seconds": time.perf_counter() - begin, "best": study.best_value}))


if __name__ == "__main__":
    main()
