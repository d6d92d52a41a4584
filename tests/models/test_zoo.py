"""Torchvision's classifiers: the head, what fuses, and that the reasons against it are true."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch.func import functional_call, grad, stack_module_state, vmap

from clr_study.models import build_model, why_unfusable

# (name, side of the image, whether lanes of it fuse); small ones, one of each way to draw at random.
NETWORKS = [
    ("shufflenet_v2_x0_5", 32, True),
    ("regnet_x_400mf", 32, True),
    ("squeezenet1_1", 32, False),
    ("googlenet", 32, False),
    ("efficientnet_b0", 32, False),
]


@pytest.mark.parametrize(("name", "side", "fuses"), NETWORKS)
def test_a_network_has_our_classes_and_what_is_said_of_fusing_it_is_true(name, side, fuses):
    table = {"kind": "torchvision", "name": name}
    models = [build_model(table, (3, side, side), 7, seed).train() for seed in range(2)]
    assert models[0](torch.randn(2, 3, side, side)).shape == (2, 7)
    assert (why_unfusable(table, models[0]) is None) == fuses
    params, buffers = stack_module_state(models)

    def objective(params, buffers):
        buffers = {name: value.clone() for name, value in buffers.items()}
        return functional_call(models[0], (params, buffers), (torch.ones(2, 3, side, side),)).square().sum()

    params = {name: value.detach() for name, value in params.items()}
    if fuses:
        assert vmap(grad(objective))(params, buffers).keys() == params.keys()
    else:
        with pytest.raises(RuntimeError, match="random"):
            vmap(grad(objective))(params, buffers)


def test_alexnet_is_there_with_another_head():
    with torch.device("meta"):
        from clr_study.models import torchvision

        model = torchvision(shape=(3, 224, 224), classes=5, name="alexnet")
    assert model.classifier[-1].out_features == 5
    # 61,100,840 with ImageNet's 1,000 classes.
    assert sum(parameter.numel() for parameter in model.parameters()) == 61_100_840 - 995 * 4097


def test_the_other_models_do_not_wait_for_torchvision(tmp_path):
    code = "import sys, clr_study.models; sys.exit('torchvision' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode == 0
