from __future__ import annotations

import pytest

FILE = """
name = "tiny"
question = "Does the command line show it?"
data = { kind = "digits", validation = 0.2 }
model = { kind = "mlp", hidden = [8] }
train = { batch_size = 64, updates = 12, evaluations = 2 }
measure = { seeds = 3 }
[arms.fixed.schedule]
kind = "constant"
lr = 0.001
[arms.clr.schedule]
kind = "triangular"
max_lr = 0.4
base_lr = 0.02
step_size = 6
"""


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """The URL of a storage in which the study `tiny` is done."""
    from clr_study.search import Where, run_study
    from clr_study.spec import parse_study

    folder = tmp_path_factory.mktemp("stored")
    url = f"sqlite:///{folder}/s.db"
    run_study(parse_study(FILE), Where(storage=url, out=str(folder / "out"), devices="cpu"))
    return url
