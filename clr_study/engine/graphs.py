"""An update as a CUDA graph: its kernels are recorded once, then launched all together, update after update.

A graph reads and writes the same memory each time that it is replayed. So the state of the lanes lies in tensors that
stay where they are, and what differs between updates is read from tables, at the row that a counter on the device says.

No GPU has run this yet: it was built against an emulation of the recording (`tests/graph_emulation.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import torch
from torch import Tensor

from clr_study.engine.side_by_side import Abandoned, Over
from clr_study.engine.state import Lanes
from clr_study.engine.stretch import Carry, Losses, Stretch, mapped, packed, unpacked
from clr_study.engine.task import Task
from clr_study.errors import SpecError

Call: TypeAlias = Callable[[], None]
Record: TypeAlias = Callable[[Call], Call]
"""From a call to what does again on the device what the call does there. It may make the call a few times."""

# As many as torch's own documentation makes, in which libraries choose their kernels and take their memory.
WARM_UPS = 3


def recorder(device: torch.device | str) -> Record:
    """Returns what records a call as a CUDA graph.

    Args:
        device: Where the call computes.

    Raises:
        SpecError: It is no GPU.

    Examples:
        >>> recorder("cpu")
        Traceback (most recent call last):
        clr_study.errors.SpecError: [train] cuda_graphs = true needs a GPU, but these runs are to train on cpu: ...
    """
    place = torch.device(device)
    if place.type != "cuda":
        raise SpecError(
            f"[train] cuda_graphs = true needs a GPU, but these runs are to train on {place}: name a GPU, as in "
            "--devices cuda:0, or leave cuda_graphs out, and each update is taken kernel by kernel"
        )
    return lambda call: _recorded(call, place)


def _recorded(call: Call, device: torch.device) -> Call:
    # A stream of its own, since torch's default one for graphs belongs to whichever GPU was first.
    with torch.cuda.device(device):
        side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                call()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, stream=side):
                call()
        except RuntimeError as error:
            first = _first(error)
            if isinstance(first, torch.OutOfMemoryError):
                raise first from None
            words = (str(first).strip() or type(first).__name__).splitlines()[0]
            raise SpecError(
                "[train] cuda_graphs = true: an update of this network cannot be recorded as a CUDA graph, since "
                f"something in it waits for the GPU or looks at a value: {words}; leave cuda_graphs out"
            ) from error
    return graph.replay


def _first(error: BaseException) -> BaseException:
    """The error that began it: to end a recording that has failed raises another."""
    while error.__context__:
        error = error.__context__
    return error


def why_unrecorded(task: Task, unfusable: str | None) -> str | None:
    """Returns why updates are taken kernel by kernel where CUDA graphs were asked for; None if they are recorded.

    Args:
        task: The data.
        unfusable: Why the runs cannot share a step, if they cannot: by the same reasons they cannot be recorded.
    """
    if unfusable:
        return unfusable
    return None if isinstance(task.train.inputs, Tensor) else "Its images are read from their files, batch by batch."


class Recorded:
    """An update of some lanes, recorded, with all the memory that it reads and writes.

    Args:
        stretch: The first stretch of updates of these lanes.
        lanes: Their state.
        rows: The most updates of a stretch.
        record: Records a call.
    """

    def __init__(self, stretch: Stretch, lanes: Lanes, rows: int, record: Record) -> None:
        specs, self.task = stretch.specs, stretch.task
        device, dtype = self.task.device, self.task.dtype
        self.plain, self.all = len(specs) == 1, range(len(specs))
        self.seeds = sorted({spec.seed for spec in specs})
        self.own_seed = torch.tensor([self.seeds.index(spec.seed) for spec in specs], device=device)
        carry, _ = stretch.carry(lanes, self.all)
        self.step, self.packing = stretch.step(carry[0])
        self.hyper = stretch.hyper(self.plain)
        self.carry: Carry = mapped(packed(carry, self.packing), torch.clone)
        # Of each seed the samples [T, S, B] and the augmentations' numbers [T, S, B, k].
        self.tables = [
            part.new_zeros((rows, len(self.seeds), *part.shape[1:])) for part in stretch.draws[self.seeds[0]]
        ]
        self.lrs = torch.zeros(rows, len(specs), dtype=dtype, device=device)
        self.losses = torch.zeros(rows, len(specs), dtype=torch.float32, device=device)
        self.counter = torch.zeros(1, dtype=torch.int64, device=device)
        self.replay = record(self._update)

    def _update(self) -> None:
        """Takes the update whose row the counter says, and counts it."""
        drawn = [self._row(table) for table in self.tables]
        samples, *numbers = (part[0] if len(self.seeds) == 1 else part[self.own_seed] for part in drawn)
        inputs, targets = self.task.batch(samples, tuple(numbers))
        lrs = self._row(self.lrs)
        *state, loss = self.step(*self.carry, inputs, targets, lrs[0] if self.plain else lrs, self.hyper)
        self.losses.index_copy_(0, self.counter, loss.reshape(1, -1).float())
        _overwrite(self.carry, tuple(state))
        self.counter.add_(1)

    def _row(self, table: Tensor) -> Tensor:
        return table.index_select(0, self.counter)[0]

    def take(self, stretch: Stretch, lanes: Lanes, stop: int, over: Over) -> tuple[Lanes, Losses]:
        """Takes the lanes' steps up to an update; as `Stretch.take`.

        Args:
            stretch: The stretch, of the lanes of the first one.
            lanes: Their state.
            stop: The update; at most as many from the lanes' own as there are rows.
            over: Set where nobody waits for the answer any more.

        Raises:
            Abandoned: Nobody does.
        """
        count = stop - lanes.update
        carry, seconds = stretch.carry(lanes, self.all)
        _overwrite(self.carry, packed(carry, self.packing))
        self.lrs[:count].copy_(stretch.lrs(lanes.update, stop))
        for row, seed in enumerate(self.seeds):
            for table, part in zip(self.tables, stretch.draws[seed], strict=True):
                table[:count, row].copy_(part)
        self.counter.zero_()
        for _ in range(count):
            if over.is_set():
                raise Abandoned
            self.replay()
        seen = self.losses[:count].to("cpu", copy=True).numpy()
        state = unpacked(self.carry, self.packing)
        after: Carry = mapped(state, lambda tensor: (tensor[None] if self.plain else tensor).clone())
        return Lanes(*after, seconds, stop), seen


def _overwrite(old: Any, new: Any) -> None:
    """Writes the tensors of a tree into those of another of the same keys, all at once."""
    pairs = list(_pairs(old, new))
    torch._foreach_copy_([to for to, _ in pairs], [source for _, source in pairs])


def _pairs(old: Any, new: Any) -> Iterator[tuple[Tensor, Tensor]]:
    if isinstance(old, Tensor):
        yield old, new
        return
    for key in range(len(old)) if isinstance(old, tuple) else old:
        yield from _pairs(old[key], new[key])
