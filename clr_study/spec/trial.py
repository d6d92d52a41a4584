"""A trial's full setting: what a worker needs to train one run, with nothing left to choose."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from clr_study.schedules import Schedule, schedule_from_dict

OWN_LOOP = "own_loop"
"""The kind of data of a run that a training loop of the user's own trains."""

Phase: TypeAlias = Literal["range_test", "search", "confirm", "measure"]
PHASES: tuple[Phase, ...] = get_args(Phase)
Precision: TypeAlias = Literal["float32", "tf32", "bf16"]
Ending: TypeAlias = Literal["completed", "pruned", "diverged", "failed"]


@dataclass(frozen=True, kw_only=True)
class TrialSpec:
    """One run: frozen, plain JSON, equal where its digest is equal.

    Args:
        study: The study's name; it enters every random draw, so two studies do not share their randomness.
        data: The data set's table, with the common keys validation, normalise and augment.
        model: The model's table.
        optim: The optimizer's table.
        schedule: The schedule's table, without holes.
        batch_size: Samples an update.
        updates: The budget: how many updates the run takes.
        evaluate_at: The numbers of updates done at which the run is evaluated, rising; the last is `updates`.
        seed: The replicate seed: initial weights, order of the samples and augmentation follow from it and from the
            study's name, and from nothing else. Runs of two arms with the same seed are a pair.
        test: Whether the test split is read, as it is in the measure phase only.
        precision: `float32`; `tf32` for products that a GPU rounds to TensorFloat-32; `bf16` for mixed precision.
        compile: Whether torch compiles the step.
        cuda_graphs: Whether an update is recorded as a CUDA graph and replayed, on a GPU.
        clip: The largest norm of the run's gradient; None for any.
        values: What else a training loop of the user's own is given.

    Examples:
        >>> spec = TrialSpec(study="s", data={"kind": "digits"}, model={"kind": "mlp"}, optim={"kind": "sgd"},
        ...     schedule={"kind": "constant", "lr": 0.1}, batch_size=32, updates=10, evaluate_at=(5, 10), seed=1,
        ...     test=False)
        >>> TrialSpec.from_json(spec.to_json()) == spec
        True
        >>> spec.lr_schedule
        Constant(lr=0.1)
    """

    study: str
    data: Mapping[str, Any]
    model: Mapping[str, Any]
    optim: Mapping[str, Any]
    schedule: Mapping[str, Any]
    batch_size: int
    updates: int
    evaluate_at: tuple[int, ...]
    seed: int
    test: bool
    precision: Precision = "float32"
    compile: bool = False
    cuda_graphs: bool = False
    clip: float | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Returns the canonical JSON text: keys sorted, no spaces; what came later only where it is given."""
        own = {
            item.name: getattr(self, item.name)
            for item in fields(self)
            if item.name not in ("values", "compile", "cuda_graphs") or getattr(self, item.name)
        }
        return json.dumps(own, sort_keys=True, separators=(",", ":"))

    @property
    def own_loop(self) -> bool:
        """Whether a training loop of the user's own trains it."""
        return self.data.get("kind") == OWN_LOOP

    @classmethod
    def from_json(cls, text: str) -> TrialSpec:
        """Returns the spec that `to_json` wrote."""
        own = json.loads(text)
        return cls(**{**own, "evaluate_at": tuple(own["evaluate_at"])})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TrialSpec) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the canonical JSON text."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @cached_property
    def lr_schedule(self) -> Schedule:
        """The schedule as a value that can be called."""
        return schedule_from_dict(self.schedule)


@dataclass(frozen=True, order=True)
class RunKey:
    """Which run of a study: unique in a database.

    Args:
        study: The study's name.
        arm: The arm's name.
        phase: `search`, `measure` or `range_test`.
        trial: The number of the trial within its arm, counted from 0, as Optuna counts it.
        seed: The replicate seed.
    """

    study: str
    arm: str
    phase: Phase
    trial: int
    seed: int


@dataclass(frozen=True)
class Job:
    """A run to train, and how far.

    Args:
        key: Which run it is.
        spec: Its full setting.
        until: The number of updates done at which the worker hands it back; the owner then prunes it or sends it on.
    """

    key: RunKey
    spec: TrialSpec
    until: int


@dataclass(frozen=True)
class Outcome:
    """How a job came back.

    Args:
        key: Which run.
        ending: How the run ended; None if it was handed back on the way, at `updates`.
        updates: How many updates are done. For a diverged run: those before the loss stopped being finite.
        note: For people: where it diverged, or the trace of what failed.
    """

    key: RunKey
    ending: Ending | None
    updates: int
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One look at a run.

    Args:
        update: Optimizer steps done.
        epoch: Passes over the training split done.
        seconds: Training seconds of the run so far: the device's time shared over the lanes of the batch, evaluation
            left out.
        lr: The LR of the last step.
        train_loss: The mean loss of the steps since the evaluation before.
        validation_loss: On the whole validation split; NaN where there is none, as for the three below.
        validation_accuracy: Likewise, in [0, 1].
        test_loss: On the whole test split; NaN but in the measure phase.
        test_accuracy: Likewise.
        validation_metric: Likewise, the metric that decides where it is neither accuracy nor loss, else NaN.
        test_metric: Likewise.
        losses: The loss of every step since the evaluation before, float32 [interval].
    """

    update: int
    epoch: float
    seconds: float
    lr: float
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    test_loss: float
    test_accuracy: float
    validation_metric: float = math.nan
    test_metric: float = math.nan
    losses: npt.NDArray[np.float32]


@dataclass(frozen=True)
class PlannedRun:
    """A run that the owner has decided on, before it trains.

    Args:
        key: Which run.
        spec: Its full setting.
        values: What was drawn for the holes, by name.
    """

    key: RunKey
    spec: TrialSpec
    values: Mapping[str, Any]


@dataclass(frozen=True)
class CheckpointRef:
    """Where a run's last saved state lies.

    Args:
        path: The file.
        lane: The run's row in the file's tensors.
        update: Updates done in that state.
        sha256: The file's checksum.
    """

    path: str
    lane: int
    update: int
    sha256: str
