"""Arms against each other, seed by seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np

from clr_study.analysis import measured, significance
from clr_study.analysis.bootstrap import estimate
from clr_study.analysis.comparison import Difference
from clr_study.curves import Array


@dataclass(frozen=True)
class Pairs:
    """The arms of a study in one quantity.

    Args:
        values: One a run, by arm and seed; NaN where a run did not complete.
        higher_is_better: Whether more of it is better.
        resamples: How many bootstrap resamples, and random sign patterns where there are too many to go through.
        seed: Fixes them.
    """

    values: Mapping[str, Mapping[int, float]]
    higher_is_better: bool
    resamples: int
    seed: int

    def differences(self, pairs: Iterable[tuple[str, str]]) -> tuple[Difference, ...]:
        """Returns each first arm against its second one, without those that share no seed; Holm over these."""
        found = [self._difference(*pair) for pair in pairs]
        found = [difference for difference in found if not np.isnan(difference.improvement)]
        by_holm = significance.holm(np.array([difference.p for difference in found]))
        return tuple(replace(each, p_holm=float(p)) for each, p in zip(found, by_holm, strict=True))

    @cached_property
    def adjusted(self) -> Mapping[frozenset[str], float]:
        """The p of every pair of arms, adjusted for all of them."""
        pairs = list(combinations(self.values, 2))
        seeds = sorted({seed for each in self.values.values() for seed in each})
        gains = np.full((len(seeds), len(pairs)), np.nan)
        for column, (first, second) in enumerate(pairs):
            shared = np.isin(seeds, sorted(self.values[first].keys() & self.values[second].keys()))
            gains[shared, column] = self._gains(*self._paired(first, second))
        ps = significance.step_down_p(gains, resamples=self.resamples, seed=self.seed)
        return {frozenset(pair): float(p) for pair, p in zip(pairs, ps, strict=True)}

    def _difference(self, arm: str, reference: str) -> Difference:
        first, second = self._paired(arm, reference)
        differences, gains = (first - second)[~np.isnan(first - second)], self._gains(first, second)
        interval = estimate(differences, resamples=self.resamples, seed=self.seed)
        p = significance.sign_flip_p(gains, resamples=self.resamples, seed=self.seed)
        return Difference(
            arm=arm,
            reference=reference,
            estimate=interval,
            p=p,
            p_holm=p,
            p_adjusted=max(p, self.adjusted[frozenset((arm, reference))]),
            improvement=significance.improvement(gains),
            effect_size=significance.effect_size(differences),
            within=significance.within(interval),
        )

    def _paired(self, first: str, second: str) -> tuple[Array, Array]:
        return measured.paired(self.values[first], self.values[second])

    def _gains(self, first: Array, second: Array) -> Array:
        return significance.gains(first, second, self.higher_is_better)
