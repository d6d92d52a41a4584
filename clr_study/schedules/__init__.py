"""Learning-rate schedules: frozen values that can be called with an update and return the learning rate.

A schedule knows the number of updates done and nothing else. One that watches the loss, such as
reduce-on-plateau, is not a function of the update and has no place here: it could not become a row of a table before
training starts, nor be resumed from an update number alone.
"""

from clr_study.schedules.base import SCHEDULES, Schedule, add, schedule_from_dict
from clr_study.schedules.compose import Joined, OneCycle, Trapezoid
from clr_study.schedules.cyclic import (
    ExpRange,
    Parabolic,
    Sinusoidal,
    Triangular,
    Triangular2,
    WarmRestarts,
)
from clr_study.schedules.decay import Cosine, Decay, Exponential, Inverse, Linear, Polynomial
from clr_study.schedules.fixed import Constant, MultiStep, Multistep, Step
from clr_study.schedules.ramp import ExponentialRamp, LinearRamp

__all__ = [
    "SCHEDULES",
    "Constant",
    "Cosine",
    "Decay",
    "ExpRange",
    "Exponential",
    "ExponentialRamp",
    "Inverse",
    "Joined",
    "Linear",
    "LinearRamp",
    "MultiStep",
    "Multistep",
    "OneCycle",
    "Parabolic",
    "Polynomial",
    "Schedule",
    "Sinusoidal",
    "Step",
    "Trapezoid",
    "Triangular",
    "Triangular2",
    "WarmRestarts",
    "add",
    "schedule_from_dict",
]
