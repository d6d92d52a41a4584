"""Recorded updates learn bit for bit what others do; without a GPU, by an emulation of CUDA graphs."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from graph_emulation import Borrowed, Elsewhere, ForbiddenError, record

from clr_study.engine import Training, lane_bytes, load_task, read_checkpoint, step_key, write_checkpoint
from clr_study.engine.graphs import Recorded, recorder
from clr_study.engine.stretch import mapped
from clr_study.errors import SpecError
from clr_study.optim import OPTIMIZERS
from clr_study.spec import TrialSpec

DIGITS = {"kind": "digits", "validation": 0.2}
MOVED = [{"kind": "flip"}, {"kind": "crop", "pad": 1}, {"kind": "cutout", "size": 2}]
TEXT = {"kind": "python_topics", "context": 8, "characters": 4000}
SPEC = TrialSpec(
    study="test",
    data=DIGITS,
    model={"kind": "mlp", "hidden": [16]},
    optim={"kind": "sgd", "momentum": 0.9, "weight_decay": 1e-3},
    schedule={"kind": "triangular", "base_lr": 0.01, "max_lr": 0.1, "step_size": 4},
    batch_size=16,
    updates=13,
    evaluate_at=(7, 13),
    seed=1,
    test=False,
    cuda_graphs=True,
)
SCHEDULES = [
    {"kind": "constant", "lr": 0.05},
    {"kind": "triangular2", "base_lr": 0.01, "max_lr": 0.1, "step_size": 3},
    {"kind": "one_cycle", "max_lr": 0.1, "updates": 13},
    {"kind": "cosine", "lr": 0.1, "updates": 13},
]
WHAT = {
    **{kind: {"optim": {"kind": kind}} for kind in OPTIMIZERS},
    "nesterov": {"optim": {"kind": "sgd", "momentum": 0.9, "nesterov": True}},
    "caffe": {"optim": {"kind": "sgd", "momentum": 0.9, "convention": "caffe"}},
    **{table["kind"]: {"schedule": table} for table in SCHEDULES},
    "small_cnn": {"model": {"kind": "small_cnn", "width": 4}},
    "BatchNorm": {"model": {"kind": "small_cnn", "width": 4, "norm": "batch"}},
    "LRN and multipliers": {"model": {"kind": "cifar10_full"}},
    "Caffe's BatchNorm": {"model": {"kind": "cifar10_full_sigmoid_bn"}},
    "resnet": {"model": {"kind": "resnet", "depth": 8, "width": 2}},
    "densenet": {"model": {"kind": "densenet", "depth": 7, "growth": 2}},
    "text": {"model": {"kind": "char_transformer", "width": 8, "depth": 1, "heads": 2}, "data": TEXT},
    "regression": {"data": {"kind": "diabetes", "validation": 0.2, "loss": {"kind": "huber"}}},
    "two classes as one": {"data": {"kind": "breast_cancer", "validation": 0.2, "loss": {"kind": "bce"}}},
    "augmented": {"data": {**DIGITS, "augment": MOVED}, "model": {"kind": "small_cnn", "width": 4}},
    "windows": {"data": {**DIGITS, "augment": [{"kind": "window", "size": 6}]}},
    "clipped": {"clip": 0.1},
    "wrong labels": {"data": {**DIGITS, "label_noise": 0.3}},
    "bf16": {"precision": "bf16", "model": {"kind": "small_cnn", "width": 4}},
}
LANES = {"alone": (1, 1), "one seed": (3, 1), "two seeds": (3, 2)}

# What other threads do is not recorded.
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch):
    """Evaluations after 7 and 13 updates then make stretches of 5, 2, 5 and 1."""
    monkeypatch.setattr("clr_study.engine.train.CHUNK", 5)


def specs_of(count: int = 1, seeds: int = 1, **changes) -> list[TrialSpec]:
    def scaled(table, lane):
        rates = {key: table[key] / (1 + lane) for key in ("lr", "base_lr", "max_lr") if key in table}
        return {**table, **rates}

    spec = replace(SPEC, **changes)
    return [replace(spec, schedule=scaled(spec.schedule, lane), seed=lane % seeds) for lane in range(count)]


def trained(specs: list[TrialSpec], *, recorded: bool, lanes=None, until: int | None = None, ready=None) -> Training:
    specs = [replace(spec, cuda_graphs=recorded) for spec in specs]
    training = Training(specs, load_task(specs[0].data), lanes, record=record if recorded else None)
    training.apart = False  # as on a GPU
    if ready:
        ready(training)
    training.seen = list(training.run(until))
    return training


def check_same(a: Training, b: Training) -> None:
    assert a.running == b.running
    mine, yours = a.lanes.tensors(), b.lanes.tensors()
    assert mine.keys() == yours.keys()
    for name in mine.keys() - {"seconds"}:
        assert mine[name].dtype == yours[name].dtype, name
        np.testing.assert_array_equal(mine[name].numpy(), yours[name].numpy(), err_msg=name)
    assert [snapshot.update for snapshot in a.seen] == [snapshot.update for snapshot in b.seen]
    for one, other in zip(a.seen, b.seen, strict=True):
        assert one.diverged == other.diverged
        assert one.evaluations.keys() == other.evaluations.keys()
        for run, evaluation in one.evaluations.items():
            for field in fields(evaluation):
                if field.name != "seconds":
                    values = (getattr(which, field.name) for which in (evaluation, other.evaluations[run]))
                    np.testing.assert_array_equal(*values, err_msg=field.name)


def compared(specs: list[TrialSpec], **options) -> Training:
    usual, replayed = (trained(specs, recorded=recorded, **options) for recorded in (False, True))
    assert replayed._recorded is not None
    assert usual._recorded is None
    check_same(usual, replayed)
    return replayed


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("lanes", LANES)
def test_replayed_updates_learn_what_updates_taken_one_by_one_do(what, lanes):
    compared(specs_of(*LANES[lanes], **WHAT[what]))


@pytest.mark.parametrize("lanes", LANES)
def test_convolutions_that_are_no_chain_are_recorded_too(lanes, monkeypatch):
    monkeypatch.setattr("clr_study.engine.chain.MOST_PIXELS", 0)
    compared(specs_of(*LANES[lanes], **WHAT["small_cnn"]))


@pytest.mark.parametrize("lanes", LANES)
def test_an_optimizer_under_vmap_is_recorded_too(lanes):
    def mapped(training):
        training.optimizer = replace(training.optimizer, elementwise=False)

    compared(specs_of(*LANES[lanes], optim={"kind": "adam"}), ready=mapped)


@pytest.mark.parametrize("lanes", LANES)
def test_a_run_goes_on_from_a_checkpoint_as_if_it_had_never_stopped(lanes, tmp_path):
    specs = specs_of(*LANES[lanes], optim={"kind": "adamw"}, model=WHAT["BatchNorm"]["model"])
    whole = trained(specs, recorded=False)
    half = trained(specs, recorded=True, until=7)
    saved = read_checkpoint(tmp_path / "a", write_checkpoint(half.lanes, tmp_path / "a"))
    rest = trained(specs, recorded=True, lanes=saved)
    rest.seen = half.seen + rest.seen
    check_same(whole, rest)


@pytest.mark.parametrize("seeds", [1, 2])
def test_lanes_that_diverge_are_dropped_and_the_others_are_recorded_anew(seeds):
    specs = specs_of(4, seeds)
    specs[1] = replace(specs[1], schedule={"kind": "constant", "lr": 1e30})
    late = {"kind": "joined", "schedules": [{"kind": "constant", "lr": 0.1}, {"kind": "constant", "lr": 1e30}]}
    specs[3] = replace(specs[3], schedule={**late, "boundaries": [9]})
    replayed = compared(specs)
    assert replayed.running == [0, 2]
    assert [sorted(snapshot.diverged) for snapshot in replayed.seen] == [[1], [3]]


def test_lanes_go_on_to_the_same_bits_when_others_are_dropped():
    specs = specs_of(4, 2)
    usual, replayed = (trained(specs, recorded=recorded, until=7) for recorded in (False, True))
    for training in (usual, replayed):
        training.drop([0, 3])
        assert training._recorded is None, "its memory is to be free"
        training.seen += training.run()
    check_same(usual, replayed)
    assert {len(tensor) for tensor in replayed._recorded.carry[0].values()} == {2}


def test_one_recording_does_for_all_stretches_of_the_same_lanes():
    made = []

    def counting(call):
        made.append(call)
        return record(call)

    training = Training(specs_of(3), load_task(DIGITS), record=counting)
    assert len(list(training.run())) == 2
    assert len(made) == 1
    training = Training(specs_of(3), load_task(DIGITS), record=counting)
    for _ in training.run():
        training.drop([0])
    assert len(made) == 3


def test_what_a_training_hands_out_is_not_overwritten_by_its_next_updates():
    training = Training(specs_of(3), load_task(DIGITS), record=record)
    losses = training._steps(4)
    lanes, seen = training.lanes, losses.copy()
    before = {name: tensor.clone() for name, tensor in lanes.tensors().items()}
    training._steps(9)
    np.testing.assert_array_equal(losses, seen)
    for name, tensor in lanes.tensors().items():
        assert torch.equal(tensor, before[name]), name
    assert not torch.equal(training.lanes.params["1.weight"], before["param/1.weight"])


# What the emulation is worth: an update that is recorded wrongly does not pass.


def row_of_the_host(recorded, table):
    """The row that Python has come to, which a graph would read for ever."""
    recorded.host = getattr(recorded, "host", -1) + 1
    return table[recorded.host % len(table)]


def first_lr_for_ever(recorded, table):
    return table[0] if table is recorded.lrs else table.index_select(0, recorded.counter)[0]


def first_batch_for_ever(recorded, table):
    return table[0] if table is not recorded.lrs else table.index_select(0, recorded.counter)[0]


MISTAKES = {
    "a row that the host counts": ("_row", row_of_the_host),
    "one learning rate for ever": ("_row", first_lr_for_ever),
    "one batch for ever": ("_row", first_batch_for_ever),
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("lanes", LANES)
def test_a_value_that_is_fixed_while_it_is_recorded_shows(mistake, lanes, monkeypatch):
    monkeypatch.setattr(Recorded, *MISTAKES[mistake])
    with pytest.raises(AssertionError):
        compared(specs_of(*LANES[lanes]))


def test_state_that_is_not_written_back_shows(monkeypatch):
    kept = []

    def elsewhere(recorded):
        """Hands the new state on in Python, as updates that are taken one by one do."""
        samples, *numbers = (recorded._row(table)[0] for table in recorded.tables)
        inputs, targets = recorded.task.batch(samples, tuple(numbers))
        *carry, loss = recorded.step(*recorded.carry, inputs, targets, recorded._row(recorded.lrs), recorded.hyper)
        recorded.carry = tuple(carry)
        recorded.losses.index_copy_(0, recorded.counter, loss.reshape(1, -1))
        recorded.counter.add_(1)
        kept.append(carry)

    monkeypatch.setattr(Recorded, "_update", elsewhere)
    with pytest.raises(AssertionError):
        compared(specs_of(3))


def test_a_table_that_is_replaced_and_not_overwritten_shows(monkeypatch):
    take = Recorded.take

    def replacing(recorded, stretch, lanes, stop, over):
        recorded.lrs = recorded.lrs.clone()
        return take(recorded, stretch, lanes, stop, over)

    monkeypatch.setattr(Recorded, "take", replacing)
    with pytest.raises(AssertionError):
        compared(specs_of(3))


def test_memory_that_a_graph_wrote_once_only_shows():
    total, seen = torch.zeros(2), torch.zeros(2)
    held = {}

    def call():
        with torch.no_grad():
            held.setdefault("ones", torch.ones(2) + 0)  # made in the first call: a replay finds it
            total.add_(held["ones"])
            seen.copy_(total)

    again = record(call)
    total.zero_()
    again()
    assert seen.tolist() == [1, 1]
    held.clear()

    def late():
        held["twos"] = torch.ones(2) * 2  # made while it is recorded: its memory is the graph's
        total.copy_(held["twos"])

    record(late)
    assert torch.isnan(held["twos"]).all()


@pytest.mark.parametrize(
    "looks",
    [
        lambda x: x * x.sum().item(),
        lambda x: x[x > 0].sum() * x,
        lambda x: x * torch.tensor([2.0]),
        lambda x: x if x.sum() > 0 else -x,
    ],
    ids=["item", "mask", "a tensor of Python's numbers", "if"],
)
def test_what_waits_for_the_gpu_is_refused(looks):
    x = torch.ones(3)
    with pytest.raises(ForbiddenError, match="not permitted when stream is capturing"):
        record(lambda: x.copy_(looks(x)))


# What the emulation cannot see, since it keeps all memory alive and has one device only.


@pytest.mark.parametrize("what", ["sgd", "adam", "BatchNorm", "augmented", "LRN and multipliers", "bf16"])
@pytest.mark.parametrize("lanes", LANES)
def test_all_that_a_recording_reads_lives_as_long_as_it_does(what, lanes):
    seen = Borrowed()

    def borrowing(call):
        with seen:
            call()
        seen.own.clear()
        return call

    specs = specs_of(*LANES[lanes], **WHAT[what])
    training = Training(specs, load_task(specs[0].data), record=borrowing)
    training.apart = False
    training._steps(3)
    training.model = None
    gc.collect()
    assert len(seen.before) > 10
    assert not {name for name, memory in seen.before if memory.expired()}


class RecordedError(Exception):
    pass


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("lanes", LANES)
def test_an_update_takes_nothing_from_another_device(what, lanes):
    """Of tensors without numbers, which are not on the CPU: the branches for a GPU are taken."""
    operations = Elsewhere("meta")

    def looking(call):
        with operations:
            call()
        raise RecordedError

    specs = specs_of(*LANES[lanes], **WHAT[what])
    training = Training(specs, load_task(specs[0].data), record=looking)
    training.task, training.apart = load_task(specs[0].data, "meta"), False
    state = {name: getattr(training.lanes, name) for name in ("params", "buffers", "slots")}
    training.lanes = replace(training.lanes, **mapped(state, lambda tensor: tensor.to("meta")))
    with pytest.raises(RecordedError):
        training._steps(3)
    assert "aten::_foreach_copy_" in operations.names
    assert "aten::index_copy_" in operations.names


@pytest.mark.parametrize("number", [torch.tensor(0.0), torch.zeros(1)], ids=["number", "vector"])
def test_a_copy_from_the_host_in_an_update_shows(number, monkeypatch):
    row = Recorded._row
    monkeypatch.setattr(Recorded, "_row", lambda recorded, table: row(recorded, table) + number.to("meta"))
    with pytest.raises(AssertionError, match="cpu"):
        test_an_update_takes_nothing_from_another_device("sgd", "one seed")


# How it is asked for.


def test_what_is_not_recorded_is_the_same_run_as_before_there_was_a_choice():
    usual = replace(SPEC, cuda_graphs=False)
    assert "cuda_graphs" not in usual.to_json()
    assert '"cuda_graphs":true' in SPEC.to_json()
    assert TrialSpec.from_json(SPEC.to_json()) == SPEC != usual
    assert step_key(SPEC) != step_key(usual)


def test_a_lane_is_counted_with_its_memory_at_a_fixed_place():
    task = load_task(DIGITS)
    usual, replayed = (lane_bytes(replace(SPEC, cuda_graphs=on), task) for on in (False, True))
    state = Training([replace(SPEC, cuda_graphs=False)], task).lanes
    assert replayed - usual == 2 * sum(t.nbytes for t in state.tensors().values()) + 256 * 16 * 8


def test_on_a_cpu_a_training_is_refused():
    with pytest.raises(SpecError, match=r"cuda_graphs = true needs a GPU, but these runs are to train on cpu"):
        Training([SPEC], load_task(DIGITS))


@pytest.mark.parametrize("model", [{"kind": "resnet", "depth": 8, "width": 2, "death_rate": 0.5}], ids=str)
def test_a_network_that_draws_by_itself_is_trained_without_and_says_why(model):
    (spec,) = specs_of(model=model)
    usual, asked = (trained([spec], recorded=recorded) for recorded in (False, True))
    check_same(usual, asked)
    assert usual.unrecorded is None
    assert asked.unrecorded == asked.unfusable
    assert asked._recorded is None


class FakeCuda:
    """What of torch.cuda makes a graph, without a GPU: only the order of the calls is real."""

    def __init__(self, monkeypatch) -> None:
        self.log: list[str] = []
        log = self.log

        class Stream:
            def __init__(self, device=None) -> None:
                self.name = f"side of {device}" if device else "main"

            def wait_stream(self, other) -> None:
                log.append(f"{self.name} waits for {other.name}")

        class Graph:
            def replay(self) -> None:
                log.append("replayed")

        @contextmanager
        def during(what):
            log.append(f"begin {what}")
            try:
                yield
            except Exception as error:
                if "graph" in str(what):
                    raise RuntimeError("to end a recording that has failed raises another") from error
                raise
            finally:
                log.append(f"end {what}")

        main = Stream()
        for name, value in {
            "Stream": Stream,
            "CUDAGraph": Graph,
            "current_stream": lambda: main,
            "device": lambda device: during(device),
            "stream": lambda stream: during(stream.name),
            "graph": lambda graph, stream: during(f"graph on {stream.name}"),
        }.items():
            monkeypatch.setattr(torch.cuda, name, value)


def test_a_graph_is_recorded_on_a_stream_of_its_own_after_warming_up(monkeypatch):
    log = FakeCuda(monkeypatch).log
    replay = recorder("cuda:1")(lambda: log.append("call"))
    replay()
    assert log == [
        "begin cuda:1",
        "side of cuda:1 waits for main",
        "begin side of cuda:1",
        *["call"] * 3,
        "end side of cuda:1",
        "main waits for side of cuda:1",
        "begin graph on side of cuda:1",
        "call",
        "end graph on side of cuda:1",
        "end cuda:1",
        "replayed",
    ]


def test_what_cannot_be_recorded_is_told_with_the_mend(monkeypatch):
    log = FakeCuda(monkeypatch).log

    def call():
        log.append("call")
        if log.count("call") > 3:
            raise RuntimeError("operation not permitted when stream is capturing\nCUDA kernel errors might")

    with pytest.raises(SpecError) as told:
        recorder("cuda:0")(call)
    assert "since something in it waits for the GPU or looks at a value: operation not permitted" in str(told.value)
    assert str(told.value).endswith("when stream is capturing; leave cuda_graphs out")


def test_memory_that_runs_out_while_it_is_recorded_is_told_as_such(monkeypatch):
    log = FakeCuda(monkeypatch).log

    def call():
        log.append("call")
        if log.count("call") > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        recorder("cuda:0")(call)


def test_what_fails_before_it_is_recorded_is_told_as_it_is(monkeypatch):
    FakeCuda(monkeypatch)
    with pytest.raises(ZeroDivisionError):
        recorder("cuda:0")(lambda: 1 / 0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("lanes", LANES)
def test_on_a_gpu_a_graph_learns_what_the_step_does(what, lanes):
    specs = specs_of(*LANES[lanes], **WHAT[what])
    usual, replayed = (
        Training([replace(spec, cuda_graphs=on) for spec in specs], load_task(specs[0].data, "cuda:0"))
        for on in (False, True)
    )
    for training in (usual, replayed):
        training.seen = list(training.run())
        training.lanes = training.lanes.to("cpu")
    assert replayed._recorded is not None
    check_same(usual, replayed)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_a_gpu_an_update_that_waits_is_refused_with_the_mend():
    x = torch.ones(3, device="cuda")
    with pytest.raises(SpecError, match="cannot be recorded as a CUDA graph"):
        recorder("cuda:0")(lambda: x.mul_(x.sum().item()))
    assert torch.ones(1, device="cuda").item() == 1, "the device can still be used"
