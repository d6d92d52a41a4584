from pathlib import Path

import numpy as np
import pytest
import torch

from clr_study.data import DATASETS, load_splits
from clr_study.errors import SpecError, UnknownKindError

TABLE = {"kind": "synthetic", "samples": 200, "features": 3, "classes": 2}


def test_it_loads_the_kind_with_its_arguments_and_holds_out():
    whole, held = DATASETS["synthetic"](samples=200, features=3, classes=2), load_splits(TABLE, validation=40)
    assert (len(held.train), len(held.validation), len(held.test)) == (120, 40, 40)
    assert torch.equal(held.test.inputs, whole.test.inputs)
    everyone = torch.cat([held.train.inputs, held.validation.inputs])
    assert torch.equal(everyone.sort(0).values, whole.train.inputs.sort(0).values)


def test_the_same_table_is_loaded_once():
    first = load_splits(TABLE, validation=0.1)
    assert load_splits(dict(reversed(TABLE.items())), validation=0.1) is first
    assert load_splits({**TABLE, "seed": 5}, validation=0.1) is not first
    assert load_splits(TABLE, validation=0.1, seed=1) is not first


def test_one_sample_and_a_whole_fraction_are_not_mixed_up():
    load_splits(TABLE, validation=2)
    with pytest.raises(SpecError, match=r"validation = 2\.0"):
        load_splits(TABLE, validation=2.0)


def test_a_path_object_will_do(tmp_path: Path):
    np.savez(tmp_path / "mine.npz", x=np.eye(8), y=np.array([0, 1] * 4))
    assert len(load_splits({"kind": "npz", "path": tmp_path / "mine.npz"}, validation=2).train) == 6


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        ({"kind": "digit"}, UnknownKindError, "no data set is called 'digit'; did you mean 'digits'"),
        ({"samples": 3}, SpecError, "has no kind; data sets are: breast_cancer, cifar10"),
        ({"kind": "fashion_mnist", "rot": "x"}, SpecError, "fashion_mnist takes no key 'rot'; did you mean 'root'"),
        ({"kind": "digits", "root": "x"}, SpecError, "digits takes no key 'root'; it takes none"),
        ({"kind": "npz"}, SpecError, "npz needs the key 'path'"),
        ({"kind": "npz", "path": object()}, SpecError, "no study file can hold"),
    ],
)
def test_a_wrong_table_is_refused(table, error, message):
    with pytest.raises(error, match=message):
        load_splits(table)
