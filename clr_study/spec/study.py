"""A study: a question, one TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from clr_study.metrics import ALWAYS
from clr_study.spec.paper import PaperRow
from clr_study.spec.sections import Data, Measure, RangeTest, Search, Target, Train
from clr_study.spec.space import Hole, holes
from clr_study.spec.trial import OWN_LOOP


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One schedule family of a study, with its search space.

    Args:
        name: As in `[arms.NAME]`.
        schedule: The schedule's table, with holes.
        optim: The optimizer's table, with holes; the study's own unless the arm has one.
        model: The model's table, with holes; likewise.
        train: Its budget; likewise.
        values: What else a training loop of the user's own is given, with holes; likewise.
    """

    name: str
    schedule: Mapping[str, Any]
    optim: Mapping[str, Any]
    model: Mapping[str, Any]
    train: Train
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tables(self) -> dict[str, Any]:
        """The tables that may have holes."""
        return {"schedule": self.schedule, "optim": self.optim, "model": self.model, "values": self.values}

    @cached_property
    def space(self) -> Mapping[str, Hole]:
        """The arm's holes by the name under which each is drawn."""
        return holes(self.tables)


@dataclass(frozen=True, kw_only=True)
class Study:
    """A whole study file.

    Args:
        name: Unique in a database.
        question: What it asks, for the head of the report.
        data: The data.
        arms: The arms, in the file's order; the first one is the reference.
        search: The tuning phase; None if nothing is tuned.
        measure: The measure phase.
        target: The value the time to which is reported.
        metric: What decides: `accuracy`, `loss`, or another one of `clr-study list metrics`.
        loss: The loss's table; None for the cross-entropy of classes and the squared error of numbers.
        range_test: How a range test of this study goes.
        imports: Modules that register the user's own things.
        train_fn: The path of a training loop of the user's own, in place of data, model and optimizer; else empty.
        paper: The rows of the paper of which arms are readings.
        source: The file's text, for the report.
    """

    name: str
    question: str = ""
    data: Data
    arms: tuple[Arm, ...]
    search: Search | None = None
    measure: Measure = field(default_factory=Measure)
    target: Target | None = None
    metric: str = "accuracy"
    range_test: RangeTest = field(default_factory=RangeTest)
    loss: Mapping[str, Any] | None = None
    imports: tuple[str, ...] = ()
    train_fn: str = ""
    paper: tuple[PaperRow, ...] = ()
    source: str = field(default="", compare=False, repr=False)

    def arm(self, name: str) -> Arm:
        """Returns the arm of that name.

        Raises:
            KeyError: There is none.
        """
        return {arm.name: arm for arm in self.arms}[name]

    @property
    def task(self) -> dict[str, Any]:
        """What a run is about, in the words of a trial: the data's table, or that of the user's own training loop."""
        if self.train_fn:
            per_epoch = self.arms[0].train.updates_per_epoch
            return {"kind": OWN_LOOP, "train_fn": self.train_fn, "metric": self.metric, "per_epoch": per_epoch}
        goal = {} if self.loss is None else {"loss": dict(self.loss)}
        return {**self.data.to_dict(), **goal, **({} if self.metric in ALWAYS else {"metric": self.metric})}

    @property
    def searches(self) -> int:
        """How many searches an arm with holes has: none, one, or one for each measured seed."""
        if self.search is None:
            return 0
        return self.measure.seeds if self.search.per_seed else 1

    @property
    def trials(self) -> int:
        """How many trials an arm with holes has, those of all its searches together, which are numbered on."""
        return self.search.trials * self.searches if self.search else 0

    def search_of(self, trial: int) -> int:
        """Returns which of its arm's searches a trial belongs to, counted from 0."""
        return trial // self.search.trials if self.search else 0

    @property
    def confirming(self) -> int:
        """How many runs confirm the best trials of an arm with holes, if enough trials complete."""
        return self.search.confirmed * self.search.confirm.seeds * self.searches if self.search else 0

    @property
    def seed(self) -> int:
        """The base of every random draw."""
        return self.search.seed if self.search else 0
