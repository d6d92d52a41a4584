from __future__ import annotations

import numpy as np
import pytest

from clr_study.schedules import ExponentialRamp, LinearRamp


def test_a_linear_ramp_rises_by_equal_steps_and_then_stays():
    lrs = LinearRamp(low=0.5, high=2.5, updates=8).table(10)
    np.testing.assert_allclose(np.diff(lrs), [0.25] * 8 + [0], rtol=1e-12)
    assert (lrs[0], lrs[8]) == (0.5, 2.5)


def test_an_exponential_ramp_rises_by_equal_factors_and_then_stays():
    lrs = ExponentialRamp(low=1e-5, high=10, updates=60).table(62)
    np.testing.assert_allclose(lrs[1:] / lrs[:-1], [10**0.1] * 60 + [1], rtol=1e-12)
    assert lrs[0] == 1e-5
    assert lrs[61] == pytest.approx(10)


@pytest.mark.parametrize(
    ("low", "high", "updates", "message"),
    [
        (0.1, 0.1, 5, "low < high must hold, but got low=0.1, high=0.1"),
        (0.2, 0.1, 5, "low < high must hold, but got low=0.2, high=0.1"),
        (0.1, 0.2, 0, "updates >= 1 must hold, but got updates=0"),
    ],
)
def test_bad_ramps_are_refused(low, high, updates, message):
    for ramp in (LinearRamp, ExponentialRamp):
        with pytest.raises(ValueError) as refusal:
            ramp(low=low, high=high, updates=updates)
        assert str(refusal.value) == message


def test_only_the_linear_ramp_may_start_at_zero():
    assert LinearRamp(low=0, high=1, updates=5)(0) == 0.0
    with pytest.raises(ValueError, match=r"^low > 0 must hold, but got low=0.0$"):
        ExponentialRamp(low=0, high=1, updates=5)
