from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from clr_study.errors import UnknownKindError
from clr_study.schedules import Constant, Linear, Schedule, Triangular, schedule_from_dict


def test_numbers_are_kept_in_one_form_so_that_equal_schedules_write_equal_tables():
    assert repr(Constant(lr=1)) == "Constant(lr=1.0)"
    assert Constant(lr=np.float32(0.5)).to_dict() == {"kind": "constant", "lr": 0.5}


def test_arguments_at_none_stay_out_of_the_table():
    table = Triangular(base_lr=1, max_lr=2, step_size=3).to_dict()
    assert table == {"kind": "triangular", "base_lr": 1.0, "max_lr": 2.0, "step_size": 3.0}


def test_schedules_of_two_classes_differ_even_with_equal_fields():
    arguments = {"base_lr": 1, "max_lr": 2, "step_size": 3}
    tables = [{"kind": kind, **arguments} for kind in ("triangular", "triangular2", "parabolic", "sinusoidal")]
    assert len({schedule_from_dict(table) for table in tables}) == 4


@pytest.mark.parametrize("table", [{"kind": "triangle"}, {"lr": 1.0}])
def test_an_unknown_kind_is_refused(table):
    with pytest.raises(UnknownKindError, match="no schedule is called"):
        schedule_from_dict(table)


def test_an_unknown_argument_is_refused():
    with pytest.raises(TypeError, match="step_sizes"):
        schedule_from_dict({"kind": "constant", "lr": 1.0, "step_sizes": 3})


def test_a_cycle_needs_a_way_to_be_stretched():
    @dataclass(frozen=True, kw_only=True)
    class Sawtooth(Schedule):
        period: float

        @property
        def cycle(self):
            return self.period

        def rules(self):
            return {"period > 0": self.period > 0}

        def formula(self, t):
            return 1 - t % self.period / self.period

    saw = Sawtooth(period=4)
    assert saw.cycle_ends(9) == (4, 8)
    assert saw.fitted(8) is saw
    with pytest.raises(NotImplementedError, match=r"Sawtooth has a cycle of 4.0, so it has to have with_cycle"):
        saw.fitted(9)


def test_torch_writes_into_a_tensor_learning_rate_in_place():
    lr = torch.tensor(7.0, dtype=torch.float64)
    optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler = Linear(lr=0.5, updates=4).to_torch(optimizer)
    seen = []
    for _ in range(4):
        seen.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    assert seen == [0.5, 0.375, 0.25, 0.125]
    assert optimizer.param_groups[0]["lr"] is lr


def test_torch_forgets_the_scheduler_before():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=3.0)
    torch.optim.lr_scheduler.StepLR(optimizer, step_size=1)
    Constant(lr=0.25).to_torch(optimizer)
    assert optimizer.param_groups[0]["lr"] == 0.25


def test_loading_a_checkpoint_leaves_the_schedule_as_it_is():
    def scheduler_of(schedule):
        return schedule.to_torch(torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0))

    one, other = Constant(lr=0.25), Constant(lr=0.5)
    loaded = scheduler_of(other)
    loaded.load_state_dict(scheduler_of(one).state_dict())
    assert other == Constant(lr=0.5)
    assert one == Constant(lr=0.25)


def test_importing_schedules_does_not_import_torch():
    code = "import sys, clr_study.schedules; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
