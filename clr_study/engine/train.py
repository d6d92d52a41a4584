"""The training loop: it yields what it sees, and the caller decides."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from clr_study.data import generator
from clr_study.engine.evaluate import Scores, evaluate
from clr_study.engine.precision import choose_products
from clr_study.engine.state import Lanes, start
from clr_study.engine.step import Hyper, make_step
from clr_study.engine.task import Task
from clr_study.models import build_model, why_unfusable
from clr_study.optim import Params, State, build_optimizer
from clr_study.spec import Evaluation, TrialSpec

Carry: TypeAlias = tuple[Params, Params, State]
Build: TypeAlias = Callable[[TrialSpec, Task], nn.Module]

# Updates between two looks at whether a lane's loss is still finite, and whose samples are drawn together.
CHUNK = 256


@dataclass(frozen=True)
class Divergence:
    """Where a run stopped being finite: a result, not an error.

    Args:
        update: Optimizer steps done before the loss was not finite.
        lr: The LR of the last of them.
    """

    update: int
    lr: float


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What the loop sees at an evaluation.

    Args:
        update: Updates done.
        evaluations: By run, for the runs that are due at this update.
        diverged: By run, for those that have diverged since the snapshot before; they are dropped already.
    """

    update: int
    evaluations: dict[int, Evaluation]
    diverged: dict[int, Divergence]


class Training:
    """Trains some runs that differ in numbers only, all in one step.

    Args:
        specs: The runs. They share data, model, batch size, budget and the optimizer's structure (`fuse_key`).
        task: Their data on a device.
        lanes: The state to go on from; None starts at update 0.
        build: From a run and its task to the network; by default what its model table asks for.

    Examples:
        >>> from clr_study.engine.task import load_task
        >>> spec = TrialSpec(study="s", data={"kind": "digits"}, model={"kind": "mlp"}, optim={"kind": "sgd"},
        ...     schedule={"kind": "constant", "lr": 0.1}, batch_size=32, updates=20, evaluate_at=(10, 20), seed=1,
        ...     test=False)
        >>> training = Training([spec, spec], load_task(spec.data))
        >>> [(snapshot.update, sorted(snapshot.evaluations)) for snapshot in training.run()]
        [(10, [0, 1]), (20, [0, 1])]
    """

    def __init__(
        self, specs: Sequence[TrialSpec], task: Task, lanes: Lanes | None = None, build: Build | None = None
    ) -> None:
        self.specs = tuple(specs)
        self.task = task
        first = self.specs[0]
        self.optimizer = build_optimizer(first.optim)
        self.hypers = [build_optimizer(spec.optim).hyper for spec in self.specs]
        make: Build = build or (lambda spec, task: build_model(spec.model, task.sample_shape, task.outputs, spec.seed))
        models = {spec.seed: make(spec, task) for spec in self.specs}
        self.model = models[first.seed].train()
        choose_products(first.precision)
        self.unfusable = why_unfusable(make if build else first.model, self.model)
        """Why these runs cannot share a step, or None."""
        if lanes is None:
            lanes = start([models[spec.seed] for spec in self.specs], self.optimizer, task.device, task.dtype)
        self.lanes = lanes.to(task.device)
        self.running = list(range(len(self.specs)))
        """Which run each lane is."""
        self._unseen: dict[int, list[np.ndarray]] = {run: [] for run in self.running}
        if self.unfusable and len(self.specs) > 1:
            raise ValueError(f"these runs must train one by one: {self.unfusable}")

    def drop(self, runs: Sequence[int]) -> None:
        """Stops training these runs; the others go on untouched."""
        kept = [lane for lane, run in enumerate(self.running) if run not in set(runs)]
        if len(kept) < len(self.running):
            self.lanes = self.lanes.take(kept)
            self.running = [self.running[lane] for lane in kept]

    def run(self, until: int | None = None) -> Iterator[Snapshot]:
        """Trains to `until` updates, by default to the end, and yields at every evaluation that some run is due at."""
        until = self.specs[0].updates if until is None else until
        points = sorted({point for spec in self.specs for point in spec.evaluate_at if point <= until} | {until})
        for point in points:
            if point <= self.lanes.update or not self.running:
                continue
            diverged = self._advance(point)
            evaluations = self._look(point, diverged)
            yield Snapshot(point, evaluations, diverged)

    def _advance(self, stop: int) -> dict[int, Divergence]:
        """Takes the steps up to an evaluation; returns what diverged on the way."""
        diverged: dict[int, Divergence] = {}
        while self.lanes.update < stop and self.running:
            begin = self.lanes.update
            losses = self._steps(min(stop, begin + CHUNK))
            for lane, run in enumerate(self.running):
                self._unseen[run].append(losses[:, lane])
                bad = np.flatnonzero(~np.isfinite(losses[:, lane]))
                if len(bad):
                    diverged[run] = self._divergence(run, begin + int(bad[0]))
            self.drop(list(diverged))
        return diverged

    def _steps(self, stop: int) -> np.ndarray:
        """Takes the steps from the lanes' update to `stop`; returns their losses [T, N] float32."""
        begin, specs = self.lanes.update, [self.specs[run] for run in self.running]
        plain = len(specs) == 1
        seeds = sorted({spec.seed for spec in specs})
        shared = len(seeds) == 1
        draws = [self.task.draws(seed, begin, stop, specs[0].batch_size) for seed in seeds]
        rows = torch.tensor([seeds.index(spec.seed) for spec in specs], device=self.task.device)
        table = np.stack([spec.lr_schedule(np.arange(begin, stop)) for spec in specs], axis=1)
        lrs = torch.from_numpy(table).to(self.task.device, self.task.dtype)  # [T, N]
        step = make_step(
            self.model,
            self.task.loss,
            self.optimizer,
            fused=not plain,
            shared_inputs=shared,
            precision=specs[0].precision,
            clip=specs[0].clip,
        )
        hyper = self._hyper(plain)
        carry = (self.lanes.params, self.lanes.buffers, self.lanes.slots)
        if plain:
            carry = _first_lane(carry)
        losses = []
        self._synchronise()
        clock = time.perf_counter()
        for t in range(stop - begin):
            if shared:
                samples, numbers = draws[0][0][t], tuple(number[t] for number in draws[0][1:])
            else:
                own = [torch.stack([draw[part][t] for draw in draws])[rows] for part in range(len(draws[0]))]
                samples, numbers = own[0], tuple(own[1:])
            inputs, targets = self.task.batch(samples, numbers)
            if self.unfusable:
                _seed_draws(specs[0].seed, begin + t)
            params, buffers, slots, loss = step(*carry, inputs, targets, lrs[t, 0] if plain else lrs[t], hyper)
            carry = (params, buffers, slots)
            losses.append(loss)
        seen = torch.stack(losses).reshape(stop - begin, -1).float().cpu().numpy()
        self._synchronise()
        spent = (time.perf_counter() - clock) / len(specs)
        if plain:
            carry = _with_lane_axis(carry)
        self.lanes = Lanes(*carry, self.lanes.seconds + spent, stop)
        return seen

    def _look(self, point: int, diverged: dict[int, Divergence]) -> dict[int, Evaluation]:
        due = [run for run in self.running if point in self.specs[run].evaluate_at]
        if not due:
            return {}
        lanes = self.lanes.take([self.running.index(run) for run in due])
        fused = self.unfusable is None and len(due) > 1
        precision = self.specs[0].precision
        validation = evaluate(self.model, lanes, self.task, self.task.validation, fused, precision)
        tested = self.task.test if self.specs[0].test else None
        test = evaluate(self.model, lanes, self.task, tested, fused, precision)
        # Weights may be finite and yet so large that no output is.
        finite = lanes.finite().cpu() & validation.finite & test.finite
        for row, run in enumerate(due):
            if not finite[row]:
                diverged[run] = self._divergence(run, point)
        self.drop(list(diverged))
        return {
            run: self._evaluation(run, point, float(lanes.seconds[row]), validation, test, row)
            for row, run in enumerate(due)
            if run not in diverged
        }

    def _evaluation(
        self, run: int, point: int, seconds: float, validation: Scores, test: Scores, row: int
    ) -> Evaluation:
        spec, losses = self.specs[run], np.concatenate(self._unseen[run])
        self._unseen[run] = []
        per_epoch = len(self.task.train) // spec.batch_size
        return Evaluation(
            update=point,
            epoch=point / per_epoch,
            seconds=seconds,
            lr=float(spec.lr_schedule(point - 1)),
            train_loss=float(losses.mean(dtype=np.float64)),
            validation_loss=float(validation.loss[row]),
            validation_accuracy=float(validation.accuracy[row]),
            test_loss=float(test.loss[row]),
            test_accuracy=float(test.accuracy[row]),
            validation_metric=float(validation.metric[row]),
            test_metric=float(test.metric[row]),
            losses=losses,
        )

    def _divergence(self, run: int, update: int) -> Divergence:
        return Divergence(update, float(self.specs[run].lr_schedule(max(0, update - 1))))

    def _hyper(self, plain: bool) -> Hyper:
        own = [self.hypers[run] for run in self.running]
        columns = {name: [hyper[name] for hyper in own] for name in own[0]}
        stacked = {
            name: torch.tensor(column, dtype=self.task.dtype, device=self.task.device)
            for name, column in columns.items()
        }
        return {name: column[0] for name, column in stacked.items()} if plain else stacked

    def _synchronise(self) -> None:
        if self.task.device.type == "cuda":
            torch.cuda.synchronize(self.task.device)


def _seed_draws(seed: int, update: int) -> None:
    """Makes what a model draws by itself (dropout) a function of the seed and the update."""
    torch.manual_seed(int(generator(seed, update, "model").integers(2**63)))


def _first_lane(carry: Carry) -> Carry:
    return tuple(_each(part, lambda tensor: tensor[0]) for part in carry)


def _with_lane_axis(carry: Carry) -> Carry:
    return tuple(_each(part, lambda tensor: tensor[None]) for part in carry)


def _each(tree: Any, change: Callable[[Tensor], Tensor]) -> Any:
    return change(tree) if isinstance(tree, Tensor) else {key: _each(value, change) for key, value in tree.items()}
