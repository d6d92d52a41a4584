"""Where a worker works: its device, its threads, its folder of checkpoints. Set once in each worker's process."""

from __future__ import annotations

import ctypes
import math
import multiprocessing
import os
import platform
from dataclasses import dataclass, replace
from functools import cache
from importlib import metadata

import torch

from clr_study.engine import load_task, probe, room_for_lanes
from clr_study.errors import InputError
from clr_study.spec import TrialSpec, import_user_module

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


@dataclass(frozen=True)
class Capacity:
    """What the owner must know of a worker's device.

    Args:
        room: Bytes that a batch may take there.
        device: The device in words, for the record.
        versions: The versions that a run's numbers may depend on.
        threads: On a CPU, how many a worker there has.
    """

    room: int
    device: str
    versions: dict[str, str]
    threads: int = 1


VISIBLE = "CUDA_VISIBLE_DEVICES"
_taken = Place()


def take_place(place: Place) -> None:
    """Makes this process work at a place; an executor calls it first in each of its workers.

    A process that works for another one sees its own GPU only, so that no library takes memory on the others.

    Raises:
        InputError: There is no such device here.
        SpecError: A module of the user cannot be imported.
    """
    global _taken
    if place.device.startswith("cuda") and multiprocessing.parent_process() is not None:
        os.environ[VISIBLE] = visible(place.device, os.environ.get(VISIBLE, ""))
        place = replace(place, device="cuda:0")
    if place.threads:
        torch.set_num_threads(place.threads)
    if place.device == "cpu":
        _keep_freed_memory()
    if place.device.startswith("cuda"):
        if not torch.cuda.is_available():
            raise InputError(
                f"a worker on host {platform.node()} is to train on {place.device}, but torch finds no GPU"
            )
        torch.backends.cudnn.benchmark = False  # its choice may differ from run to run
    for module in place.imports:
        import_user_module(module)
    _taken = place


def visible(device: str, known: str) -> str:
    """Returns the value of `CUDA_VISIBLE_DEVICES` with which a process sees one GPU only.

    Args:
        device: As this process numbers it.
        known: The variable's value so far; empty where all GPUs are seen.

    Examples:
        >>> visible("cuda:1", ""), visible("cuda:1", "4,6")
        ('1', '6')
    """
    number = int(device.partition(":")[2] or 0)
    return known.split(",")[number].strip() if known else str(number)


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


def places(
    devices: str,
    checkpoints: str = "",
    imports: tuple[str, ...] = (),
    *,
    workers: int = 0,
    gpus_per_worker: float = 0.0,
    threads: int = 0,
) -> tuple[Place, ...]:
    """Returns the places of the workers on this machine; the CPU's cores are shared out among those that use it.

    Args:
        devices: Names with commas between: `cpu`, `cpu,cpu`, `cuda:0,cuda:1`; `auto` for all GPUs, or the CPU.
        checkpoints: The folder of checkpoints; empty for none.
        imports: The user's modules.
        workers: How many; 0 for one a device, or as many as have their share of the GPUs.
        gpus_per_worker: The share of a GPU that each gets; 0 shares the devices out without counting.
        threads: Threads of each on the CPU; 0 shares the cores out.

    Raises:
        InputError: A device that this machine does not have, or more of it than there is.

    Examples:
        >>> [place.device for place in places("cpu,cpu")]
        ['cpu', 'cpu']
        >>> [place.threads for place in places("cpu", workers=3, threads=2)]
        [2, 2, 2]
    """
    names = _devices(devices)
    if gpus_per_worker:
        names = _shared_out(names, gpus_per_worker, workers)
    elif workers:
        names = [names[number % len(names)] for number in range(workers)]
    on_cpu = names.count("cpu")
    own = threads or (max(1, (os.cpu_count() or 1) // on_cpu) if on_cpu > 1 else 0)
    return tuple(Place(name, own if name == "cpu" else threads, checkpoints, imports) for name in names)


def _devices(devices: str) -> list[str]:
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
    return names


def _shared_out(names: list[str], share: float, workers: int) -> list[str]:
    """The device of each worker, if each gets a share of a GPU."""
    gpus = list(dict.fromkeys(name for name in names if name != "cpu"))
    most = math.floor(1 / share + 1e-9) * len(gpus)
    if not most or workers > most:
        raise InputError(
            f"--gpus-per-worker {share:g} gives the {len(gpus)} GPUs of --devices room for {most} workers, "
            f"but --workers asks for {workers or 1}; ask for fewer, or for smaller shares"
        )
    return [gpus[number % len(gpus)] for number in range(workers or most)]


def places_elsewhere(
    workers: int, gpus_per_worker: float, threads: int, checkpoints: str, imports: tuple[str, ...]
) -> tuple[Place, ...]:
    """Returns the places of workers on other machines: each takes the GPU that it is given there, or the CPU.

    Examples:
        >>> [place.device for place in places_elsewhere(2, 0.5, 1, "", ())]
        ['cuda:0', 'cuda:0']
    """
    return (Place("cuda:0" if gpus_per_worker else "cpu", threads, checkpoints, imports),) * workers


def capacity(place: Place | None = None) -> Capacity:
    """Returns what the device of a place has, by default of the one that this process works at.

    Examples:
        >>> capacity(Place("cpu", threads=3)).device[:14]
        'CPU, 3 threads'
    """
    place = place or _taken
    threads = place.threads or torch.get_num_threads()
    return Capacity(room_for_lanes(place.device), device_words(place.device, place.threads), versions(), threads)


def lane_rates(spec: TrialSpec, share: float) -> dict[int, float]:
    """Returns the updates a second of all lanes together, by how many there are, timed at the place of this process.

    Args:
        spec: One of the runs.
        share: The part of the device's room for lanes that is a worker's.
    """
    task = load_task(spec.data, _taken.device)
    return probe(spec, task, int(share * room_for_lanes(_taken.device)))


@cache
def device_words(device: str, threads: int = 0) -> str:
    """Returns a device in words, for the record.

    Args:
        device: As torch writes it.
        threads: On a CPU; 0 for those that torch has taken.
    """
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    taken = threads or torch.get_num_threads()
    return f"CPU, {taken} thread{'' if taken == 1 else 's'}, {platform.machine()}"


@cache
def versions() -> dict[str, str]:
    """Returns the versions that a run's numbers may depend on."""
    own = {name: metadata.version(name) for name in ("clr_study", "torch", "numpy")}
    return {**own, "python": platform.python_version()}
