import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clr_study.data
from clr_study.data.order import batch_indices, generator, permutation, replicate_seeds
from clr_study.errors import DataError


def test_the_raw_stream_is_pinned():
    assert generator(3, 5, "crop").bit_generator.random_raw(2).tolist() == [16274253243037357976, 1210113698268724262]


def test_draws_are_pinned():
    assert generator(3, 5, "crop").integers(0, 9, size=6).tolist() == [5, 7, 2, 0, 8, 7]


def test_permutations_are_pinned():
    assert permutation(3, 5, "order", 8).tolist() == [4, 5, 7, 2, 0, 3, 1, 6]


def test_replicate_seeds_are_pinned():
    assert replicate_seeds("étude <1>", 1, "search", 2) == (2049639985, 528349053)


@pytest.mark.parametrize("other", [(4, 5, "crop"), (3, 6, "crop"), (3, 5, "flip"), (35, 0, "crop")])
def test_seed_counter_and_purpose_each_change_the_stream(other):
    here, there = generator(3, 5, "crop"), generator(*other)
    assert here.bit_generator.random_raw() != there.bit_generator.random_raw()


def test_a_numpy_integer_seed_draws_what_a_python_one_does():
    assert np.array_equal(permutation(np.int64(3), np.int32(5), "order", 9), permutation(3, 5, "order", 9))


def test_every_position_of_a_permutation_is_uniform():
    size, rounds = 5, 4000
    orders = np.stack([permutation(0, epoch, "order", size) for epoch in range(rounds)])
    counts = np.stack([np.bincount(orders[:, place], minlength=size) for place in range(size)])
    expected = rounds / size
    # 16 degrees of freedom; 40 is the 0.9992 quantile of chi squared.
    assert ((counts - expected) ** 2 / expected).sum() < 40


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    samples=st.integers(1, 50),
    batch_size=st.integers(1, 50),
    start=st.integers(0, 40),
    first=st.integers(0, 20),
    second=st.integers(0, 20),
)
def test_any_pieces_make_the_same_order(samples, batch_size, start, first, second):
    if batch_size > samples:
        with pytest.raises(DataError, match="batch_size"):
            batch_indices(7, start, start + first, samples, batch_size)
        return
    middle, stop = start + first, start + first + second
    whole = batch_indices(7, start, stop, samples, batch_size)
    pieces = [batch_indices(7, start, middle, samples, batch_size), batch_indices(7, middle, stop, samples, batch_size)]
    assert whole.shape == (stop - start, batch_size)
    assert np.array_equal(whole, np.concatenate(pieces))


def test_an_epoch_sees_no_sample_twice_and_drops_the_last_partial_batch():
    samples, batch_size = 23, 5
    epochs = batch_indices(1, 0, 8, samples, batch_size).reshape(2, 20)
    assert all(len(set(epoch)) == 20 for epoch in epochs.tolist())
    assert not np.array_equal(epochs[0], epochs[1])
    assert epochs.min() >= 0
    assert epochs.max() < samples


def test_order_follows_the_permutation_of_its_epoch():
    indices = batch_indices(9, 4, 8, samples=8, batch_size=2)
    assert np.array_equal(indices.reshape(-1), permutation(9, 1, "order", 8))


def test_the_result_is_the_callers_to_change():
    first = batch_indices(2, 0, 2, 8, 4)
    first[:] = -1
    assert batch_indices(2, 0, 2, 8, 4).min() >= 0


def test_a_batch_larger_than_the_split_names_both():
    with pytest.raises(DataError, match="batch_size = 128 does not fit a training split of 100 samples"):
        batch_indices(0, 0, 1, samples=100, batch_size=128)


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (4, 3)])
def test_updates_must_run_forwards_from_zero(start, stop):
    with pytest.raises(ValueError, match="start <= stop"):
        batch_indices(0, start, stop, samples=10, batch_size=2)


def test_replicate_seeds_are_distinct_and_only_appended_to():
    many = replicate_seeds("study", 1, "measure", 500)
    assert len(set(many)) == 500
    assert all(0 <= seed < 2**31 for seed in many)
    assert replicate_seeds("study", 1, "measure", 8) == many[:8]


def test_studies_base_seeds_and_phases_share_no_replicate_seeds():
    groups = [("study", 1, "measure"), ("study", 1, "search"), ("study", 2, "measure"), ("other", 1, "measure")]
    drawn = [seed for group in groups for seed in replicate_seeds(*group, 100)]
    assert len(set(drawn)) == 400


def test_order_is_importable_without_torch():
    script = "import sys, clr_study.data.order; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("name", clr_study.data.__all__)
def test_every_public_name_is_there(name):
    assert getattr(clr_study.data, name) is not None


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="no attribute 'load_split'"):
        _ = clr_study.data.load_split
