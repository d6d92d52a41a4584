"""The networks and data that both sides train, so that each benchmark means the same by a name."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

NETS = ("mlp", "small_cnn", "cifar10_full")
# What takes minutes an epoch on a CPU is measured on a GPU only.
ALL = (*NETS, "resnet-20")
BATCH = {"mlp": 64, "small_cnn": 64, "cifar10_full": 100, "resnet-20": 128}
SHAPE = {"mlp": (1, 8, 8), "small_cnn": (1, 8, 8), "cifar10_full": (3, 32, 32), "resnet-20": (3, 32, 32)}
ON_DIGITS = ("mlp", "small_cnn")
# Images of CIFAR-10's shape that need no download: what an update costs does not depend on what they show.
MADE = Path(tempfile.gettempdir()) / "clr_study_benchmark_images.npz"


def model(net: str) -> dict[str, Any]:
    """Returns the `model` table of a network."""
    kind, _, depth = net.partition("-")
    return {"kind": kind, **({"depth": int(depth)} if depth else {})}


def products(net: str) -> int:
    """Returns the floating-point operations of one run's update that are products: forward and backward, as counted."""
    import torch
    from torch.nn.functional import cross_entropy
    from torch.utils.flop_counter import FlopCounterMode

    from clr_study.models import build_model

    network = build_model(model(net), SHAPE[net], 10, seed=0)
    samples = torch.randn(BATCH[net], *SHAPE[net])
    with FlopCounterMode(display=False) as counter:
        cross_entropy(network(samples), torch.zeros(BATCH[net], dtype=torch.int64)).backward()
    return counter.get_total_flops()


def data(net: str) -> str:
    """Returns the `data` table of a network, as TOML; made-up images are written first."""
    if net in ON_DIGITS:
        return '{ kind = "digits", validation = 0.2 }'
    if not MADE.exists():
        random = np.random.default_rng(0)
        labels = random.integers(0, 10, 2400)
        images = random.integers(0, 128, (2400, 3, 32, 32)) + 12 * labels[:, None, None, None]
        aside = MADE.with_suffix(f".{os.getpid()}.npz")
        np.savez(
            aside,
            x=images[:2000].astype(np.uint8),
            y=labels[:2000],
            x_validation=images[2000:2200].astype(np.uint8),
            y_validation=labels[2000:2200],
            x_test=images[2200:].astype(np.uint8),
            y_test=labels[2200:],
        )
        aside.replace(MADE)
    return f'{{ kind = "npz", path = "{MADE}" }}'
