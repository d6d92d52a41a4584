import math

import pytest
import torch
from torch import nn

from clr_study.models import build_model, multipliers_of
from clr_study.models.densenet import DenseLayer
from clr_study.models.resnet import BasicBlock, Bottleneck


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "silu"])
def test_an_mlp_is_its_matrix_products(activation):
    model = build_model({"kind": "mlp", "hidden": [4], "activation": activation}, (2, 3), 2, seed=0)
    x = torch.randn(5, 2, 3)
    first, second = (part for part in model if isinstance(part, nn.Linear))
    hidden = getattr(torch.nn.functional, activation)(x.reshape(5, 6) @ first.weight.T + first.bias)
    torch.testing.assert_close(model(x), hidden @ second.weight.T + second.bias)


def test_he_weights_keep_the_scale_through_many_layers():
    model = build_model({"kind": "mlp", "hidden": [256] * 20}, (256,), 1, seed=0)
    x = torch.randn(64, 256)
    outputs = model[:-1](x)
    assert 0.3 < outputs.square().mean().sqrt() / x.square().mean().sqrt() < 3


@pytest.mark.parametrize(
    ("depth", "parameters"), [(20, 269_722), (32, 464_154), (44, 658_586), (56, 853_018), (110, 1_727_962)]
)
def test_resnets_have_the_papers_sizes(depth, parameters):
    """0.27M, 0.46M, 0.66M, 0.85M and 1.7M in table 6 of the paper; the digits by hand, convolution by convolution."""
    n = (depth - 2) // 6
    convolutions = 3 * 16 * 9 + 9 * (2 * n * 16**2 + (2 * n - 1) * 32**2 + (2 * n - 1) * 64**2)
    convolutions += 9 * (16 * 32 + 32 * 64)
    norms = 2 * (16 * (2 * n + 1) + 2 * n * 32 + 2 * n * 64)
    assert parameters == convolutions + norms + 64 * 10 + 10
    with torch.device("meta"):
        from clr_study.models import resnet

        assert count(resnet(shape=(3, 32, 32), classes=10, depth=depth)) == parameters


def weighted_layers(model):
    return sum(isinstance(part, (nn.Conv2d, nn.Linear)) for part in model.modules())


@pytest.mark.parametrize(("block", "depth"), [("basic", 26), ("bottleneck", 29)])
def test_a_resnet_of_depth_n_has_n_weighted_layers(block, depth):
    model = build_model({"kind": "resnet", "depth": depth, "width": 4, "block": block}, (3, 8, 8), 10, seed=0)
    assert weighted_layers(model) == depth


def test_a_bottleneck_by_hand():
    """Depth 11 and width 1: one block a stage, from 1 to 4, from 4 to 8 and from 8 to 16 channels."""
    model = build_model({"kind": "resnet", "depth": 11, "width": 1, "block": "bottleneck"}, (3, 8, 8), 2, seed=0)
    convolutions = 3 * 9 + (1 + 9 + 4) + (4 * 2 + 2 * 2 * 9 + 2 * 8) + (8 * 4 + 4 * 4 * 9 + 4 * 16)
    norms = 2 * (1 + (1 + 1 + 4) + (2 + 2 + 8) + (4 + 4 + 16))
    assert count(model) == convolutions + norms + 16 * 2 + 2


def test_the_bottleneck_strides_in_its_middle_and_keeps_the_shortcut():
    block = Bottleneck(2, 8, stride=2)
    assert [layer.stride[0] for layer in (block.conv1, block.conv2, block.conv3)] == [1, 2, 1]
    nn.init.zeros_(block.norm3.weight)  # silences the residual branch
    x = torch.rand(1, 2, 5, 6)
    assert torch.equal(block(x), torch.cat((x[:, :, ::2, ::2], torch.zeros(1, 6, 3, 3)), dim=1))


@pytest.mark.parametrize(("depth", "growth", "millions"), [(40, 12, 1.0), (100, 12, 7.0), (100, 24, 27.2)])
def test_densenets_have_the_papers_sizes(depth, growth, millions):
    """The first three rows of table 2 of the paper."""
    n = (depth - 4) // 3
    widths = [16 + growth * layer for layer in range(3 * n + 1)]
    convolutions = 3 * 16 * 9 + sum(9 * growth * width for width in widths[:-1]) + widths[n] ** 2 + widths[2 * n] ** 2
    norms = 2 * (sum(widths[:-1]) + widths[n] + widths[2 * n] + widths[-1])
    with torch.device("meta"):
        from clr_study.models import densenet

        model = densenet(shape=(3, 32, 32), classes=10, depth=depth, growth=growth)
    assert count(model) == convolutions + norms + 10 * widths[-1] + 10
    assert count(model) / 1e6 == pytest.approx(millions, abs=0.05)
    assert weighted_layers(model) == depth


def test_a_dense_layer_keeps_what_it_was_given():
    layer = DenseLayer(3, growth=2)
    x = torch.randn(4, 3, 5, 5)
    y = layer(x)
    assert torch.equal(y[:, :3], x)
    assert y.shape == (4, 5, 5, 5)
    assert y[:, 3:].abs().max() > 0


def test_the_shortcut_takes_every_second_pixel_and_adds_zero_channels():
    block = BasicBlock(2, 4, stride=2)
    nn.init.zeros_(block.norm2.weight)  # silences the residual branch
    x = torch.rand(1, 2, 5, 6)
    y = block(x)
    assert torch.equal(y[:, :2], x[:, :, ::2, ::2])
    assert torch.equal(y[:, 2:], torch.zeros(1, 2, 3, 3))


def test_small_cnn_batch_norm_replaces_the_biases():
    plain = build_model({"kind": "small_cnn", "width": 4}, (1, 28, 28), 10, seed=0)
    normed = build_model({"kind": "small_cnn", "width": 4, "norm": "batch"}, (1, 28, 28), 10, seed=0)
    channels = 4 + 8 + 8
    assert count(plain) == (9 + 1) * 4 + (36 + 1) * 8 + (72 + 1) * 8 + (8 * 7 * 7 + 1) * 10
    assert count(normed) == count(plain) + channels  # a scale and a shift each, less the bias
    assert sum(isinstance(part, nn.BatchNorm2d) for part in normed) == 3


def test_small_cnn_learns_to_tell_stripes_apart():
    draw = torch.Generator().manual_seed(0)
    stripes = torch.tensor([1.0, -1.0] * 4).expand(8, 8)
    images = torch.stack([stripes, stripes.T])[:, None]
    model = build_model({"kind": "small_cnn", "width": 4}, (1, 8, 8), 2, seed=0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(60):
        y = torch.randint(2, (32,), generator=draw)
        x = images[y] + torch.randn(32, 1, 8, 8, generator=draw)
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1 < math.log(2)


def assert_gaussian(model, deviations):
    for name, std in deviations.items():
        layer = model.get_submodule(name)
        # The sample's standard deviation of n draws is off by sigma / sqrt(2n); five of those.
        assert layer.weight.std().item() == pytest.approx(std, rel=5 / math.sqrt(2 * layer.weight.numel()))
        assert abs(layer.weight.mean().item()) < 5 * std / math.sqrt(layer.weight.numel())
        assert layer.bias is None or layer.bias.abs().max() == 0


def test_cifar10_full_has_caffes_shapes_weights_and_multipliers():
    model = build_model({"kind": "cifar10_full"}, (3, 32, 32), 10, seed=0)
    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    assert shapes == {
        "conv1.weight": (32, 3, 5, 5),
        "conv1.bias": (32,),
        "conv2.weight": (32, 32, 5, 5),
        "conv2.bias": (32,),
        "conv3.weight": (64, 32, 5, 5),
        "conv3.bias": (64,),
        "ip1.weight": (10, 1024),
        "ip1.bias": (10,),
    }
    assert count(model) == 89_578
    assert_gaussian(model, {"conv1": 1e-4, "conv2": 0.01, "conv3": 0.01, "ip1": 0.01})
    assert multipliers_of(model) == {
        "conv1.weight": (1, 1),
        "conv1.bias": (2, 1),
        "conv2.weight": (1, 1),
        "conv2.bias": (2, 1),
        "conv3.weight": (1, 1),
        "conv3.bias": (1, 1),
        "ip1.weight": (1, 250),
        "ip1.bias": (2, 0),
    }


def test_cifar10_quick_has_caffes_shapes_weights_and_multipliers():
    model = build_model({"kind": "cifar10_quick"}, (3, 32, 32), 10, seed=0)
    assert count(model) == 145_578
    assert model.ip1.weight.shape == (64, 1024)
    assert model.ip2.weight.shape == (10, 64)
    assert_gaussian(model, {"conv1": 1e-4, "conv2": 0.01, "conv3": 0.01, "ip1": 0.1, "ip2": 0.1})
    for name, multipliers in multipliers_of(model).items():
        assert multipliers == ((2, 1) if name.endswith("bias") else (1, 1))


def test_cifar10_full_sigmoid_bn_has_caffes_shapes_weights_and_multipliers():
    model = build_model({"kind": "cifar10_full_sigmoid_bn"}, (3, 32, 32), 10, seed=0)
    assert count(model) == 89_578 - 32 - 32 - 64
    assert_gaussian(model, {"conv1": 1e-4, "conv2": 0.01, "conv3": 0.01, "ip1": 0.01})
    assert set(multipliers_of(model)) == {"conv1.weight", "conv2.weight", "conv3.weight", "ip1.weight", "ip1.bias"}
    assert multipliers_of(model)["ip1.weight"] == (1, 1)
    assert multipliers_of(model)["ip1.bias"] == (1, 0)
