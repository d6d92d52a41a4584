import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, stack_module_state, vmap

from clr_study.errors import InputError, SpecError, UnknownKindError
from clr_study.models import MODELS, build_model, multipliers_of, unfusable, why_unfusable

MLP = {"kind": "mlp", "hidden": [3]}


def weights(**changes):
    return build_model({**MLP, **changes}, (4,), 2, seed=5).state_dict()


def test_building_leaves_the_callers_random_state_alone():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    weights()
    assert torch.equal(torch.get_rng_state(), before)


def test_default_dtype_and_device_do_not_reach_the_weights():
    expected = weights()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            actual = weights()
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    for name, value in expected.items():
        assert actual[name].dtype == torch.float32
        assert torch.equal(actual[name], value)


def test_an_error_in_a_factory_still_restores_the_callers_state():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    with pytest.raises(InputError):
        weights(hidden=[0])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("table", "shape", "error", "words"),
    [
        ({"kind": "mpl"}, (4,), UnknownKindError, "did you mean 'mlp'"),
        ({"kind": "mlp", "hiden": [3]}, (4,), SpecError, "'hiden'; did you mean 'hidden'"),
        ({"kind": "mlp", "hidden": "3"}, (4,), SpecError, "hidden"),
        ({"kind": "mlp", "hidden": [3, 0]}, (4,), InputError, "hidden must be at least 1, but got 0"),
        ({"kind": "mlp", "activation": "rely"}, (4,), SpecError, "activation"),
        ({"kind": "small_cnn"}, (64,), InputError, r"shape \[64\]"),
        ({"kind": "small_cnn"}, (1, 7, 8), InputError, r"at least 8x8.*\[1, 7, 8\]"),
        ({"kind": "small_cnn", "width": 0}, (1, 8, 8), InputError, "width must be at least 1, but got 0"),
        ({"kind": "small_cnn", "norm": "layer"}, (1, 8, 8), SpecError, "norm"),
        ({"kind": "cifar10_full"}, (3, 4, 4), InputError, r"\[3, 4, 4\]"),
        ({"kind": "resnet", "depth": 21}, (3, 8, 8), InputError, "nearest are 20 and 26"),
        ({"kind": "resnet", "depth": -4}, (3, 8, 8), InputError, "nearest are 8 and 14"),
        ({"kind": "resnet", "width": 0}, (3, 8, 8), InputError, "width"),
        ({"kind": "resnet"}, (3, 32), InputError, r"\[3, 32\]"),
        (
            {"kind": "resnet", "depth": 21, "block": "bottleneck"},
            (3, 8, 8),
            InputError,
            r"9n\+2 .* nearest are 20 and 29",
        ),
        ({"kind": "resnet", "block": "basics"}, (3, 8, 8), SpecError, "block .*'basic' or 'bottleneck'"),
        ({"kind": "resnet", "death_rate": 1.0}, (3, 8, 8), InputError, r"death_rate must lie in \[0, 1\), but got 1.0"),
        ({"kind": "resnet", "death_rate": -0.1}, (3, 8, 8), InputError, "death_rate"),
        ({"kind": "densenet", "depth": 41}, (3, 8, 8), InputError, "nearest are 40 and 43"),
        ({"kind": "densenet", "depth": 1}, (3, 8, 8), InputError, "nearest are 7 and 10"),
        ({"kind": "densenet", "growth": 0}, (3, 8, 8), InputError, "growth must be at least 1, but got 0"),
        ({"kind": "cifar10_quick"}, (64,), InputError, r"\[64\]"),
        ({"kind": "cifar10_full_sigmoid_bn"}, (3, 4, 4), InputError, r"\[3, 4, 4\]"),
        ({"kind": "torchvision"}, (3, 64, 64), SpecError, "needs the key 'name'"),
        ({"kind": "torchvision", "name": "alexnt"}, (3, 64, 64), InputError, "did you mean 'alexnet'"),
        ({"kind": "torchvision", "name": "resnet18"}, (1, 28, 28), InputError, r"3, height, width.*\[1, 28, 28\]"),
        ({"kind": "torchvision", "name": "resnet18"}, (3,), InputError, r"shape \[3\]"),
    ],
)
def test_what_does_not_suit_is_refused_with_its_name(table, shape, error, words):
    with pytest.raises(error, match=words):
        build_model(table, shape, 10, seed=0)


class Spectral(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 3, 1))

    def forward(self, x):
        return self.layer(x)


class Sequence(nn.Module):
    """Reads the pixels of an image one after the other."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        rows = x.flatten(2).transpose(1, 2)
        return self.inner(rows, rows, rows)[0] if isinstance(self.inner, nn.MultiheadAttention) else self.inner(rows)[0]


REFUSED = [
    nn.Dropout(0.5),
    nn.Dropout2d(0.1),
    nn.AlphaDropout(0.1),
    nn.FeatureAlphaDropout(0.1),
    nn.RReLU(),
    nn.FractionalMaxPool2d(2, output_size=2),
    nn.BatchNorm2d(3, momentum=None),
    Spectral(),
    Sequence(nn.LSTM(3, 3, num_layers=2, dropout=0.5, batch_first=True)),
    Sequence(nn.MultiheadAttention(3, 1, dropout=0.5, batch_first=True)),
]
TAKEN = [
    nn.Dropout(0.0),
    nn.BatchNorm2d(3),
    nn.BatchNorm2d(3, momentum=None, track_running_stats=False),
    nn.GroupNorm(1, 3),
    nn.MaxPool2d(2),
    Sequence(nn.LSTM(3, 3, num_layers=2, batch_first=True)),
    Sequence(nn.MultiheadAttention(3, 1, batch_first=True)),
]


def fuse(part):
    """Takes a gradient through two lanes of a convolution and the part behind it."""
    lanes = [nn.Sequential(nn.Conv2d(3, 3, 1), part) for _ in range(2)]
    params, buffers = stack_module_state(lanes)

    def objective(params, buffers):
        buffers = {name: value.clone() for name, value in buffers.items()}
        return functional_call(lanes[0], (params, buffers), (torch.ones(2, 3, 4, 4),)).square().sum()

    vmap(grad(objective))({name: value.detach() for name, value in params.items()}, buffers)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("part", REFUSED, ids=str)
def test_modules_that_vmap_refuses_are_known(part):
    reason = why_unfusable("mlp", nn.Sequential(nn.Flatten(), part))
    assert reason is not None
    assert "'1" in reason
    with pytest.raises(RuntimeError):
        fuse(part)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("part", TAKEN, ids=str)
def test_modules_that_vmap_takes_are_not_accused(part):
    assert why_unfusable("mlp", nn.Sequential(nn.Flatten(), part)) is None
    fuse(part)


def test_a_marked_factory_gives_its_own_reason():
    @unfusable("It branches on its activations.")
    def branching(*, shape, classes):
        return nn.Linear(*shape, classes)

    assert why_unfusable(branching, nn.Dropout(0.5)) == "It branches on its activations."


def test_a_marked_factory_is_found_by_its_kind_and_by_its_table(monkeypatch):
    monkeypatch.setattr(MODELS["mlp"], "unfusable_reason", "It branches.", raising=False)
    assert why_unfusable("mlp", nn.Linear(1, 1)) == "It branches."
    assert why_unfusable({"kind": "mlp", "hidden": [3]}, nn.Linear(1, 1)) == "It branches."


def test_multipliers_default_to_one_and_refuse_unknown_parameters():
    layer = nn.Linear(2, 1)
    assert multipliers_of(layer) == {"weight": (1.0, 1.0), "bias": (1.0, 1.0)}
    layer.multipliers = {"wieght": (2.0, 1.0)}
    with pytest.raises(InputError, match=r"Linear.multipliers .*'wieght'; did you mean 'weight'"):
        multipliers_of(layer)
