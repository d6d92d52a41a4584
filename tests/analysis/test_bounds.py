import numpy as np
import pytest

from clr_study.analysis.bounds import minimum, smith, steep, valley

LRS = np.geomspace(1e-4, 1.0, 40)
RISE_AT, FALL_AT = 0.01, 0.3
NAN = float("nan")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def curve(lrs=LRS, *, width=0.4, drop=0.2, floor=0.1, height=0.7, falls=True):
    """Half of the rise is at RISE_AT, half of the fall at FALL_AT; widths in powers of e."""
    up = sigmoid((np.log(lrs) - np.log(RISE_AT)) / width)
    down = sigmoid((np.log(FALL_AT) - np.log(lrs)) / drop) if falls else 1.0
    return floor + height * up * down


def noisy(values, noise, seeds=3, seed=0):
    return values + np.random.default_rng(seed).normal(0, noise, size=(seeds, len(values)))


def tenth_of_the_rise(width):
    return RISE_AT * np.exp(-width * np.log(9))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("noise", [0.0, 0.01, 0.03])
@pytest.mark.parametrize(
    "shape", [{}, {"width": 0.15, "drop": 0.05}, {"width": 0.8, "drop": 0.4}, {"floor": 0.01, "height": 0.3}]
)
def test_a_known_rise_and_fall_are_found(shape, noise, seed):
    accuracies = noisy(curve(**shape), noise, seed=seed)
    found = smith(LRS, accuracies, accuracies)
    assert found.base_lr == pytest.approx(tenth_of_the_rise(shape.get("width", 0.4)), rel=0.5)
    # The top lies between rise and fall; half a decade of it is flat, and noise may move it there.
    assert 2.5 * RISE_AT < found.max_lr < 0.8 * FALL_AT


@pytest.mark.parametrize("looks", [20, 40, 100])
def test_the_answer_does_not_hang_on_the_number_of_looks(looks):
    lrs = np.geomspace(1e-4, 1.0, looks)
    found = smith(lrs, curve(lrs)[None], curve(lrs)[None])
    assert found.base_lr == pytest.approx(tenth_of_the_rise(0.4), rel=0.1)
    assert found.max_lr == pytest.approx(0.078, rel=0.2)


def test_a_linear_ramp_is_read_on_its_own_scale():
    lrs = np.linspace(1e-4, 0.6, 40)
    found = smith(lrs, curve(lrs)[None], curve(lrs)[None])
    assert 0.0 < found.base_lr < 2 * RISE_AT
    assert RISE_AT < found.max_lr < FALL_AT


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.03])
def test_without_a_fall_there_is_no_upper_bound(noise):
    accuracies = noisy(curve(falls=False), noise)
    found = smith(LRS, accuracies, accuracies)
    assert found.base_lr == pytest.approx(tenth_of_the_rise(0.4), rel=0.5)
    assert (found.max_lr, found.max_lr_spread) == (None, None)
    assert found.note.endswith("no upper bound found up to 1.")
    assert found.base_lr_spread is not None


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.03])
def test_without_a_rise_there_is_no_bound_at_all(noise):
    accuracies = noisy(np.full(40, 0.1), noise)
    found = smith(LRS, accuracies, accuracies)
    assert (found.base_lr, found.max_lr) == (None, None)
    assert found.note == "Nothing was learned up to an LR of 1: no bound is found."


def test_a_fall_alone_is_no_rise():
    falling = 0.9 - curve(falls=False)
    assert smith(LRS, falling[None], falling[None]).base_lr is None


def test_divergence_ends_the_good_region_at_the_first_seed_s():
    accuracies = noisy(curve(falls=False), 0.005)
    accuracies[2, 30:] = NAN
    found = smith(LRS, accuracies, accuracies)
    assert RISE_AT < found.max_lr < LRS[30]
    assert f"a run has diverged at {LRS[30]:.3g}" in found.note


def test_a_divergence_during_the_rise_leaves_max_lr_below_it():
    steep_rise = curve(falls=False)[None].repeat(3, axis=0)
    steep_rise[:, 21:] = NAN
    found = smith(LRS, steep_rise, steep_rise)
    assert found.base_lr < found.max_lr < LRS[21]


def test_a_ragged_end_is_an_end():
    accuracies = noisy(curve(falls=False), 0.002)
    accuracies[:, 30:] += np.random.default_rng(1).normal(0, 0.15, size=10)
    found = smith(LRS, accuracies, accuracies)
    assert RISE_AT < found.max_lr <= LRS[31]


def test_one_fallen_look_is_not_a_fall():
    accuracies = curve(falls=False)[None].repeat(3, axis=0)
    accuracies[:, 33] = 0.1
    assert smith(LRS, accuracies, accuracies).max_lr is None


def test_a_range_that_starts_too_high_says_so():
    high = LRS[20:]
    found = smith(high, curve(high)[None], curve(high)[None])
    assert found.base_lr <= high[1]
    assert "the first one tried" in found.note


def test_the_spread_is_that_of_the_seeds_alone():
    accuracies = np.stack([curve(), np.roll(curve(), 3), np.roll(curve(), 6)])
    accuracies[1:, :6] = 0.1
    found = smith(LRS, accuracies, accuracies)
    alone = [smith(LRS, one[None], one[None]) for one in accuracies]
    assert found.max_lr_spread == (alone[0].max_lr, alone[2].max_lr)
    assert found.base_lr_spread == (alone[0].base_lr, alone[2].base_lr)
    assert found.base_lr_spread[0] < found.base_lr < found.base_lr_spread[1]


def test_seeds_that_find_nothing_are_not_in_the_spread():
    accuracies = np.stack([curve(), curve(falls=False), curve(falls=False)])
    assert smith(LRS, accuracies, accuracies).max_lr_spread is None


def longest_fall(losses):
    """All falling subsequences, the first of the longest ones to end: its last place and its length."""
    chains = [[0]]
    for place in range(1, len(losses)):
        chains += [[*chain, place] for chain in chains if losses[chain[-1]] > losses[place]] + [[place]]
    length = max(map(len, chains))
    return min(chain[-1] for chain in chains if len(chain) == length), length


@pytest.mark.parametrize("seed", range(6))
def test_valley_is_half_way_down_the_longest_fall(seed):
    losses = np.random.default_rng(seed).permutation(np.linspace(1, 2, 11))
    end, length = longest_fall(losses.tolist())
    place = max(0, end - length + int(length / 3) + int(length / 6))
    assert valley(LRS[:11], losses[None], losses[None]).max_lr == LRS[place]


def test_the_loss_rules_on_a_known_loss():
    lrs = np.geomspace(1e-5, 10.0, 61)  # ten points a decade
    losses = np.where(lrs < 1e-3, 2.5, 2.5 - np.log10(lrs / 1e-3).clip(0, 2))
    losses = np.where(lrs > 0.1, losses[40] + 5 * np.log10(lrs / 0.1).clip(0), losses)
    assert minimum(lrs, losses[None], losses[None]).max_lr == pytest.approx(0.01)
    assert 1e-3 <= steep(lrs, losses[None], losses[None]).max_lr < 0.1
    found = valley(lrs, losses[None], losses[None])
    assert 3e-3 < found.max_lr < 3e-2
    assert found.base_lr is None
    assert found.note == f"max_lr is {found.max_lr:.3g}; this rule finds no base_lr."


def test_steep_is_the_steepest_step_in_log_lr():
    losses = np.array([3.0, 2.9, 2.0, 1.5, 1.4])
    lrs = np.array([0.1, 0.2, 0.8, 0.9, 1.0])
    slopes = [(losses[k + 1] - losses[k]) / np.log(lrs[k + 1] / lrs[k]) for k in range(4)]
    assert steep(lrs, losses[None], losses[None]).max_lr == lrs[int(np.argmin(slopes))]


def test_beyond_four_times_its_best_a_loss_is_not_read():
    losses = np.array([2.0, 1.5, 1.0, 4.1, 0.1, 0.05])
    assert minimum(LRS[:6], losses[None], losses[None]).max_lr == pytest.approx(LRS[2] / 10)


@pytest.mark.parametrize("rule", [valley, steep, minimum])
def test_a_rising_loss_has_no_bound(rule):
    losses = np.linspace(1, 3, 40)
    found = rule(LRS, losses[None], losses[None])
    assert found.max_lr is None
    assert found.note == "The loss never fell up to an LR of 1."
