"""The best arm is called better by mistake in at most 5 % of the studies, though it was picked by its own runs.

Simulated, and held against Holm over the best arm's own comparisons, which does not keep that.
"""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from clr_study.analysis.significance import holm, sign_flip_p, step_down_p

STUDIES, SEEDS, ARMS = 400, 8, 4
PAIRS = list(combinations(range(ARMS), 2))
NOISE = {
    "normal": lambda rng: rng.normal(size=(SEEDS, ARMS)),
    "skewed": lambda rng: -rng.exponential(size=(SEEDS, ARMS)),
    "shared": lambda rng: rng.normal(size=(SEEDS, 1)) + 0.3 * rng.normal(size=(SEEDS, ARMS)),
    "unequal": lambda rng: rng.normal(size=(SEEDS, ARMS)) * [0.3, 1, 2, 3],
}


def claims(values):
    """The best arm of these values [seeds, arms], and which others it is shown to be better than."""
    best = int(values.mean(axis=0).argmax())
    ps = step_down_p(np.column_stack([values[:, first] - values[:, second] for first, second in PAIRS]))
    return best, {sum(pair) - best for pair, p in zip(PAIRS, ps, strict=True) if best in pair and p < 0.05}


def claims_by_holm(values):
    """Whether Holm over the best arm's own pairs shows anything."""
    best = int(values.mean(axis=0).argmax())
    ps = [sign_flip_p(values[:, best] - values[:, other]) for other in range(ARMS) if other != best]
    return holm(np.array(ps)).min() < 0.05


@pytest.mark.parametrize("law", NOISE)
def test_the_best_of_equal_arms_is_rarely_called_better(law):
    rng = np.random.default_rng(6)
    studies = [NOISE[law](rng) for _ in range(STUDIES)]
    most = stats.binom.ppf(0.99, STUDIES, 0.05) / STUDIES
    assert np.mean([bool(claims(study)[1]) for study in studies]) <= most
    if law == "skewed":
        assert np.mean([claims_by_holm(study) for study in studies]) > most


def test_a_false_claim_is_as_rare_beside_arms_that_do_differ_and_true_ones_are_made():
    rng, means = np.random.default_rng(8), np.array([0.0, 0.0, -1.5, -1.5])
    found = [claims(means + rng.normal(size=(SEEDS, ARMS))) for _ in range(STUDIES)]
    assert np.mean([any(means[other] >= means[best] for other in shown) for best, shown in found]) <= 0.05
    assert np.mean([bool(shown) for _, shown in found]) > 0.4
