"""How settings are drawn and which runs are stopped early: plain values, which floor 6 turns into Optuna's objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from clr_study.schedules.checks import must_hold


@dataclass(frozen=True, kw_only=True)
class Random:
    """Independent draws. The only sampler for which expected-best-against-trials curves are exact."""

    kind: Literal["random"] = "random"


@dataclass(frozen=True, kw_only=True)
class Qmc:
    """A scrambled Sobol sequence: as random search, but spread evenly."""

    kind: Literal["qmc"] = "qmc"


@dataclass(frozen=True, kw_only=True)
class Tpe:
    """Tree-structured Parzen estimator.

    Args:
        startup_trials: Random draws at first, at least 1.
        batch: How many trials are drawn together; more fill the device better, fewer learn faster.
    """

    kind: Literal["tpe"] = "tpe"
    startup_trials: int = 8
    batch: int = 4

    def __post_init__(self) -> None:
        must_hold({"startup_trials >= 1": self.startup_trials >= 1, "batch >= 1": self.batch >= 1}, vars(self))


@dataclass(frozen=True, kw_only=True)
class Gp:
    """Gaussian process; for two to four holes and small budgets.

    Args:
        startup_trials: Random draws at first, at least 1.
        batch: How many trials are drawn together.
    """

    kind: Literal["gp"] = "gp"
    startup_trials: int = 8
    batch: int = 4

    def __post_init__(self) -> None:
        must_hold({"startup_trials >= 1": self.startup_trials >= 1, "batch >= 1": self.batch >= 1}, vars(self))


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Every combination of some points of each hole, in a shuffled order.

    Args:
        points: Points of each range; choices are taken as they stand.
    """

    kind: Literal["grid"] = "grid"
    points: int = 4

    def __post_init__(self) -> None:
        must_hold({"points >= 1": self.points >= 1}, vars(self))


@dataclass(frozen=True, kw_only=True)
class NoPruner:
    """Every run trains to its end."""

    kind: Literal["none"] = "none"


@dataclass(frozen=True, kw_only=True)
class Median:
    """Stops a run that is worse than the median of the arm's earlier ones at the same point.

    Args:
        startup_trials: Trials that are never stopped.
        warmup: The part of the budget before which no run is stopped, in [0, 1).
    """

    kind: Literal["median"] = "median"
    startup_trials: int = 4
    warmup: float = 0.0

    def __post_init__(self) -> None:
        rules = {"startup_trials >= 0": self.startup_trials >= 0, "0 <= warmup < 1": 0 <= self.warmup < 1}
        must_hold(rules, vars(self))


@dataclass(frozen=True, kw_only=True)
class Percentile:
    """As `Median`, for another percentile.

    Args:
        percentile: The best part that is kept, in per cent, between 0 and 100.
        startup_trials: Trials that are never stopped.
        warmup: The part of the budget before which no run is stopped, in [0, 1).
    """

    kind: Literal["percentile"] = "percentile"
    percentile: float = 25.0
    startup_trials: int = 4
    warmup: float = 0.0

    def __post_init__(self) -> None:
        rules = {
            "0 < percentile < 100": 0 < self.percentile < 100,
            "startup_trials >= 0": self.startup_trials >= 0,
            "0 <= warmup < 1": 0 <= self.warmup < 1,
        }
        must_hold(rules, vars(self))


@dataclass(frozen=True, kw_only=True)
class SuccessiveHalving:
    """Asynchronous successive halving.

    Args:
        reduction_factor: One in this many goes on at each rung, at least 2.
    """

    kind: Literal["successive_halving"] = "successive_halving"
    reduction_factor: int = 3

    def __post_init__(self) -> None:
        must_hold({"reduction_factor >= 2": self.reduction_factor >= 2}, vars(self))


@dataclass(frozen=True, kw_only=True)
class Hyperband:
    """Successive halving at several rates.

    Args:
        reduction_factor: One in this many goes on at each rung, at least 2.
    """

    kind: Literal["hyperband"] = "hyperband"
    reduction_factor: int = 3

    def __post_init__(self) -> None:
        must_hold({"reduction_factor >= 2": self.reduction_factor >= 2}, vars(self))


@dataclass(frozen=True, kw_only=True)
class Patient:
    """Stops a run that has not improved for some of its own cycle ends.

    Args:
        patience: How many looks without an improvement are borne.
    """

    kind: Literal["patient"] = "patient"
    patience: int = 3

    def __post_init__(self) -> None:
        must_hold({"patience >= 0": self.patience >= 0}, vars(self))


Sampler: TypeAlias = Random | Qmc | Tpe | Gp | Grid
Pruner: TypeAlias = NoPruner | Median | Percentile | SuccessiveHalving | Hyperband | Patient
