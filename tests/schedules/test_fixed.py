from __future__ import annotations

import pytest

from clr_study.schedules import Constant, MultiStep, Step


def test_a_step_falls_at_its_update_not_after_it():
    step = Step(lr=1, gamma=0.5, every=10)
    assert [step(t) for t in (0, 9, 10, 19, 20)] == [1.0, 1.0, 0.5, 0.5, 0.25]


def test_a_milestone_is_the_first_update_with_the_lower_rate():
    multistep = MultiStep(lr=1, gamma=0.5, milestones=(1, 10))
    assert [multistep(t) for t in (0, 1, 9, 10, 1000)] == [1.0, 0.5, 0.5, 0.25, 0.25]


@pytest.mark.parametrize("milestones", [[], [0, 3], [3, 3], [5, 3], [-1], [2.5], 3])
def test_bad_milestones_are_refused(milestones):
    with pytest.raises(ValueError, match=r"milestones.*, but got milestones"):
        MultiStep(lr=1, gamma=0.5, milestones=milestones)


@pytest.mark.parametrize("gamma", [0, -0.5, 1.5])
def test_bad_factors_are_refused(gamma):
    with pytest.raises(ValueError, match="0 < gamma <= 1 must hold, but got gamma="):
        Step(lr=1, gamma=gamma, every=3)
    with pytest.raises(ValueError, match="0 < gamma <= 1 must hold, but got gamma="):
        MultiStep(lr=1, gamma=gamma, milestones=[3])


def test_a_learning_rate_of_zero_is_refused():
    with pytest.raises(ValueError, match=r"^lr > 0 must hold, but got lr=0.0$"):
        Constant(lr=0)
