r"""Which of the drawn values decide whether a setting is good: PED-ANOVA.

Where the good settings lie tells what matters. Of each value, the density over the best trials is held against that
over all trials (Watanabe et al., *PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces*,
IJCAI 2023, https://arxiv.org/abs/2304.10255):

.. math:: V = \gamma^2 \sum_g p_{all}(g) \left(\frac{p_{best}(g)}{p_{all}(g)} - 1\right)^2

over a grid of 50 steps, with Parzen estimators as in Optuna's `PedAnovaImportanceEvaluator`, which gives the same
numbers. A few best trials are never spread evenly, so a value that does not matter has some V too: `p` says how often
shuffled scores give as much.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from clr_study.curves import Array
from clr_study.metrics import higher_is_better
from clr_study.spec.results import Results
from clr_study.spec.space import Choices, Hole, Range, Ratio

STEPS = 50
BEST_PART, FEWEST_BEST, FEWEST_TRIALS = 0.1, 5, 10
Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Importance:
    """How much one drawn value matters in an arm.

    Args:
        name: The hole.
        share: Its part of the importance of all holes of the arm, in [0, 1].
        p: The part of shuffles of the scores that make it as important as it is, itself among them; small is more than
            chance. NaN where the sampler learned from its trials, so that they cannot be shuffled.
        trials: How many trials it rests on.
        best: How many of them count as the best ones.
    """

    name: str
    share: float
    p: float
    trials: int
    best: int


def importance(results: Results, arm: str, *, shuffles: int = 200, seed: int = 0) -> tuple[tuple[Importance, ...], str]:
    """Returns how much each drawn value of an arm matters, the most important first; or none, with the reason in words.

    The best tenth of the trials, at least five, is held against all that ended. A trial that did not complete is among
    the worst.

    Args:
        results: What the study has measured so far.
        arm: The arm.
        shuffles: How often the scores are shuffled.
        seed: Fixes how.
    """
    search, space = results.study.search, results.study.arm(arm).space
    if search is None or not space:
        return (), f"{arm} was not tuned."
    runs = [run for run in results.of(arm, "search") if run.ending is not None]
    if len(runs) < FEWEST_TRIALS:
        return (), f"{arm} has {len(runs)} trials that ended; importance takes {FEWEST_TRIALS}."
    scores = np.array([run.final(f"validation_{results.study.metric}") for run in runs], dtype=float)
    if np.isfinite(scores).sum() < FEWEST_BEST:
        return (), f"{arm} has fewer than {FEWEST_BEST} completed trials."
    losses = np.nan_to_num(-scores if higher_is_better(results.study.metric) else scores, nan=np.inf)
    best = _best(losses)
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(runs)) for _ in range(shuffles if search.sampler.kind in ("random", "qmc") else 0)]
    found, ps = {}, {}
    for name, hole in space.items():
        places, size = grid_places([run.values[name] for run in runs], hole)
        ordered = not isinstance(hole, Choices)
        found[name] = divergence(places, best, size, ordered=ordered)
        chance = [divergence(places, best[order], size, ordered=ordered) for order in orders]
        ps[name] = (1 + sum(each >= found[name] for each in chance)) / (1 + len(chance)) if chance else math.nan
    total = sum(found.values()) or 1.0
    made = (Importance(name, value / total, ps[name], len(runs), int(best.sum())) for name, value in found.items())
    return tuple(sorted(made, key=lambda each: -each.share)), ""


def _best(losses: Array) -> npt.NDArray[np.bool_]:
    """Which trials count as the best: those up to the quantile's value, as many as share it."""
    count = max(math.ceil(BEST_PART * len(losses)), FEWEST_BEST)
    return losses <= np.partition(losses, count - 1)[count - 1]


def divergence(places: Places, best: npt.NDArray[np.bool_], size: int, *, ordered: bool = True) -> float:
    """Returns V of one value.

    Args:
        places: Where each trial lies on the value's grid [N].
        best: Which trials are the best ones [N].
        size: How many steps the grid has.
        ordered: Whether neighbours on the grid are alike, as numbers are and words are not.
    """
    everywhere = _density(np.bincount(places, minlength=size), ordered) + 1e-12
    among_best = _density(np.bincount(places[best], minlength=size), ordered) + 1e-12
    return float(np.mean(best) ** 2 * (everywhere @ (among_best / everywhere - 1) ** 2))


def grid_places(values: Sequence[object], hole: Hole) -> tuple[Places, int]:
    """Returns where drawn values lie on the grid of their hole, and how many steps it has.

    Examples:
        >>> grid_places([0.01, 0.1, 1.0], Range(low=0.01, high=1.0, log=True))
        (array([ 0, 24, 49]), 50)
        >>> grid_places(["tanh", "relu"], Choices(choices=("relu", "tanh")))
        (array([1, 0]), 2)
    """
    if isinstance(hole, Choices):
        return np.array([hole.choices.index(value) for value in values]), len(hole.choices)
    numbers = np.array(values, dtype=float)
    low, high = (hole.low, hole.high) if isinstance(hole, (Range, Ratio)) else (numbers.min(), numbers.max())
    steps = STEPS
    if isinstance(hole, Range) and hole.integer:
        steps = math.ceil(math.log2(high - low + 1)) + 1 if hole.log else round(high - low) + 1
    steps = min(steps, STEPS)
    if hole.log:
        numbers, low, high = np.log(numbers), math.log(low), math.log(high)
    width = (high - low) / max(steps - 1, 1) or 1.0
    return np.clip(np.ceil((numbers - low) / width - 0.5).astype(np.intp), 0, steps - 1), steps


def _density(counts: npt.NDArray[np.intp], ordered: bool) -> Array:
    """Returns the Parzen estimate over a grid, a uniform prior counting as one observation."""
    where = np.flatnonzero(counts)
    weights = np.append(counts[where], 1.0)
    kernels = _bells(where, counts[where], len(counts)) if ordered else _spikes(where, len(counts))
    return np.asarray(weights / weights.sum() @ kernels)


def _spikes(where: Places, size: int) -> Array:
    kernels = np.full((len(where) + 1, size), 1.0 / (len(where) + 1))
    kernels[np.arange(len(where)), where] += 1
    return kernels / kernels.sum(axis=1, keepdims=True)


def _bells(where: Places, counts: Places, size: int) -> Array:
    """Normal kernels on the grid, cut off at its ends, with the width of Scott's rule; the last one is the prior."""
    total, upto = counts.sum(), np.cumsum(counts)
    mean = where @ counts / total
    spread = math.sqrt((where - mean) ** 2 @ counts / max(1, total - 1))
    first = np.searchsorted(upto, total // 4, side="left")
    third = min(len(where) - 1, int(np.searchsorted(upto, total * 3 // 4, side="right")))
    scott = 1.059 * min((where[third] - where[first]) / 1.34, spread) * total**-0.2
    centres = np.append(where, (size - 1) / 2)[:, None]
    widths = np.append(np.full(len(where), max(scott, 0.5 / 1.64)), size)[:, None]
    edges = special.ndtr((np.arange(size + 1) - 0.5 - centres) / widths)
    return np.asarray(np.diff(edges, axis=1) / (edges[:, -1:] - edges[:, :1]))
