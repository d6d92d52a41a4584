"""Networks, each a function from the samples' shape and the number of classes to a module."""

from clr_study.models.base import MODELS, build_model, multipliers_of, unfusable, why_unfusable
from clr_study.models.cifar10_full import cifar10_full
from clr_study.models.mlp import mlp
from clr_study.models.resnet import resnet
from clr_study.models.small_cnn import small_cnn

__all__ = [
    "MODELS",
    "build_model",
    "cifar10_full",
    "mlp",
    "multipliers_of",
    "resnet",
    "small_cnn",
    "unfusable",
    "why_unfusable",
]
