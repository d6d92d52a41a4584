"""What every registered optimizer keeps to."""

import inspect

import pytest
import torch
from torch.func import vmap

from clr_study.optim import OPTIMIZERS, build_optimizer, structure

UPDATES = 5
SHAPES = {"weight": (4, 3), "bias": (3,)}

# An optimizer without examples here fails. Each number that lanes may differ in has another value in OTHERS.
EXAMPLES = {
    "sgd": [
        {"momentum": 0.9, "weight_decay": 0.1},
        {"momentum": 0.9, "weight_decay": 0.1, "nesterov": True},
        {"momentum": 0.9, "weight_decay": 0.1, "convention": "caffe"},
        {"momentum": 0.9, "weight_decay": 0.1, "convention": "caffe", "nesterov": True},
    ],
    "adam": [{"weight_decay": 0.1}],
    "adamw": [{"weight_decay": 0.1}],
    "adagrad": [{"weight_decay": 0.1}],
    "rmsprop": [{"momentum": 0.9, "weight_decay": 0.1}],
    "adadelta": [{"weight_decay": 0.1, "eps": 0.01}],
}
OTHERS = {
    "momentum": 0.5,
    "weight_decay": 0.4,
    "beta1": 0.6,
    "beta2": 0.9,
    "alpha": 0.8,
    "rho": 0.6,
    "eps": 0.1,
}

OURS = [kind for kind in OPTIMIZERS if OPTIMIZERS[kind].__module__.startswith("clr_study.")]
TABLES = [
    pytest.param({"kind": kind, **arguments}, id=f"{kind}-{index}")
    for kind in OURS
    for index, arguments in enumerate(EXAMPLES.get(kind, []))
]


@pytest.mark.parametrize("kind", OURS)
def test_has_examples_and_a_documented_doctest(kind):
    doc = inspect.getdoc(OPTIMIZERS[kind]) or ""
    assert EXAMPLES.get(kind), f"add examples of {kind!r} to EXAMPLES"
    for section in ("Args:", "Examples:", ">>> "):
        assert section in doc


def params(seed=0):
    draw = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=draw, dtype=torch.float64) for name, shape in SHAPES.items()}


def tensors(numbers):
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in numbers.items()}


def trained(optimizer, hyper, multipliers=None, seed=0, scale=1.0):
    """Weights after a few updates; the gradients do not depend on the weights."""
    weights = params(seed)
    state = optimizer.init(weights)
    for update in range(UPDATES):
        lr = torch.tensor(scale * 0.1 * (1 + update), dtype=torch.float64)
        gradients = params(100 + 10 * seed + update)
        weights, state = optimizer.update(gradients, state, weights, lr, hyper, multipliers or {})
    return weights


def differ(one, other):
    return any(not torch.equal(one[name], other[name]) for name in SHAPES)


@pytest.mark.parametrize("table", TABLES)
def test_state_is_slots_of_named_tensors_and_keeps_its_form(table):
    optimizer = build_optimizer(table)
    weights = params()
    state = optimizer.init(weights)
    _, after = optimizer.update(params(1), state, weights, torch.tensor(0.1), tensors(optimizer.hyper), {})
    assert state.keys() == after.keys()
    for slot in state:
        assert state[slot].keys() == after[slot].keys()
        for name, value in state[slot].items():
            assert isinstance(value, torch.Tensor)
            assert not value.any(), "a fresh state is zero"
            assert (after[slot][name].shape, after[slot][name].dtype) == (value.shape, value.dtype)
            assert value.shape in (weights[name].shape if name in weights else (), ())


@pytest.mark.parametrize("table", TABLES)
def test_update_leaves_its_arguments_alone(table):
    optimizer = build_optimizer(table)
    weights = params()
    _, state = optimizer.update(
        params(1), optimizer.init(weights), weights, torch.tensor(0.1), tensors(optimizer.hyper), {}
    )
    arguments = [params(2), *state.values(), weights, {"lr": torch.tensor(0.1)}, tensors(optimizer.hyper)]
    before = [{name: value.clone() for name, value in part.items()} for part in arguments]
    gradients, *slots, weights, rate, hyper = arguments
    optimizer.update(gradients, dict(zip(state, slots, strict=True)), weights, rate["lr"], hyper, {})
    for part, copy in zip(arguments, before, strict=True):
        assert all(torch.equal(part[name], copy[name]) for name in copy)


@pytest.mark.parametrize("table", TABLES)
def test_lanes_with_their_own_lr_and_numbers_equal_each_alone(table):
    optimizer = build_optimizer(table)
    scales = [0.0, 1.0, 0.3]
    numbers = [dict(optimizer.hyper) for _ in scales]
    numbers[1] = {name: OTHERS[name] for name in optimizer.hyper}
    numbers[2] |= {"weight_decay": 0.0}
    alone = [
        trained(optimizer, tensors(hyper), seed=lane, scale=scale)
        for lane, (hyper, scale) in enumerate(zip(numbers, scales, strict=True))
    ]

    def stacked(trees):
        return {name: torch.stack([tree[name] for tree in trees]) for name in trees[0]}

    def step(gradients, state, weights, lr, hyper):
        return optimizer.update(gradients, state, weights, lr, hyper, {})

    weights = stacked([params(lane) for lane in range(len(scales))])
    state = vmap(optimizer.init)(weights)
    hyper = stacked([tensors(each) for each in numbers])
    for update in range(UPDATES):
        gradients = stacked([params(100 + 10 * lane + update) for lane in range(len(scales))])
        lrs = torch.tensor([scale * 0.1 * (1 + update) for scale in scales], dtype=torch.float64)
        weights, state = vmap(step)(gradients, state, weights, lrs, hyper)
    for lane, expected in enumerate(alone):
        for name in SHAPES:
            torch.testing.assert_close(weights[name][lane], expected[name], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("table", TABLES)
def test_every_number_matters(table):
    optimizer = build_optimizer(table)
    plain = trained(optimizer, tensors(optimizer.hyper))
    for name in optimizer.hyper:
        changed = {**table, name: OTHERS[name]}
        assert differ(trained(optimizer, tensors({**optimizer.hyper, name: OTHERS[name]})), plain), name
        assert build_optimizer(changed).hyper == {**optimizer.hyper, name: OTHERS[name]}
        assert structure(changed) == structure(table)
    assert set(OTHERS) >= set(optimizer.hyper) > set()


@pytest.mark.parametrize("table", TABLES)
def test_multipliers_scale_the_lr_and_the_decay_of_their_parameter_only(table):
    optimizer = build_optimizer(table)
    hyper = tensors(optimizer.hyper)
    plain = trained(optimizer, hyper)

    still = trained(optimizer, hyper, {"bias": (0.0, 1.0)})
    assert torch.equal(still["bias"], params()["bias"])
    assert torch.equal(still["weight"], plain["weight"])

    doubled = trained(optimizer, hyper, {"bias": (2.0, 1.0)})
    assert torch.equal(doubled["bias"], trained(optimizer, hyper, scale=2.0)["bias"])

    undecayed = trained(optimizer, hyper, {"bias": (1.0, 0.0)})
    no_decay = trained(optimizer, tensors({**optimizer.hyper, "weight_decay": 0.0}))
    assert torch.equal(undecayed["bias"], no_decay["bias"])
    assert torch.equal(undecayed["weight"], plain["weight"])


def test_structures_differ_where_the_code_does():
    structures = {structure(table.values[0]) for table in TABLES}
    assert len(structures) == len(TABLES)
