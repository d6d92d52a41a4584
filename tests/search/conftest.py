from __future__ import annotations

import pytest

from clr_study.spec import parse_study

SMALL = """
name = "small"
question = "Does it run?"
data = { kind = "digits", validation = 0.2 }
model = { kind = "mlp", hidden = [8] }
train = { batch_size = 64, updates = 24, evaluations = 4 }
search = { trials = 4, seed = 1 }
measure = { seeds = 3 }
target = { accuracy = 0.5 }
[arms.constant.schedule]
kind = "constant"
lr = { low = 1e-2, high = 1.0, log = true }
[arms.clr.schedule]
kind = "triangular"
max_lr = { low = 1e-2, high = 1.0, log = true }
base_lr = { times = "max_lr", low = 0.05, high = 0.5 }
step_size = { low = 3, high = 12 }
"""


@pytest.fixture(scope="session")
def small():
    """A study that trains for a second, and how to change its text."""

    def make(*changes: tuple[str, str]):
        text = SMALL
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        return parse_study(text)

    return make
