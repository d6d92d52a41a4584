"""The sections of a study file: how long, how tuned, how measured, on which data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from clr_study.metrics import is_share
from clr_study.spec.space import LARGEST
from clr_study.spec.trial import Precision
from clr_study.spec.tuning import NoPruner, Pruner, Random, Sampler

MANY = 100_000
"""No number of seeds, each of which is a run, or of evaluations, each of which is a row, is above this."""


@dataclass(frozen=True, kw_only=True)
class Train:
    """How long every run trains, and how often it is looked at.

    Args:
        batch_size: Samples an update.
        epochs: The budget in passes over the training split; give this or `updates`.
        updates: The budget in optimizer steps.
        evaluations: How many times a run is evaluated, evenly over its budget, the last at its end.
        precision: `float32`; `tf32`: on a GPU the factors of the network's products are rounded to TensorFloat-32, on
            a CPU it is float32; `bf16`: weights and updates in float32, the network's products in bfloat16.
        compile: Whether torch compiles a step (`torch.compile`): it takes up to half a minute to begin, then small
            networks of linear layers train 1.3 to 2 times as fast. It rounds otherwise than one that is not compiled.
        cuda_graphs: Whether an update is recorded once as a CUDA graph and then replayed, so that the GPU waits for no
            launch of a kernel; not together with `compile`. On a CPU such a study is refused.
        clip: The largest norm of a run's whole gradient; a longer one is shortened to it. None leaves all as they are.
        updates_per_epoch: What an epoch is worth where a training loop of the user's own feeds itself; else the data
            say it.
    """

    batch_size: int = 128
    epochs: float | None = None
    updates: int | None = None
    evaluations: int = 20
    precision: Precision = "float32"
    compile: bool = False
    cuda_graphs: bool = False
    clip: float | None = None
    updates_per_epoch: int | None = None

    def __post_init__(self) -> None:
        if (self.epochs is None) == (self.updates is None):
            raise ValueError("give epochs or updates, one of the two")
        if self.compile and self.cuda_graphs:
            raise ValueError("compile = true and cuda_graphs = true exclude each other: leave one of them out")
        for name in ("batch_size", "epochs", "updates", "evaluations", "clip", "updates_per_epoch"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} > 0 must hold, but got {name}={value}")
            if value is not None and value > LARGEST:
                raise ValueError(f"{name} must be at most {LARGEST:,}, but got {name}={value:.4g}")
        if self.evaluations > MANY:
            raise ValueError(f"evaluations must be at most {MANY:,}, but got evaluations={self.evaluations}")


@dataclass(frozen=True, kw_only=True)
class Confirm:
    """The last step of tuning: each arm's best trials are run again on fresh seeds, on which the winner is picked.

    One seed flatters a setting at the edge of stability, which on the next seed may not learn at all.

    Args:
        trials: How many of an arm's best trials are run again; with 1 the best trial wins as it is.
        seeds: On how many fresh seeds, shared by all arms.
    """

    trials: int = 4
    seeds: int = 3

    def __post_init__(self) -> None:
        for name in ("trials", "seeds"):
            if not 1 <= getattr(self, name) <= MANY:
                raise ValueError(f"1 <= {name} <= {MANY:,} must hold, but got {name}={getattr(self, name)}")


@dataclass(frozen=True, kw_only=True)
class Search:
    """The tuning phase: every arm gets the same number of trials.

    Args:
        trials: Trials an arm.
        sampler: How settings are drawn.
        pruner: Which runs are stopped early; it looks at cycle ends only.
        confirm: How the winner is picked among the best of them.
        seed: The base of every random draw of the study.
        per_seed: Whether each measured seed gets the winner of a search of its own, with as many trials, so that the
            intervals hold the luck of the search too (X. Bouthillier et al., *Accounting for Variance in Machine
            Learning Benchmarks*, MLSys 2021: the ideal estimator). It costs as many searches as there are seeds.
    """

    trials: int
    sampler: Sampler = field(default_factory=Random)
    pruner: Pruner = field(default_factory=NoPruner)
    confirm: Confirm = field(default_factory=Confirm)
    seed: int = 0
    per_seed: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.trials <= LARGEST:
            raise ValueError(f"1 <= trials <= {LARGEST:,} must hold, but got trials={self.trials}")

    @property
    def confirmed(self) -> int:
        """How many of an arm's trials are run again, if as many complete; 0 if the best wins as it is.

        Examples:
            >>> [Search(trials=trials).confirmed for trials in (1, 2, 16)]
            [0, 2, 4]
        """
        count = min(self.trials, self.confirm.trials)
        return count if count > 1 else 0


@dataclass(frozen=True, kw_only=True)
class Measure:
    """The phase that counts: the winner of each arm, on fresh seeds that all arms share.

    Args:
        seeds: How many.
    """

    seeds: int = 8

    def __post_init__(self) -> None:
        if not 1 <= self.seeds <= MANY:
            raise ValueError(f"1 <= seeds <= {MANY:,} must hold, but got seeds={self.seeds}")


@dataclass(frozen=True, kw_only=True)
class Target:
    """The value the time to which is reported: `target = { accuracy = 0.89 }` in a study file.

    Args:
        metric: `accuracy`, `loss`, or the metric that decides the study.
        value: Reached when the metric is as good as this, or better; for a share in (0, 1].
    """

    metric: str
    value: float

    def __post_init__(self) -> None:
        if is_share(self.metric) and not 0 < self.value <= 1:
            raise ValueError(
                f"{self.metric} must lie in (0, 1], as in 0.89 for 89 %, but got {self.metric}={self.value}"
            )


@dataclass(frozen=True, kw_only=True)
class RangeTest:
    """The LR range test of the paper's section 3.3: the LR rises during a short run, and the accuracy tells the bounds.

    Args:
        low: The first LR.
        high: The last LR.
        epochs: Its length; give this or `updates`. Without either it is the study's budget, 8 epochs at most.
        updates: Its length in updates.
        ramp: `linear`, as the paper, or `exponential`, which spends as long on each decade.
        seeds: How many runs it is repeated in, at least 3.
        rule: Which rule of `clr-study list bound-rules` gives the bounds.
        evaluations: At how many LRs the validation accuracy is measured.
    """

    low: float = 1e-4
    high: float = 1.0
    epochs: float | None = None
    updates: int | None = None
    ramp: Literal["linear", "exponential"] = "exponential"
    seeds: int = 3
    rule: str = "smith"
    evaluations: int = 40

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise ValueError(f"0 < low < high must hold, but got low={self.low}, high={self.high}")
        if self.seeds < 3:
            raise ValueError(f"seeds >= 3 must hold, so that the bounds have a spread, but got seeds={self.seeds}")
        if self.seeds > MANY:
            raise ValueError(f"seeds must be at most {MANY:,}, but got seeds={self.seeds}")
        if self.epochs is not None and self.updates is not None:
            raise ValueError("give epochs or updates, one of the two")
        for name in ("epochs", "updates"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= LARGEST:
                raise ValueError(f"0 < {name} <= {LARGEST:,} must hold, but got {name}={value}")
        if not 10 <= self.evaluations <= MANY:
            raise ValueError(f"10 <= evaluations <= {MANY:,} must hold, but got evaluations={self.evaluations}")


@dataclass(frozen=True, kw_only=True)
class Data:
    """Which data, and how they are split, scaled and augmented.

    Args:
        table: The data set's kind and its arguments.
        validation: The part, or the number, of the training samples that is held out.
        subset: The part, or the number, of the training samples that is kept after that; 1.0 keeps all.
        label_noise: The fraction of the training labels that is replaced by another class, in [0, 1). Labels to
            validate and to test on stay clean.
        normalise: How inputs are scaled: `channel`, `mean_image`, `feature`, `none`, or `auto`, which takes `channel`
            for images and `feature` for vectors.
        augment: Augmentations, in order.
    """

    table: Mapping[str, Any]
    validation: float | int = 0.1
    subset: float | int = 1.0
    label_noise: float = 0.0
    normalise: Literal["auto", "channel", "mean_image", "feature", "none"] = "auto"
    augment: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.validation, float) and not 0 <= self.validation < 1:
            raise ValueError(f"validation is a part in [0, 1) or a number of samples, but got {self.validation}")
        if self.validation < 0:
            raise ValueError(f"validation >= 0 must hold, but got {self.validation}")
        if not self.subset > 0 or (isinstance(self.subset, float) and self.subset > 1):
            raise ValueError(f"subset is a part in (0, 1] or a number of samples, but got {self.subset}")
        if not 0 <= self.label_noise < 1:
            raise ValueError(f"label_noise is a part in [0, 1), but got {self.label_noise}")

    def to_dict(self) -> dict[str, Any]:
        """Returns the table of a trial: the data set's own keys beside the common ones."""
        return {
            **self.table,
            "validation": self.validation,
            "subset": self.subset,
            "label_noise": self.label_noise,
            "normalise": self.normalise,
            "augment": [dict(table) for table in self.augment],
        }
