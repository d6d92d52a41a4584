"""The script that most people write: Optuna, a DataLoader, torch.optim and CyclicLR; one trial after the other.

It is tuned a little, as a good engineer would: no workers for a set this small, no gradients in evaluation,
a thread count that fits. Run it as `python canonical.py '{"net": "mlp", "trials": 4, ...}'`; it prints a line of
JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import optuna
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

sys.path.insert(0, str(Path(__file__).parents[1]))
import nets


def data(net: str) -> tuple[TensorDataset, TensorDataset]:
    if net not in nets.ON_DIGITS:
        arrays = np.load(nets.MADE)
        train, validation = (torch.tensor(arrays[name], dtype=torch.float32) for name in ("x", "x_validation"))
        mean, std = train.mean(), train.std()
        return (
            TensorDataset((train - mean) / std, torch.tensor(arrays["y"])),
            TensorDataset((validation - mean) / std, torch.tensor(arrays["y_validation"])),
        )
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    inputs = torch.tensor(images[order], dtype=torch.float32)
    inputs = ((inputs - inputs.mean()) / inputs.std()).reshape(-1, *nets.SHAPE[net])
    targets = torch.tensor(labels[order])
    return TensorDataset(inputs[:1150], targets[:1150]), TensorDataset(inputs[1150:1438], targets[1150:1438])


def network(net: str) -> nn.Module:
    if net == "mlp":
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    # The same modules as clr_study's.
    from clr_study.models import build_model

    return build_model(nets.model(net), nets.SHAPE[net], 10, seed=0)


def accuracy(net: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> float:
    net.eval()
    with torch.no_grad():
        right = (net(inputs).argmax(dim=1) == targets).float().mean()
    net.train()
    return float(right)


def main() -> None:
    asked = json.loads(sys.argv[1])
    device, epochs = asked.get("device", "cpu"), asked["epochs"]
    torch.set_num_threads(asked["threads"])
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    train, validation = data(asked["net"])
    held_out = [tensor.to(device) for tensor in validation.tensors]
    batch = nets.BATCH[asked["net"]]
    per_epoch = len(train) // batch
    high = 0.01 if asked["net"] == "cifar10_full" else 1.0
    done = 0

    def objective(trial: optuna.Trial) -> float:
        nonlocal done
        max_lr = trial.suggest_float("max_lr", 1e-3, high, log=True)
        base_lr = max_lr * trial.suggest_float("ratio", 0.05, 0.5)
        step_size = trial.suggest_int("step_size", per_epoch // 2, per_epoch * epochs // 2)
        torch.manual_seed(0)
        net = network(asked["net"]).to(device)
        optimizer = torch.optim.SGD(net.parameters(), lr=base_lr, momentum=0.9)
        scheduler = torch.optim.lr_scheduler.CyclicLR(optimizer, base_lr, max_lr, step_size, cycle_momentum=False)
        loss = nn.CrossEntropyLoss()
        loader = DataLoader(train, batch_size=batch, shuffle=True, drop_last=True, pin_memory=device != "cpu")
        score = 0.0
        for _ in range(epochs):
            for inputs, targets in loader:
                optimizer.zero_grad(set_to_none=True)
                value = loss(net(inputs.to(device, non_blocking=True)), targets.to(device, non_blocking=True))
                value.backward()
                optimizer.step()
                scheduler.step()
                done += 1
            score = accuracy(net, *held_out)
        return score

    study = optuna.create_study(
        study_name="canonical",
        storage=asked["storage"],
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(seed=asked["seed"]),
        load_if_exists=True,
    )
    begin, cpu = time.perf_counter(), time.process_time()
    study.optimize(objective, n_trials=asked["trials"])
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    print(json.dumps({"updates": done, "seconds": seconds, "cpu": cpu, "best": study.best_value}))


if __name__ == "__main__":
    main()
