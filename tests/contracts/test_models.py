"""What every registered model keeps to."""

import inspect

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from clr_study.models import MODELS, build_model, multipliers_of, why_unfusable

LANES, BATCH, UPDATES = 3, 4, 4

# A model without examples here fails: (sample shape, outputs, arguments), small enough to train in a moment.
EXAMPLES = {
    "mlp": [
        ((5,), 3, {"hidden": [7, 6], "activation": "tanh"}),
        ((1, 4, 4), 1, {"hidden": []}),
        ((2, 3, 3), 10, {}),
    ],
    "small_cnn": [
        ((1, 8, 8), 10, {"width": 4}),
        ((3, 9, 13), 1, {"width": 2, "norm": "batch"}),
    ],
    "cifar10_full": [
        ((3, 8, 8), 10, {}),
        ((1, 11, 9), 1, {}),
    ],
    "resnet": [
        ((3, 8, 8), 10, {"depth": 8, "width": 2}),
        ((1, 9, 12), 1, {"depth": 14, "width": 3}),
        ((3, 8, 8), 10, {"depth": 11, "width": 1, "block": "bottleneck"}),
    ],
    "cifar10_quick": [
        ((3, 8, 8), 10, {}),
        ((1, 11, 9), 1, {}),
    ],
    "cifar10_full_sigmoid_bn": [
        ((3, 8, 8), 10, {}),
        ((1, 11, 9), 1, {}),
    ],
    "densenet": [
        ((3, 8, 8), 10, {"depth": 7, "growth": 2}),
        ((1, 9, 12), 1, {"depth": 10, "growth": 1}),
    ],
    "char_transformer": [
        ((6,), 5, {"width": 8, "depth": 2, "heads": 2}),
        ((3,), 7, {"width": 4, "depth": 1, "heads": 1}),
    ],
    "torchvision": [
        ((3, 64, 64), 7, {"name": "shufflenet_v2_x0_5"}),
    ],
}
# Fifty BatchNorms over a few samples each blow the last bit up a hundredfold an update, so it gets fewer of them.
SHORTER = {"torchvision": 2}
OURS = [kind for kind in MODELS if MODELS[kind].__module__.startswith("clr_study.")]
CASES = [
    pytest.param(kind, *case, id=f"{kind}-{index}")
    for kind in OURS
    for index, case in enumerate(EXAMPLES.get(kind, []))
]


@pytest.mark.parametrize("kind", OURS)
def test_has_examples_and_a_documented_doctest(kind):
    doc = inspect.getdoc(MODELS[kind]) or ""
    assert EXAMPLES.get(kind), f"add examples of {kind!r} to EXAMPLES"
    for section in ("Args:", "Examples:", ">>> "):
        assert section in doc


TOKENS = {"char_transformer"}


def samples(kind, size, shape, classes, draw, dtype=torch.float64):
    """Random inputs of a kind: characters for what reads them, else numbers; and targets for each of its outputs."""
    if kind in TOKENS:
        targets = torch.randn(*size, *shape, classes, generator=draw, dtype=dtype)
        return torch.randint(classes, (*size, *shape), generator=draw), targets
    inputs = torch.randn(*size, *shape, generator=draw, dtype=dtype)
    return inputs, torch.randn(*size, classes, generator=draw, dtype=dtype)


def built(kind, shape, classes, arguments, seed=0):
    return build_model({"kind": kind, **arguments}, shape, classes, seed)


@pytest.mark.parametrize(("kind", "shape", "classes", "arguments"), CASES)
def test_outputs_one_row_of_logits_a_sample_and_finite_gradients(kind, shape, classes, arguments):
    model = built(kind, shape, classes, arguments)
    inputs, targets = samples(kind, (BATCH,), shape, classes, torch.Generator().manual_seed(0), torch.float32)
    logits = model(inputs)
    logits.square().sum().backward()
    assert logits.shape == targets.shape
    assert logits.shape[-1] == classes
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize(("kind", "shape", "classes", "arguments"), CASES)
def test_initial_weights_depend_on_the_seed_alone(kind, shape, classes, arguments):
    first = built(kind, shape, classes, arguments, seed=1).state_dict()
    torch.randn(17)
    again = built(kind, shape, classes, arguments, seed=1).state_dict()
    other = built(kind, shape, classes, arguments, seed=2).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize(("kind", "shape", "classes", "arguments"), CASES)
def test_multipliers_cover_the_parameters(kind, shape, classes, arguments):
    model = built(kind, shape, classes, arguments)
    assert list(multipliers_of(model)) == [name for name, _ in model.named_parameters()]


def step_of(model, loss):
    """The engine's step in small: one update by gradient descent, buffers cloned inside and handed back."""

    def objective(params, buffers, inputs, targets):
        buffers = {name: value.clone() for name, value in buffers.items()}
        return loss(functional_call(model, (params, buffers), (inputs,)), targets), buffers

    def step(params, buffers, inputs, targets, lr):
        gradients, (value, buffers) = grad_and_value(objective, has_aux=True)(params, buffers, inputs, targets)
        return {name: params[name] - lr * gradients[name] for name in params}, buffers, value

    return step


def lane(tree, index):
    return {name: value[index] for name, value in tree.items()}


def assert_close(actual, expected):
    assert actual.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(actual[name], expected[name], rtol=1e-12, atol=1e-12, msg=name)


@pytest.mark.parametrize("shared_inputs", [True, False])
@pytest.mark.parametrize(("kind", "shape", "classes", "arguments"), CASES)
def test_fused_lanes_equal_plain_training_in_float64(kind, shape, classes, arguments, shared_inputs):
    models = [built(kind, shape, classes, arguments, seed).double() for seed in range(LANES)]
    assert why_unfusable(kind, models[0]) is None
    draw = torch.Generator().manual_seed(0)
    size = (SHORTER.get(kind, UPDATES), LANES, BATCH)
    inputs, targets = samples(kind, size, shape, classes, draw)
    if shared_inputs:
        inputs, targets = inputs[:, 0], targets[:, 0]
    lrs = torch.tensor([0.01, 0.02, 0.05], dtype=torch.float64)

    step = step_of(models[0], nn.functional.mse_loss)
    batched = None if shared_inputs else 0
    fused_step = vmap(step, in_dims=(0, 0, batched, batched, 0))
    start, still = stack_module_state(models)
    params, buffers = {name: value.detach() for name, value in start.items()}, still
    for x, y in zip(inputs, targets, strict=True):
        params, buffers, values = fused_step(params, buffers, x, y, lrs)

    for index in range(LANES):
        own, own_buffers = lane(start, index), lane(still, index)
        for x, y in zip(inputs, targets, strict=True):
            row = (x, y) if shared_inputs else (x[index], y[index])
            own, own_buffers, value = step(own, own_buffers, *row, lrs[index])
        assert not torch.equal(next(iter(own.values())), next(iter(start.values()))[index]), "nothing was learned"
        assert_close(lane(params, index), own)
        assert_close(lane(buffers, index), own_buffers)
        torch.testing.assert_close(values[index], value, rtol=1e-12, atol=1e-12)

    fused_eval = vmap(lambda p, b: functional_call(models[0].eval(), (p, b), (inputs[0].reshape(-1, *shape),)))
    logits = fused_eval(params, buffers)
    for index, model in enumerate(models):
        model.load_state_dict({**lane(params, index), **lane(buffers, index)})
        own_logits = model.eval()(inputs[0].reshape(-1, *shape))
        torch.testing.assert_close(logits[index], own_logits, rtol=1e-11, atol=1e-11)
