import numpy as np
import pytest
from scipy.ndimage import generic_filter

from clr_study.analysis.ramps import (
    accuracy_reading,
    before_first_gap,
    lr_at,
    ragged_from,
    running_median,
    scatter,
    smoothed,
    top,
    upward_crossing,
)

NAN = float("nan")
RNG = np.random.default_rng(8)


@pytest.mark.parametrize(("n", "window"), [(6, 3), (40, 5), (41, 7), (5, 5)])
def test_the_running_median_is_scipys(n, window):
    values = np.random.default_rng(n).random(n)
    # Not SciPy's median_filter, which before 1.15.2 is wrong beside the ends.
    assert running_median(values, window) == pytest.approx(generic_filter(values, np.median, size=window))


def test_smoothing_leaves_a_rising_curve_alone_and_takes_out_a_spike():
    rising = np.linspace(0, 1, 40)
    spiked = rising.copy()
    spiked[20] = 5
    assert smoothed(rising) == pytest.approx(rising, abs=0.03)
    assert smoothed(spiked) == pytest.approx(rising, abs=0.03)


def test_a_rise_between_the_first_two_looks_is_kept():
    values = np.append(0.1, np.full(39, 0.9))
    assert smoothed(values) == pytest.approx(values)
    found = accuracy_reading(np.linspace(0.01, 1, 40), np.append(values[:30], np.full(10, 0.2)))
    assert 0.01 < found.base_lr < 0.02
    assert found.max_lr > 0.1


def test_scatter_finds_the_noise_on_a_curve():
    values = np.sin(np.linspace(0, 3, 400)) + RNG.normal(0, 0.02, 400)
    assert scatter(values) == pytest.approx(0.02, rel=0.15)
    assert scatter(np.array([0.0, 1.0])) == 0


@pytest.mark.parametrize("values", [[], [1.0, 2.0], [NAN, 1.0], [1.0, np.inf, 2.0]])
def test_before_the_first_gap(values):
    brute = next((place for place, value in enumerate(values) if not np.isfinite(value)), len(values))
    assert before_first_gap(np.array(values)) == brute


@pytest.mark.parametrize("lrs", [np.geomspace(1e-4, 1, 30), np.linspace(1e-4, 1, 30), np.linspace(0, 0.02, 30)])
def test_lr_at_follows_the_ramp(lrs):
    assert [lr_at(lrs, place) for place in range(30)] == pytest.approx(lrs.tolist())
    between = lr_at(lrs, 10.5)
    mean = np.sqrt(lrs[10] * lrs[11]) if lrs[29] / lrs[28] == pytest.approx(lrs[9] / lrs[8]) else lrs[10:12].mean()
    assert between == pytest.approx(mean)


def test_crossings_and_their_absence():
    assert upward_crossing(np.array([1.0, 0.0]), 0.5, last=False) is None
    assert upward_crossing(np.array([0.0, 0.4, 0.5]), 0.5, last=True) == 2.0


def test_the_top_of_a_plateau_is_its_middle_up_to_either_end():
    assert top(np.array([0.0, 1.0, 1.0, 1.0, 0.0]), 0.1) == 2
    assert top(np.array([1.0, 0.95, 0.0]), 0.1) == 0.5
    assert top(np.array([0.0, 0.95, 1.0]), 0.1) == 1.5


def test_raggedness_begins_where_the_noise_grows():
    calm = np.linspace(0, 1, 60)
    rough = calm + np.where(np.arange(60) >= 40, RNG.normal(0, 0.3, 60), 0)
    assert ragged_from(calm, 10, 0.0, 1.0) is None
    assert 36 <= ragged_from(rough, 10, 0.0, 1.0) <= 44
    assert ragged_from(rough, 52, 0.0, 1.0) is None  # too little is left to tell


def test_a_reading_names_what_ended_the_good_region():
    lrs = np.geomspace(1e-3, 1, 40)
    rise = 1 / (1 + (0.01 / lrs) ** 4)
    diverged = np.where(np.arange(40) < 34, rise, NAN)
    assert f"a run has diverged at {lrs[34]:.3g}" in accuracy_reading(lrs, diverged).note
    assert "no upper bound found up to 1." in accuracy_reading(lrs, rise).note
    wild = rise + np.where(lrs > 0.3, np.where(np.arange(40) % 2, 0, -0.3), 0)
    assert "is ragged from" in accuracy_reading(lrs, wild).note
    assert accuracy_reading(lrs, np.where(np.arange(40) < 2, 0.1, NAN)).note.startswith("Diverged by an LR of 0.00")
