"""The LR range test as one call, on a network and arrays as they stand in a notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from clr_study.analysis import BOUND_RULES
from clr_study.check import check_goal
from clr_study.data import Splits, hold_out, replicate_seeds, splits_of
from clr_study.engine import Build, Task, Training, make_task
from clr_study.errors import ClrStudyError, InputError, short_trace
from clr_study.models import born
from clr_study.range_tests import ramp_schedule, ramp_updates, range_test_arm, read_range_test
from clr_study.report import frame, range_test_figure
from clr_study.spec import Budget, Evaluation, RangeTest, RangeTestResult, RunKey, RunResult, Train, TrialSpec
from clr_study.worker import places

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from torch import nn

NAME = "range test"
GIVEN = {"kind": "given"}
# Without a word about its length: as many epochs, as the paper has on CIFAR-10, but no fewer updates than these.
LONGEST_EPOCHS, SHORTEST = 8, 200


@dataclass(frozen=True, eq=False, repr=False)
class FoundBounds:
    """What a range test found: the bounds by rule, the curves, and their picture, which a notebook shows by itself.

    Args:
        result: The curves over the seeds, and what each rule read off them.
        rule: The rule by which `base_lr` and `max_lr` go.
    """

    result: RangeTestResult
    rule: str

    @property
    def base_lr(self) -> float | None:
        """The lower bound; None where the rule found none."""
        return self.result.bounds[self.rule]["base_lr"]

    @property
    def max_lr(self) -> float | None:
        """The upper bound; None where the rule found none."""
        return self.result.bounds[self.rule]["max_lr"]

    @property
    def bounds(self) -> Mapping[str, Mapping[str, Any]]:
        """By rule: `base_lr`, `max_lr`, their spread over the seeds, and a note."""
        return self.result.bounds

    def figure(self) -> go.Figure:
        """Returns the picture: the score against the rising learning rate, shaded between the bounds."""
        return range_test_figure(self.result, self.rule)

    def frame(self) -> pd.DataFrame:
        """Returns the curves as a pandas frame, a row for each learning rate of each seed.

        Raises:
            InputError: pandas is not installed.
        """
        result = self.result
        rows = [
            (seed, float(lr), float(result.scores[row, place]), float(result.losses[row, place]))
            for row, seed in enumerate(result.seeds)
            for place, lr in enumerate(result.lrs)
        ]
        return frame(("seed", "lr", f"validation_{result.score}", "train_loss"), rows)

    def __repr__(self) -> str:
        """What each rule found, a line each; that is what a terminal shows of it."""
        lines = []
        for rule in sorted(self.bounds, key=lambda rule: rule != self.rule):
            found = self.bounds[rule]
            ends = ", ".join(f"{key} {found[key]:.4g}" for key in ("base_lr", "max_lr") if found[key] is not None)
            lines.append(f"{rule}: {ends or 'no bounds'}. {found['note']}")
        return "\n".join(lines)

    def _repr_mimebundle_(self, **asked: Any) -> dict[str, Any]:
        """The picture in a notebook, as Plotly shows every figure there, and the words where none can be shown."""
        return {**self.figure()._repr_mimebundle_(**asked), "text/plain": repr(self)}


def range_test(
    model: nn.Module | Callable[..., nn.Module],
    data: tuple[Any, Any] | Splits,
    *,
    low: float = 1e-4,
    high: float = 1.0,
    updates: int | None = None,
    epochs: float | None = None,
    batch_size: int = 64,
    optim: Mapping[str, Any] | str = "sgd",
    loss: Mapping[str, Any] | None = None,
    validation: float | int = 0.2,
    normalise: Literal["none", "channel", "feature", "auto"] = "none",
    ramp: Literal["linear", "exponential"] = "exponential",
    rule: str = "smith",
    seeds: int = 3,
    seed: int = 0,
    evaluations: int = 40,
    device: str = "",
) -> FoundBounds:
    """Finds between which learning rates a network learns: the LR rises during one short run, over a few seeds.

    Smith, "Cyclical Learning Rates for Training Neural Networks", arXiv 1506.01186, section 3.3. Nothing is stored.
    Your network is not changed: each seed trains a copy.

    Args:
        model: A module, whose weights each seed starts from; or a function that makes one, called with `shape` and
            `classes` if it takes them, so that each seed has weights of its own.
        data: Inputs and targets, arrays or tensors of one length: whole numbers are classes, others are regressed on;
            inputs of int64 are tokens. Or `clr_study.data.Splits`.
        low: The first LR.
        high: The last LR.
        updates: Length of the run; give this or `epochs`. Without either it is 8 epochs, or as many as 200 updates.
        epochs: Length of the run in passes over the training samples.
        batch_size: Samples an update.
        optim: An optimizer's kind, or its table: `{"kind": "sgd", "momentum": 0.9}`.
        loss: A loss's table: `{"kind": "huber"}`; cross-entropy for classes and squared error else, if not given.
        validation: The part, or the number, of the samples on which the score is measured.
        normalise: How inputs are scaled; `none` leaves them as they are, but for the cast of uint8 to floats.
        ramp: `exponential`, which spends as long on each decade, or `linear`, as the paper.
        rule: Which of `clr-study list bound-rules` gives the bounds.
        seeds: How many runs, at least 3.
        seed: The base of every random draw.
        evaluations: At how many LRs the score is measured.
        device: As torch writes it; the first GPU, or else the CPU, if not given.

    Returns:
        The bounds by rule, the curves and the picture. The score is accuracy, or r2 where there are no classes.

    Raises:
        InputError: Something that was given cannot be; or no learning rate was low enough to train with.

    Examples:
        >>> from torch import nn
        >>> import torch
        >>> x = torch.randn(400, 5, generator=torch.Generator().manual_seed(0))
        >>> y = (x.sum(dim=1) > 0).long()
        >>> found = range_test(nn.Linear(5, 2), (x, y), low=1e-3, high=10.0, updates=60, batch_size=32)
        >>> sorted(found.bounds)
        ['minimum', 'smith', 'steep', 'valley']
    """
    splits = hold_out(data if isinstance(data, Splits) else splits_of(*_pair(data)), validation, seed)
    if splits.validation is None:
        raise InputError("range_test: validation = 0 leaves nothing to read a range test on; hold some samples out")
    goal: dict[str, Any] = {"normalise": normalise, **({"loss": dict(loss)} if loss else {})}
    score = "r2" if splits.classes is None else "accuracy"
    if score == "r2":
        goal["metric"] = score
    task = make_task(splits, _device(device), table=goal)
    ends = {"low": low, "high": high, "ramp": ramp, "rule": rule, "seeds": seeds, "evaluations": evaluations}
    settings, spec = _planned(len(task.train), batch_size, optim, epochs, updates, ends)
    specs = [replace(spec, seed=each) for each in replicate_seeds(NAME, seed, "range_test", seeds)]

    def build(spec: TrialSpec, task: Task) -> nn.Module:
        return born(model, task.sample_shape, task.outputs, spec.seed)

    check_goal(build(spec, task), task, "range_test: the model")
    runs = _trained(specs, task, build, score)
    if not any(len(run.updates) for run in runs):
        raise InputError(f"range_test: every run diverged before its first evaluation; give a lower low than {low:g}")
    return FoundBounds(read_range_test(settings, runs, score), rule)


def _device(asked: str) -> str:
    """The device; a GPU that is not there is refused here, and what is no GPU of CUDA left to torch."""
    return places(asked or "auto")[0].device if not asked or asked.startswith("cuda") else asked


def _pair(data: Any) -> tuple[Any, Any]:
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise InputError(f"range_test takes data as a pair, (inputs, targets), but got a {type(data).__name__}")
    return data[0], data[1]


def _planned(
    samples: int,
    batch_size: int,
    optim: Mapping[str, Any] | str,
    epochs: float | None,
    updates: int | None,
    ends: Mapping[str, Any],
) -> tuple[RangeTest, TrialSpec]:
    """How the test goes, and one of its runs."""
    try:
        per_epoch = Budget.of(Train(batch_size=batch_size, updates=1), samples, "range_test:").per_epoch
        if epochs is not None and updates is not None:
            raise ValueError("give epochs or updates, one of the two")
        if updates is None:
            updates = max(SHORTEST, LONGEST_EPOCHS * per_epoch) if epochs is None else round(epochs * per_epoch)
        settings = RangeTest(updates=updates, **ends)
    except ValueError as error:
        raise InputError(f"range_test: {error}") from None
    BOUND_RULES[settings.rule]
    budget = Budget(updates, per_epoch, batch_size)
    ramp_updates(settings, budget)
    return settings, TrialSpec(
        study=NAME,
        data=GIVEN,
        model=GIVEN,
        optim=dict(optim) if isinstance(optim, Mapping) else {"kind": optim},
        schedule=ramp_schedule(settings, updates).to_dict(),
        batch_size=batch_size,
        updates=updates,
        evaluate_at=budget.grid(settings.evaluations),
        seed=0,
        test=False,
    )


def _trained(specs: Sequence[TrialSpec], task: Task, build: Build, score: str) -> list[RunResult]:
    """The runs, all in one step where the network allows it."""
    try:
        if not Training(specs[:1], task, build=build).unfusable:
            return _runs(specs, Training(specs, task, build=build), score)
    except ClrStudyError:
        raise
    except Exception:  # noqa: S110  what vmap cannot take trains alone, and fails again there if that was not it
        pass
    try:
        return [run for spec in specs for run in _runs([spec], Training([spec], task, build=build), score)]
    except ClrStudyError:
        raise
    except Exception as error:
        raise InputError(
            f"range_test: a step with samples of shape {task.sample_shape} failed: {short_trace(error)}"
        ) from error


def _runs(specs: Sequence[TrialSpec], training: Training, score: str) -> list[RunResult]:
    seen: list[list[Evaluation]] = [[] for _ in specs]
    for snapshot in training.run():
        for run, evaluation in snapshot.evaluations.items():
            seen[run].append(evaluation)
    column = "validation_accuracy" if score == "accuracy" else "validation_metric"
    return [
        RunResult(
            key=RunKey(NAME, range_test_arm("given"), "range_test", 0, spec.seed),
            spec=spec,
            values={},
            ending="completed" if looks and looks[-1].update == spec.updates else "diverged",
            updates=np.array([look.update for look in looks], dtype=np.int64),
            metrics={
                f"validation_{score}": np.array([getattr(look, column) for look in looks], dtype=np.float64),
                "train_loss": np.array([look.train_loss for look in looks], dtype=np.float64),
            },
            seconds=np.array([look.seconds for look in looks], dtype=np.float64),
        )
        for spec, looks in zip(specs, seen, strict=True)
    ]
