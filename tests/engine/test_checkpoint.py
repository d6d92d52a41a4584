"""A state on the disk: whole or not there, and the same when it comes back."""

from __future__ import annotations

import hashlib
import json

import pytest
import torch
from safetensors.torch import load, save

from clr_study.engine import Lanes, Training, load_task, read_checkpoint, write_checkpoint
from clr_study.spec import TrialSpec

DIGITS = {"kind": "digits", "validation": 0.2}


@pytest.fixture(scope="module")
def lanes() -> Lanes:
    """A state with everything in it: statistics of BatchNorm (integers among them), two slots, seconds."""
    spec = TrialSpec(
        study="test",
        data=DIGITS,
        model={"kind": "small_cnn", "width": 2, "norm": "batch"},
        optim={"kind": "adam"},
        schedule={"kind": "constant", "lr": 0.01},
        batch_size=8,
        updates=4,
        evaluate_at=(4,),
        seed=1,
        test=False,
    )
    training = Training([spec, spec], load_task(DIGITS))
    list(training.run(until=2))
    return training.lanes


def test_a_state_comes_back_bit_for_bit(lanes, tmp_path):
    path = tmp_path / "deep" / "er" / "state.safetensors"
    digest = write_checkpoint(lanes, path)
    again = read_checkpoint(path, digest)
    assert again.update == lanes.update == 2
    mine, theirs = lanes.tensors(), again.tensors()
    assert mine.keys() == theirs.keys()
    assert {name.split("/")[0] for name in mine} == {"param", "buffer", "slot", "seconds"}
    for name, tensor in mine.items():
        assert tensor.dtype == theirs[name].dtype
        assert torch.equal(tensor, theirs[name]), name
    assert {slot: set(names) for slot, names in again.slots.items()} == {
        slot: set(names) for slot, names in lanes.slots.items()
    }


def test_lanes_out_of_order_and_views_are_written_as_they_are(lanes, tmp_path):
    path = tmp_path / "state"
    swapped = lanes.take([1, 0])
    again = read_checkpoint(path, write_checkpoint(swapped, path))
    for name, tensor in lanes.tensors().items():
        assert torch.equal(again.tensors()[name], tensor.flip(0)), name


def test_nothing_but_the_file_is_left(lanes, tmp_path):
    path = tmp_path / "state"
    write_checkpoint(lanes, path)
    second = write_checkpoint(lanes.take([0]), path)
    assert [file.name for file in tmp_path.iterdir()] == ["state"]
    assert len(read_checkpoint(path, second)) == 1


def test_a_write_that_fails_leaves_what_was_there(lanes, tmp_path, monkeypatch):
    path = tmp_path / "state"
    digest = write_checkpoint(lanes, path)

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_checkpoint(lanes.take([0]), path)
    assert [file.name for file in tmp_path.iterdir()] == ["state"]
    assert len(read_checkpoint(path, digest)) == 2


def test_a_file_of_another_writer_is_refused(lanes, tmp_path):
    """Its checksum is right, its content is not ours."""
    path = tmp_path / "state"
    for blob in (
        b"",
        b"\x00" * 8,
        b"not safetensors at all",
        save({"param/w": torch.zeros(2)}),
        save({"param/w": torch.zeros(2)}, metadata={"clr_study": json.dumps({"update": 3})}),
        save({"seconds": torch.zeros(2)}, metadata={"clr_study": "{"}),
    ):
        path.write_bytes(blob)
        assert read_checkpoint(path, hashlib.sha256(blob).hexdigest()) is None
    assert read_checkpoint(tmp_path, "0" * 64) is None
    assert read_checkpoint(tmp_path / "none", "0" * 64) is None


def test_the_file_is_plain_safetensors(lanes, tmp_path):
    path = tmp_path / "state"
    write_checkpoint(lanes, path)
    assert load(path.read_bytes()).keys() == lanes.tensors().keys()
