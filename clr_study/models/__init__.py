"""Networks, each a function from the samples' shape and the number of classes to a module."""

from clr_study.models.base import MODELS, add, born, build_model, laid_out, multipliers_of, unfusable, why_unfusable
from clr_study.models.char_transformer import char_transformer
from clr_study.models.cifar10_full import cifar10_full
from clr_study.models.cifar10_full_sigmoid_bn import cifar10_full_sigmoid_bn
from clr_study.models.cifar10_quick import cifar10_quick
from clr_study.models.densenet import densenet
from clr_study.models.mlp import mlp
from clr_study.models.resnet import resnet
from clr_study.models.small_cnn import small_cnn
from clr_study.models.zoo import torchvision

__all__ = [
    "MODELS",
    "add",
    "born",
    "build_model",
    "char_transformer",
    "cifar10_full",
    "cifar10_full_sigmoid_bn",
    "cifar10_quick",
    "densenet",
    "laid_out",
    "mlp",
    "multipliers_of",
    "resnet",
    "small_cnn",
    "torchvision",
    "unfusable",
    "why_unfusable",
]
