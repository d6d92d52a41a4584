"""The training loop: it yields what it sees, and the caller decides."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np
import torch
from torch import nn

from clr_study.engine.evaluate import Scores, evaluate
from clr_study.engine.fuse import fills_caches
from clr_study.engine.graphs import Record, Recorded, recorder, why_unrecorded
from clr_study.engine.precision import choose_products
from clr_study.engine.side_by_side import shared_out, side_by_side, structures
from clr_study.engine.state import CHUNK, Lanes, start, together
from clr_study.engine.stretch import Losses, Stretch
from clr_study.engine.task import Task
from clr_study.models import build_model, why_unfusable
from clr_study.optim import build_optimizer
from clr_study.spec import Evaluation, TrialSpec

Build: TypeAlias = Callable[[TrialSpec, Task], nn.Module]


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
    """Trains some runs that differ in numbers only, all in one step unless a step of one alone fills the caches.

    Args:
        specs: The runs. They share data, model, batch size, budget and the optimizer's structure (`fuse_key`).
        task: Their data on a device.
        lanes: The state to go on from; None starts at update 0.
        build: From a run and its task to the network; by default what its model table asks for.
        record: Records an update where the runs ask for CUDA graphs; by default as such a graph.

    Raises:
        SpecError: CUDA graphs are asked for on what is no GPU.

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
        self,
        specs: Sequence[TrialSpec],
        task: Task,
        lanes: Lanes | None = None,
        build: Build | None = None,
        record: Record | None = None,
    ) -> None:
        self.specs = tuple(specs)
        self.task = task
        first = self.specs[0]
        self.optimizer = build_optimizer(first.optim)
        make: Build = build or (lambda spec, task: build_model(spec.model, task.sample_shape, task.outputs, spec.seed))
        models = {spec.seed: make(spec, task) for spec in self.specs}
        self.model = models[first.seed].train()
        choose_products(first.precision)
        self.unfusable = why_unfusable(make if build else first.model, self.model)
        """Why these runs cannot share a step, or None."""
        # To count takes a pass through the network, and one run has nobody to share a step with.
        self.apart = len(self.specs) > 1 and not self.unfusable and fills_caches(first, task, self.model)
        """Whether each of several runs takes steps of its own."""
        self._record = (record or recorder(task.device)) if first.cuda_graphs else None
        self.unrecorded = why_unrecorded(task, self.unfusable) if self._record else None
        """Why updates are taken kernel by kernel though CUDA graphs were asked for, or None."""
        self._recorded: Recorded | None = None
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
            self._recorded = None  # which frees its memory; it was of more lanes

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

    def _steps(self, stop: int) -> Losses:
        """Takes the steps from the lanes' update to `stop`; returns their losses [T, N] float32."""
        specs = [self.specs[run] for run in self.running]
        begin, size = self.lanes.update, specs[0].batch_size
        draws = {seed: self.task.draws(seed, begin, stop, size) for seed in sorted({spec.seed for spec in specs})}
        unfusable = self.unfusable is not None
        common = Stretch(self.model, self.task, self.optimizer, specs, draws, self.apart, unfusable)
        shares = shared_out(len(specs), self.task.device, self.apart)
        own = [
            (common.of(share, model), share)
            for share, model in zip(shares, structures(self.model, len(shares)), strict=True)
        ]
        even_part = not self.apart and len(specs) > 1
        # No run's seconds are to hold what compiling and recording take.
        if specs[0].compile:
            side_by_side([partial(stretch.compile, self.lanes, share) for stretch, share in own], even_part)
        if self._record and not self.unrecorded and self._recorded is None:
            self._recorded = Recorded(common, self.lanes, CHUNK, self._record)
        calls = [partial(stretch.take, self.lanes, share, stop) for stretch, share in own]
        if self._recorded:
            calls = [partial(self._recorded.take, common, self.lanes, stop)]
        self._synchronise()
        clock = time.perf_counter()
        found = side_by_side(calls, even_part)
        self._synchronise()
        spent = (time.perf_counter() - clock) / len(specs)
        lanes = together(state for state, _ in found)
        self.lanes = replace(lanes, seconds=lanes.seconds + spent)
        return np.concatenate([losses for _, losses in found], axis=1)

    def _synchronise(self) -> None:
        if self.task.device.type == "cuda":
            torch.cuda.synchronize(self.task.device)

    def _look(self, point: int, diverged: dict[int, Divergence]) -> dict[int, Evaluation]:
        due = [run for run in self.running if point in self.specs[run].evaluate_at]
        if not due:
            return {}
        lanes = self.lanes.take([self.running.index(run) for run in due])
        fused = not self.apart and len(due) > 1
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
