"""What training carries from one update to the next, for N lanes: tensors only, every one with a leading axis [N]."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from clr_study.optim import Optimizer, Params, State

# Updates between two looks at whether a lane's loss is still finite, and whose samples are drawn together.
CHUNK = 256


@dataclass(frozen=True, eq=False)
class Lanes:
    """The state of N lanes after `update` updates.

    The LR is not here: it is a function of the update. Nor is a random state: every draw is a function of the seed
    and the update.

    Args:
        params: Weights [N, ...].
        buffers: Running statistics and the like [N, ...].
        slots: The optimizer's tensors [N, ...].
        seconds: Training seconds of each lane so far [N] float64.
        update: Updates done.
    """

    params: Params
    buffers: Params
    slots: State
    seconds: Tensor
    update: int

    def __len__(self) -> int:
        return len(self.seconds)

    def take(self, lanes: Sequence[int]) -> Lanes:
        """Returns the lanes at these positions, in this order; all of them as they are, not copied."""
        if list(lanes) == list(range(len(self))):
            return self
        rows = torch.tensor(list(lanes), dtype=torch.int64)
        return self._mapped(lambda tensor: tensor[rows.to(tensor.device)])

    def to(self, device: torch.device | str) -> Lanes:
        """Returns the same state on another device."""
        return self._mapped(lambda tensor: tensor.to(device))

    def _mapped(self, apply: Callable[[Tensor], Tensor]) -> Lanes:
        return Lanes(
            params={name: apply(tensor) for name, tensor in self.params.items()},
            buffers={name: apply(tensor) for name, tensor in self.buffers.items()},
            slots={slot: {name: apply(t) for name, t in tensors.items()} for slot, tensors in self.slots.items()},
            seconds=apply(self.seconds.cpu()).cpu(),
            update=self.update,
        )

    def finite(self) -> Tensor:
        """Whether all weights of a lane are finite [N] bool."""
        flags = [torch.isfinite(tensor).flatten(1).all(dim=1) for tensor in self.params.values()]
        return torch.stack(flags).all(dim=0)

    def tensors(self) -> dict[str, Tensor]:
        """Returns everything but the update under flat names, for a file."""
        flat = {f"param/{name}": tensor for name, tensor in self.params.items()}
        flat |= {f"buffer/{name}": tensor for name, tensor in self.buffers.items()}
        flat |= {f"slot/{slot}/{name}": t for slot, tensors in self.slots.items() for name, t in tensors.items()}
        return flat | {"seconds": self.seconds}

    @classmethod
    def from_tensors(cls, flat: dict[str, Tensor], update: int) -> Lanes:
        """Returns the state that `tensors` flattened."""
        parts: dict[str, Params] = {"param": {}, "buffer": {}}
        slots: State = {}
        for name, tensor in flat.items():
            part, _, rest = name.partition("/")
            if part == "slot":
                slot, _, parameter = rest.partition("/")
                slots.setdefault(slot, {})[parameter] = tensor
            elif part in parts:
                parts[part][rest] = tensor
        return cls(parts["param"], parts["buffer"], slots, flat["seconds"], update)


def start(models: Sequence[nn.Module], optimizer: Optimizer, device: torch.device, dtype: torch.dtype) -> Lanes:
    """Returns the state before the first update.

    Args:
        models: One a lane, with its initial weights; lanes of one seed may share theirs.
        optimizer: Its slots start as it says.
        device: Where the state goes.
        dtype: The precision of weights and floating buffers.
    """
    params = [{name: p.detach().to(dtype) for name, p in model.named_parameters()} for model in models]
    buffers = [
        {name: b.to(dtype) if b.is_floating_point() else b for name, b in model.named_buffers()} for model in models
    ]
    slots = [optimizer.init(own) for own in params]
    return Lanes(
        params=_stacked(params, device),
        buffers=_stacked(buffers, device),
        slots={slot: _stacked([own[slot] for own in slots], device) for slot in slots[0]},
        seconds=torch.zeros(len(models), dtype=torch.float64),
        update=0,
    )


def together(parts: Iterable[Lanes]) -> Lanes:
    """Returns the lanes of several states of one update as one state."""
    states = list(parts)
    if len(states) == 1:
        return states[0]
    flat = [state.tensors() for state in states]
    return Lanes.from_tensors(
        {name: torch.cat([tensors[name] for tensors in flat]) for name in flat[0]}, states[0].update
    )


def _stacked(own: Sequence[Params], device: torch.device) -> Params:
    return {name: torch.stack([tensors[name] for tensors in own]).to(device) for name in own[0]}
