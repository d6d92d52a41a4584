"""Where a worker works: its device, its threads, its folder of checkpoints. Set once in each worker's process."""

from __future__ import annotations

import ctypes
import os
import platform
from dataclasses import dataclass
from functools import cache
from importlib import metadata

import torch

from clr_study.errors import InputError
from clr_study.spec import import_user_module

# As malloc.h of the GNU C library numbers them.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


@dataclass(frozen=True)
class Place:
    """What a worker has.

    Args:
        device: As torch writes it: `cpu`, `cuda:0`.
        threads: Threads on the CPU; 0 leaves torch's own choice.
        checkpoints: The folder of checkpoints; empty for none.
        imports: The user's modules, which register what the study names.
    """

    device: str = "cpu"
    threads: int = 0
    checkpoints: str = ""
    imports: tuple[str, ...] = ()


_taken = Place()


def take_place(place: Place) -> None:
    """Makes this process work at a place; an executor calls it first in each of its workers."""
    global _taken
    if place.threads:
        torch.set_num_threads(place.threads)
    if place.device == "cpu":
        _keep_freed_memory()
    if place.device.startswith("cuda"):
        torch.backends.cudnn.benchmark = False  # its choice may differ from run to run
    for module in place.imports:
        import_user_module(module)
    _taken = place


def _keep_freed_memory() -> None:
    """Tells glibc not to hand every freed activation back to the system, only to ask for it again in the next step.

    A study of a small CNN on 32x32 images spent 47 of its 116 CPU seconds in the kernel without this, 5 with it.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    mallopt = ctypes.CDLL(None).mallopt
    for parameter, size in ((M_MMAP_THRESHOLD, 2**30), (M_TRIM_THRESHOLD, 2**31 - 1)):
        mallopt(parameter, size)


def current_place() -> Place:
    """Returns where this process works."""
    return _taken


def places(devices: str, checkpoints: str = "", imports: tuple[str, ...] = ()) -> tuple[Place, ...]:
    """Returns the places of a list of devices; the CPU's cores are shared out among its workers.

    Args:
        devices: Names with commas between: `cpu`, `cpu,cpu`, `cuda:0,cuda:1`; `auto` for all GPUs, or the CPU.
        checkpoints: The folder of checkpoints.
        imports: The user's modules.

    Raises:
        InputError: A device that this machine does not have.

    Examples:
        >>> [place.device for place in places("cpu,cpu")]
        ['cpu', 'cpu']
    """
    gpus = torch.cuda.device_count()
    names = devices.split(",")
    if devices == "auto":
        names = [f"cuda:{number}" for number in range(gpus)] or ["cpu"]
    known = {"cpu", *(f"cuda:{number}" for number in range(gpus))}
    names = ["cuda:0" if gpus and name.strip() == "cuda" else name.strip() for name in names]
    for name in names:
        if name not in known:
            raise InputError(
                f"--devices: there is no device {name!r} here; there are: {', '.join(sorted(known))}, auto"
            )
    on_cpu = names.count("cpu")
    threads = max(1, (os.cpu_count() or 1) // on_cpu) if on_cpu > 1 else 0
    return tuple(Place(name, threads if name == "cpu" else 0, checkpoints, imports) for name in names)


@cache
def device_words(device: str) -> str:
    """Returns a device in words, for the record."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads, {platform.machine()}"


@cache
def versions() -> dict[str, str]:
    """Returns the versions that a run's numbers may depend on."""
    own = {name: metadata.version(name) for name in ("clr_study", "torch", "numpy")}
    return {**own, "python": platform.python_version()}
