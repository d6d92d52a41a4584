"""What a CUDA graph does, on a CPU: a call's operations are recorded with their tensors, and done again in their place.

A graph knows nothing of Python. It does the same operations in the same memory each time, so whatever the host decided
or read while it was recorded stays as it was then: a learning rate, the samples of a batch, a counter. So it is here,
and a training that is replayed then differs from one that is not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

Call = Callable[[], None]

# What waits for the GPU, or copies from a host's memory that nobody keeps: an error while a graph is recorded.
FORBIDDEN = {
    "aten::_local_scalar_dense",
    "aten::item",
    "aten::is_nonzero",
    "aten::equal",
    "aten::nonzero",
    "aten::masked_select",
    "aten::_unique2",
    "aten::lift_fresh",  # torch.tensor of Python's numbers
}
WARM_UPS = 3


class ForbiddenError(RuntimeError):
    pass


class Operations(TorchDispatchMode):
    """Does what it is asked to do, and notes it."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[Any, tuple[Any, ...], dict[str, Any], list[Tensor]]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        self.look(func, args, kwargs)
        out = func(*args, **kwargs)
        self.note(func, args, kwargs, out)
        return out

    def look(self, func, args, kwargs) -> None:
        name = func._schema.name
        picked = [index for index in args[1] if index is not None] if name == "aten::index" else []
        if name in FORBIDDEN or any(index.dtype in (torch.bool, torch.uint8) for index in picked):
            raise ForbiddenError(f"{name}: operation not permitted when stream is capturing")

    def note(self, func, args, kwargs, out) -> None:
        args, kwargs = tree_map_only(Tensor, Tensor.detach, (tuple(args), dict(kwargs)))
        taken = {storage(tensor) for tensor in tensors((args, kwargs))}
        # What lies where an argument does is a view, or was written in place; doing it again writes there by itself.
        fresh = [tensor.detach() if storage(tensor) not in taken else None for tensor in tensors(out)]
        self.noted.append((func, args, kwargs, fresh))

    def again(self) -> None:
        with torch.no_grad():
            for func, args, kwargs, outs in self.noted:
                for out, value in zip(outs, tensors(func(*args, **kwargs)), strict=True):
                    if out is not None:
                        out.copy_(value)

    def spoil(self) -> None:
        """Writes nonsense into all memory that was taken while it recorded: a graph's own was never written to."""
        for _, _, _, outs in self.noted:
            for out in outs:
                if out is not None:
                    out.fill_(float("nan") if out.is_floating_point() else 77)


def record(call: Call) -> Call:
    """Records a call as `clr_study.engine.graphs.recorder` does."""
    for _ in range(WARM_UPS):
        call()
    with Operations() as operations:
        call()
    operations.spoil()
    return operations.again


class Borrowed(Operations):
    """Notes which memory is read that was there before, without keeping it."""

    def __init__(self) -> None:
        super().__init__()
        self.own: list[Tensor] = []
        self.before: list[tuple[str, StorageWeakRef]] = []

    def note(self, func, args, kwargs, out) -> None:
        own = {storage(tensor) for tensor in self.own}
        taken = {storage(tensor): tensor for tensor in tensors((args, kwargs))}
        self.before += [
            (func._schema.name, StorageWeakRef(tensor.untyped_storage()))
            for key, tensor in taken.items()
            if key not in own
        ]
        self.own += [tensor.detach() for tensor in tensors(out) if storage(tensor) not in taken]


class Elsewhere(Operations):
    """Holds that all is done on one device, and that no number comes from the host but as a kernel's argument.

    vmap makes such a tensor without axes, on the CPU, of each number that Python multiplies with or adds.
    """

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device, self.names = device, []

    def note(self, func, args, kwargs, out) -> None:
        self.names.append(func._schema.name)
        used = tensors((args, kwargs, out))
        places = {tensor.device.type for tensor in used}
        assert all(tensor.dim() == 0 for tensor in used if tensor.device.type != self.device), f"{func}: {places}"
        assert len(places) <= 1 or "copy" not in func._schema.name, f"{func}: {places}"


def tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata
