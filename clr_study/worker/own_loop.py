"""A run that a training loop of the user's own trains: what it is given, and what it reports back."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_study.curves import Array
from clr_study.errors import DivergedError, SpecError, did_you_mean
from clr_study.metrics import ALWAYS, is_share
from clr_study.schedules import Schedule
from clr_study.spec import Evaluation, Job, Outcome, RunKey, loop_of
from clr_study.store import Store, append, forget
from clr_study.worker.place import Place

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LambdaLR

NOTE_LENGTH = 4000


class Trial:
    """One run, as the user's own training loop sees it: `train_fn(trial)` trains it and reports what it measures.

    Args:
        job: The run.
        keep: Gets each report.
        device: Where it is to train.

    Examples:
        >>> def train_fn(trial):
        ...     for update, lr in enumerate(trial.lrs, start=1):
        ...         ...                          # one optimizer step with this lr
        ...         if update in trial.evaluate_at:
        ...             trial.report(update, accuracy=0.5)
    """

    def __init__(self, job: Job, keep: Callable[[Evaluation], None], device: str = "cpu") -> None:
        self._spec, self._keep, self._begun = job.spec, keep, time.perf_counter()
        self.arm: str = job.key.arm
        """The arm's name."""
        self.phase: str = job.key.phase
        """`search`, `confirm` for the best trials once more, or `measure`."""
        self.number: int = job.key.trial
        """The number of the setting within its arm."""
        self.seed: int = job.spec.seed
        """Seed everything random with it: runs of two arms with the same seed are a pair."""
        self.values: Mapping[str, Any] = dict(job.spec.values)
        """What was asked for beside the schedule, a number where the study has a hole."""
        self.updates: int = job.spec.updates
        """The budget: how many optimizer steps to take."""
        self.test: bool = job.spec.test
        """Whether the test split may be read, as in the measure phase only; report it as `test_accuracy=`."""
        self.device: str = device
        """As torch writes it: `cpu`, `cuda:0`."""
        self.done = 0
        """The update that was reported last."""
        self.failure: SpecError | DivergedError | None = None
        """What a report was refused with, or ended by; kept, since a loop may swallow exceptions."""

    @cached_property
    def schedule(self) -> Schedule:
        """The schedule, as a value that can be called."""
        return self._spec.lr_schedule

    @cached_property
    def lrs(self) -> Array:
        """The learning rate of each update, float64 [updates]."""
        return self.schedule.table(self.updates)

    @property
    def evaluate_at(self) -> tuple[int, ...]:
        """Numbers of updates done, evenly spread, at which to evaluate and report; the last is the budget."""
        return self._spec.evaluate_at

    def scheduler(self, optimizer: Optimizer) -> LambdaLR:
        """Returns a PyTorch scheduler; call its `step()` after every `optimizer.step()`."""
        return self.schedule.to_torch(optimizer)

    def report(self, update: int, **metrics: float) -> None:
        """Tells the study how the run does after so many updates.

        The last report must be that of the whole budget: it decides. Others make the learning curve.

        Args:
            update: Optimizer steps done, rising from report to report, at most the budget.
            **metrics: On the validation split: the metric that decides the study, and `accuracy` and `loss` if there
                are any. Besides `train_loss`, and in the measure phase `test_accuracy` and its like.

        Raises:
            SpecError: It cannot be taken so.
            DivergedError: A metric is not finite; the run is over.
        """
        try:
            values = self._checked(update, metrics)
            bad = {name: value for name, value in values.items() if not math.isfinite(value)}
            if bad:
                name, value = next(iter(bad.items()))
                lr = float(self.schedule(max(0, update - 1)))
                raise DivergedError(f"{name} was {value} after {update} updates, at a learning rate of {lr:.6g}")
        except (SpecError, DivergedError) as error:
            self.failure = self.failure or error
            raise
        self._keep(self._evaluation(int(update), values))
        self.done = int(update)

    def finish(self) -> None:
        """Raises what the loop may have swallowed, and what is wrong with its end.

        Raises:
            SpecError: A report could not be taken, or the last one is missing.
            DivergedError: A metric was not finite.
        """
        if self.failure is not None:
            raise self.failure
        if self.done < self.updates:
            seen = f"its last report was of update {self.done}" if self.done else "it never reported"
            raise SpecError(
                f"{self._loop} must report update {self.updates}, the end of its budget, before it returns, but "
                f"{seen}; call trial.report({self.updates}, {self._metric}=...)"
            )

    @property
    def _loop(self) -> str:
        return str(self._spec.data["train_fn"])

    @property
    def _metric(self) -> str:
        return str(self._spec.data["metric"])

    def _checked(self, update: int, metrics: Mapping[str, Any]) -> dict[str, float]:
        if isinstance(update, bool) or not isinstance(update, (int, np.integer)):
            raise SpecError(f"{self._loop}: trial.report takes the number of updates done first, but got {update!r}")
        if not self.done < update <= self.updates:
            after = f"came after update {self.done}" if update <= self.done else "is past the budget"
            raise SpecError(
                f"{self._loop}: trial.report of update {update} {after}; updates rise from report to report, and end "
                f"with {self.updates}"
            )
        known = dict.fromkeys((self._metric, *ALWAYS))
        allowed = (*known, "train_loss", *(f"test_{name}" for name in known))
        for name in metrics:
            if name not in allowed:
                raise SpecError(
                    f"{self._loop}: trial.report takes no metric {name!r}; {did_you_mean(name, allowed)}; the study is "
                    f"decided by {self._metric}"
                )
            if name.startswith("test_") and not self.test:
                raise SpecError(f"{self._loop}: report {name} only where trial.test is true: settings must not see it")
        if self._metric not in metrics:
            given = ", ".join(metrics) or "nothing"
            raise SpecError(
                f"{self._loop}: trial.report needs {self._metric}, which decides the study, but got {given}"
            )
        return {name: self._number(name, value) for name, value in metrics.items()}

    def _number(self, name: str, value: Any) -> float:
        try:
            number = float(value)
        except (TypeError, ValueError, RuntimeError):
            shape = f" of shape {tuple(value.shape)}" if hasattr(value, "shape") else ""
            raise SpecError(
                f"{self._loop}: trial.report takes one number for {name}, but got a {type(value).__name__}{shape}"
            ) from None
        if is_share(name) and number == number and not 0 <= number <= 1:
            raise SpecError(f"{self._loop}: {name} must lie in [0, 1], as in 0.89 for 89 %, but got {number}")
        return number

    def _evaluation(self, update: int, values: Mapping[str, float]) -> Evaluation:
        def of(name: str) -> float:
            return values.get(name, math.nan)

        own = self._metric if self._metric not in ALWAYS else ""
        return Evaluation(
            update=update,
            epoch=update / int(self._spec.data["per_epoch"]),
            seconds=time.perf_counter() - self._begun,
            lr=float(self.schedule(update - 1)),
            train_loss=of("train_loss"),
            validation_loss=of("loss"),
            validation_accuracy=of("accuracy"),
            test_loss=of("test_loss"),
            test_accuracy=of("test_accuracy"),
            validation_metric=of(own),
            test_metric=of(f"test_{own}"),
            losses=np.array([], dtype=np.float32),
        )


def train_own(job: Job, store: Store, place: Place) -> Outcome:
    """Calls the user's training loop for one run, and returns how that came back.

    An exception of the loop itself ends the run as `failed`, with its trace.

    Args:
        job: The run. One that was begun before, by an owner that died, begins again.
        store: Where its reports go.
        place: Where it is trained.

    Raises:
        SpecError: The loop cannot be imported, or its reports cannot be taken: no other run would fare better.
    """
    train_fn = loop_of(str(job.spec.data["train_fn"]))
    forget(store, job.key)
    trial = Trial(job, lambda evaluation: append(store, [(job.key, evaluation)]), place.device)
    try:
        train_fn(trial)
        trial.finish()
    except (SpecError, DivergedError) as error:
        return _ended(job, trial, error)
    except Exception as error:
        return _ended(job, trial, trial.failure) if trial.failure else failed(job.key, error)
    return Outcome(job.key, "completed", job.spec.updates)


def _ended(job: Job, trial: Trial, error: SpecError | DivergedError) -> Outcome:
    if isinstance(error, SpecError):
        raise error
    return Outcome(job.key, "diverged", trial.done, str(error))


def failed(key: RunKey, error: Exception) -> Outcome:
    """Returns the outcome of a run that an exception has ended, with the end of its trace."""
    return Outcome(key, "failed", 0, "".join(traceback.format_exception(error))[-NOTE_LENGTH:])
