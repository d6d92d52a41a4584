"""What this machine has for training, as torch sees it."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Machine:
    """What there is to train on.

    Args:
        torch: Its version.
        cuda: The version of CUDA that torch was built for; None for a build without.
        gpus: Name and bytes of memory of each GPU that can be used.
        threads: How many threads torch takes on the CPU.
    """

    torch: str
    cuda: str | None
    gpus: tuple[tuple[str, int], ...]
    threads: int


def machine() -> Machine:
    """Returns what torch finds here.

    Examples:
        >>> machine().threads >= 1
        True
    """
    gpus = (torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count()))
    return Machine(
        torch=torch.__version__,
        cuda=torch.version.cuda,
        gpus=tuple((gpu.name, gpu.total_memory) for gpu in gpus),
        threads=torch.get_num_threads(),
    )
