"""A stretch of updates of some lanes, all in one step or each in its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from clr_study.data import generator
from clr_study.engine.compiled import any_number_of_lanes, compiled, prepared
from clr_study.engine.fuse import step_key
from clr_study.engine.side_by_side import Abandoned, Over
from clr_study.engine.state import Lanes, together
from clr_study.engine.step import Hyper, Step, make_step, make_written_step
from clr_study.engine.task import Task
from clr_study.engine.written_out import Rows
from clr_study.optim import Optimizer, Params, State, build_optimizer
from clr_study.spec import TrialSpec

Carry: TypeAlias = tuple[Params, Params, State]
Draws: TypeAlias = Mapping[int, tuple[Tensor, ...]]
Losses: TypeAlias = npt.NDArray[np.float32]

# Bytes of inputs that are made at once, for as many updates as there are.
AT_ONCE = 8 * 2**20


@dataclass(frozen=True, eq=False)
class Stretch:
    """What updates of some lanes need besides their state.

    Args:
        model: The network; only its structure is used.
        task: The data.
        optimizer: A pair of pure functions.
        specs: One a lane.
        draws: By seed, the samples [T, B] and the augmentations' numbers [T, B, k] of each update, from the lanes' own.
        apart: Whether each lane takes steps of its own, one lane after the other.
        reseeds: Whether the network draws by itself, and so must be told from which seed at every update.
    """

    model: nn.Module
    task: Task
    optimizer: Optimizer
    specs: Sequence[TrialSpec]
    draws: Draws
    apart: bool = False
    reseeds: bool = False

    def of(self, share: Sequence[int], model: nn.Module) -> Stretch:
        """Returns what some of the lanes need, which train beside the others.

        Args:
            share: Their positions.
            model: The structure of the network, theirs alone.
        """
        return replace(self, model=model, specs=[self.specs[lane] for lane in share])

    def take(self, lanes: Lanes, share: Sequence[int], stop: int, over: Over) -> tuple[Lanes, Losses]:
        """Takes the lanes' steps up to an update; returns their state there, its seconds as before, and losses [T, N].

        Args:
            lanes: The state of these lanes and of those that train beside them.
            share: The positions of these.
            stop: The update.
            over: Set where nobody waits for the answer any more.

        Raises:
            Abandoned: Nobody does.
        """
        if self.apart and len(share) > 1:
            each = [
                replace(self, specs=[spec]).take(lanes, [lane], stop, over)
                for spec, lane in zip(self.specs, share, strict=True)
            ]
            return together(state for state, _ in each), np.concatenate([losses for _, losses in each], axis=1)
        begin, plain = lanes.update, len(self.specs) == 1
        carry, seconds = self.carry(lanes, share)
        lrs, batch, hyper = self.lrs(begin, stop), self.batches(stop - begin), self.hyper(plain)
        step, rows = self.step(carry[0])
        carry = packed(carry, rows)
        losses: list[Tensor] = []
        for t in range(stop - begin):
            if over.is_set():
                raise Abandoned
            inputs, targets = batch(t)
            if self.reseeds:
                _seed_draws(self.specs[0].seed, begin + t)
            params, buffers, slots, loss = step(*carry, inputs, targets, lrs[t, 0] if plain else lrs[t], hyper)
            carry = (params, buffers, slots)
            losses.append(loss)
        after = unpacked(carry, rows)
        seen = torch.stack(losses).reshape(stop - begin, -1).float().cpu().numpy()
        if plain:
            after = mapped(after, lambda tensor: tensor[None])
        return Lanes(*after, seconds, stop), seen

    def compile(self, lanes: Lanes, share: Sequence[int], over: Over) -> None:
        """Has the step of these lanes compiled, if it is to be and was not yet; their state stays as it is.

        Args:
            lanes: As `take`.
            share: As `take`.
            over: Set where nobody waits for it any more.
        """
        if self.apart and len(share) > 1:
            replace(self, specs=self.specs[:1]).compile(lanes, share[:1], over)
        elif not over.is_set():
            plain = len(self.specs) == 1
            key = (step_key(self.specs[0]), plain, self._shared_inputs, torch.get_num_threads())
            prepared(key, lambda: self._first_step(lanes, share, plain))

    def _first_step(self, lanes: Lanes, share: Sequence[int], plain: bool) -> None:
        carry, _ = self.carry(lanes, share)
        lrs = torch.zeros(() if plain else len(share), dtype=self.task.dtype, device=self.task.device)
        hyper = self.hyper(plain)
        if not plain:
            any_number_of_lanes(carry, lrs, hyper)
        self.step(carry[0])[0](*carry, *self.batches(1)(0), lrs, hyper)

    @property
    def _shared_inputs(self) -> bool:
        return len({spec.seed for spec in self.specs}) == 1

    def lrs(self, begin: int, stop: int) -> Tensor:
        """Returns the learning rates of some updates [T, N]."""
        table = np.stack([spec.lr_schedule(np.arange(begin, stop)) for spec in self.specs], axis=1)
        return torch.from_numpy(table).to(self.task.device, self.task.dtype)

    def carry(self, lanes: Lanes, share: Sequence[int]) -> tuple[Carry, Tensor]:
        """Returns the tensors of these lanes, of a single one without an axis of lanes, and their seconds."""
        own = lanes.take(share)
        carry: Carry = (own.params, own.buffers, own.slots)
        return mapped(carry, lambda tensor: tensor[0]) if len(share) == 1 else carry, own.seconds

    def step(self, params: Params) -> tuple[Step, Rows | None]:
        """Returns the step of these lanes, and how it wants weights and slots packed, if not as they are.

        Args:
            params: The weights.
        """
        first = self.specs[0]
        if len(self.specs) > 1 and not first.compile:
            written = make_written_step(
                self.model,
                self.task.loss,
                self.optimizer,
                params,
                torch.empty(0, *self.task.sample_shape, device=self.task.device),
                shared_inputs=self._shared_inputs,
                precision=first.precision,
                clip=first.clip,
            )
            if written:
                return written
        step = make_step(
            self.model,
            self.task.loss,
            self.optimizer,
            fused=len(self.specs) > 1,
            shared_inputs=self._shared_inputs,
            precision=first.precision,
            clip=first.clip,
            bound=not first.compile,
        )
        return compiled(step) if first.compile else step, None

    def batches(self, updates: int) -> Callable[[int], tuple[Tensor, Tensor]]:
        """Returns what goes from an update's number within the stretch to its inputs and targets.

        Small ones are made all at once.

        Args:
            updates: How many there are.
        """
        seeds = sorted({spec.seed for spec in self.specs})
        rows = torch.tensor([seeds.index(spec.seed) for spec in self.specs], device=self.task.device)
        draws = [self.draws[seed] for seed in seeds]
        if (
            len(self.specs) > 1
            and self._shared_inputs
            and self.task.batch_bytes(self.specs[0].batch_size) * updates <= AT_ONCE
        ):
            samples, *numbers = (part[:updates] for part in draws[0])
            inputs, targets = self.task.batch(samples, tuple(numbers))
            return lambda t: (inputs[t], targets[t])
        return lambda t: self.task.batch(*_samples(draws, t, rows))

    def hyper(self, plain: bool) -> Hyper:
        """Returns the numbers of the lanes' optimizers, of a single one without an axis of lanes."""
        own = [build_optimizer(spec.optim).hyper for spec in self.specs]
        stacked = {
            name: torch.tensor([hyper[name] for hyper in own], dtype=self.task.dtype, device=self.task.device)
            for name in own[0]
        }
        return {name: column[0] for name, column in stacked.items()} if plain else stacked


def _samples(draws: Sequence[tuple[Tensor, ...]], t: int, rows: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The samples and the augmentations' numbers of an update, [B] if all lanes share them and else [N, B]."""
    if len(draws) == 1:
        samples, *numbers = (part[t] for part in draws[0])
    else:
        samples, *numbers = (torch.stack([draw[part][t] for draw in draws])[rows] for part in range(len(draws[0])))
    return samples, tuple(numbers)


def _seed_draws(seed: int, update: int) -> None:
    """Makes what a model draws by itself (dropout) a function of the seed and the update."""
    torch.manual_seed(int(generator(seed, update, "model").integers(2**63)))


def packed(carry: Carry, rows: Rows | None) -> Carry:
    """Returns a state as a step wants it."""
    return carry if rows is None else (rows.pack(carry[0]), carry[1], rows.pack_slots(carry[2]))


def unpacked(carry: Carry, rows: Rows | None) -> Carry:
    """Returns what `packed` packed."""
    return carry if rows is None else (rows.unpack(carry[0]), carry[1], rows.unpack_slots(carry[2]))


def mapped(tree: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Returns a tree of tuples and dictionaries with each of its tensors changed."""
    if isinstance(tree, Tensor):
        return change(tree)
    if isinstance(tree, tuple):
        return tuple(mapped(part, change) for part in tree)
    return {key: mapped(value, change) for key, value in tree.items()}
