"""A step that torch has compiled: what each of its small operations costs beside its arithmetic is paid once.

Measured with the mlp on digits in two threads on two quiet cores, 64 lanes: 1.33 times the updates/s [1.25, 1.51],
n = 5; with 16, 3 and 1 lanes, on cores that others used too, about twice. They begin 4 to 25 s later.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from clr_study.engine.step import Step
from clr_study.errors import SpecError

# Of one function, and every step is one: kinds of network, optimizers, threads. torch's own limit of 8 is for loops
# that compile without end.
MOST_VARIANTS = 256

_READY: set[Hashable] = set()
_ONE_AT_A_TIME = threading.Lock()


def compiled(step: Step) -> Step:
    """Returns a step that is compiled when it is first called, for any number of lanes from two on.

    Args:
        step: A step without a state.
    """
    from torch._dynamo import config  # takes a second, which only those wait for who compile

    fast = torch.compile(step)
    wanted: dict[str, Any] = {"recompile_limit": MOST_VARIANTS}
    if hasattr(config, "trace_autograd_ops"):  # torch 2.10 takes the gradient between two compiled halves
        wanted["trace_autograd_ops"] = True

    def call(*arguments: Any) -> Any:
        with config.patch(**wanted):  # of the calling thread only
            return fast(*arguments)

    return call


def prepared(key: Hashable, call: Callable[[], Any]) -> None:
    """Makes a first call, which compiles, unless one with this key was made: one thread at a time, so once for all.

    Args:
        key: What the compiled code depends on.
        call: Calls the step; what it returns is thrown away.
    """
    with _ONE_AT_A_TIME:
        if key not in _READY:
            with _without_the_compilers_remarks():
                call()
            _READY.add(key)


def any_number_of_lanes(*trees: Any) -> None:
    """Tells the compiler that the first axis of these tensors may have another length next time."""
    from torch._dynamo import maybe_mark_dynamic

    for tensor in tree_leaves(trees):
        maybe_mark_dynamic(tensor, 0)


def try_compiler() -> None:
    """Compiles something small.

    Raises:
        SpecError: There is no compiler.
    """

    def double(x: Tensor) -> Tensor:
        return x + x

    try:
        with _without_the_compilers_remarks():
            torch.compile(double)(torch.ones(2))
    except Exception as error:
        raise SpecError(
            "[train] compile = true needs a C++ compiler that torch can use (g++ or clang++; on a GPU Triton too): "
            f"install one, or leave compile out; torch says: {str(error).strip().splitlines()[0]}"
        ) from error


@contextmanager
def _without_the_compilers_remarks() -> Iterator[None]:
    """Keeps from the terminal what torch says to its developers: of caches it reads through, of a CUDA it looks for."""
    log = logging.getLogger("torch.utils.cpp_extension")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"torch\._(dynamo|inductor)")
            yield
    finally:
        log.setLevel(before)
