from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clr_study.schedules import Cosine, Decay, Exponential, Inverse, Linear, Polynomial

steady = settings(derandomize=True, deadline=None, max_examples=100)


@steady
@given(lr=st.floats(1e-6, 1e3), ratio=st.floats(0, 0.99), updates=st.integers(1, 2000), power=st.floats(0.1, 5))
def test_the_fall_goes_from_lr_to_end_lr_and_stays(lr, ratio, updates, power):
    ends = {"lr": lr, "end_lr": ratio * lr, "updates": updates}
    for schedule in (Linear(**ends), Cosine(**ends), Polynomial(**ends, power=power)):
        lrs = schedule.table(updates + 50)
        assert lrs[0] == pytest.approx(lr, rel=1e-15)
        assert np.all(lrs[updates:] == ratio * lr)
        assert np.all(np.diff(lrs) <= 0)


def test_linear_is_a_polynomial_of_power_one():
    arguments = {"lr": 0.3, "end_lr": 0.01, "updates": 777}
    np.testing.assert_array_equal(Linear(**arguments).table(900), Polynomial(**arguments, power=1).table(900))


def test_decay_is_linear_with_a_floor():
    decay = Decay(base_lr=0.001, max_lr=0.007, step_size=4000).table(5000)
    np.testing.assert_array_equal(decay, Linear(lr=0.007, end_lr=0.001, updates=4000).table(5000))


def test_the_last_update_of_a_fall_is_not_wasted():
    assert Linear(lr=1, updates=100).table(100)[-1] == pytest.approx(0.01)
    assert Cosine(lr=1, updates=100).table(100)[-1] > 0


def test_no_fall_has_a_cycle():
    for schedule in (Exponential(lr=1, gamma=0.9), Decay(base_lr=0.1, max_lr=1, step_size=3)):
        assert schedule.cycle is None
        assert schedule.cycle_ends(100) == ()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Linear(lr=0.1, end_lr=0.1, updates=3), "end_lr < lr must hold, but got end_lr=0.1, lr=0.1"),
        (lambda: Cosine(lr=0.1, end_lr=-0.1, updates=3), "end_lr >= 0 must hold, but got end_lr=-0.1"),
        (lambda: Cosine(lr=0, updates=3), "end_lr < lr must hold, but got end_lr=0.0, lr=0.0"),
        (lambda: Linear(lr=0.1, updates=0), "updates >= 1 must hold, but got updates=0"),
        (lambda: Polynomial(lr=0.1, updates=3, power=0), "power > 0 must hold, but got power=0.0"),
        (lambda: Inverse(lr=0.1, gamma=0, power=1), "gamma > 0 must hold, but got gamma=0.0"),
        (lambda: Inverse(lr=0.1, gamma=1, power=0), "power > 0 must hold, but got power=0.0"),
        (lambda: Exponential(lr=0.1, gamma=1.1), "0 < gamma <= 1 must hold, but got gamma=1.1"),
        (
            lambda: Decay(base_lr=1, max_lr=1, step_size=3),
            "base_lr < max_lr must hold, but got base_lr=1.0, max_lr=1.0",
        ),
        (lambda: Decay(base_lr=0, max_lr=1, step_size=0), "step_size > 0 must hold, but got step_size=0.0"),
    ],
)
def test_bad_arguments_are_refused(build, message):
    with pytest.raises(ValueError) as refusal:
        build()
    assert str(refusal.value) == message
