"""The registry of models, and what the engine asks of one: weights from a seed, multipliers, whether vmap takes it."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from clr_study.errors import InputError, did_you_mean
from clr_study.registry import Registry
from clr_study.spec.make import make

Factory = Callable[..., nn.Module]
F = TypeVar("F", bound=Factory)

MODELS: Registry[Factory] = Registry("model")
add = MODELS.add


def build_model(table: Mapping[str, Any], shape: tuple[int, ...], classes: int, seed: int) -> nn.Module:
    """Builds the network that a study file's `model` table asks for.

    It is born on the CPU in float32 and under its own random state, so its initial weights depend on the seed alone:
    all arms of a study start from the same ones, wherever they run.

    Args:
        table: `kind` and the keyword arguments of that model.
        shape: One sample's shape, `(channels, height, width)` or `(features,)`.
        classes: The number of outputs; 1 for regression.
        seed: Fixes the initial weights.

    Raises:
        UnknownKindError: No model is called so.
        SpecError: An argument is unknown, missing or of the wrong type.
        InputError: An argument's value, or the samples' shape, does not suit the model.

    Examples:
        >>> model = build_model({"kind": "mlp", "hidden": [3]}, shape=(4,), classes=2, seed=0)
        >>> sum(parameter.numel() for parameter in model.parameters())  # 4*3 + 3 + 3*2 + 2
        23
        >>> build_model({"kind": "mlp", "hiden": [3]}, shape=(4,), classes=2, seed=0)
        Traceback (most recent call last):
        clr_study.errors.SpecError: [model] mlp takes no key 'hiden'; did you mean 'hidden'?
    """
    with _sealed(seed):
        model = make(MODELS, table, "[model]", shape=tuple(shape), classes=classes)
    if not isinstance(model, nn.Module):
        raise InputError(f"model {table['kind']!r} must return a torch.nn.Module, but returned {model!r}")
    return model


def born(model: nn.Module | Factory, shape: tuple[int, ...], classes: int, seed: int) -> nn.Module:
    """Returns a network from what a user has at hand: a copy of a module, or what a function makes under a seed.

    Args:
        model: A module, whose weights are kept; or a function, called with `shape` and `classes` if it takes them.
        shape: One sample's shape.
        classes: The number of outputs.
        seed: Fixes the initial weights of what a function makes.

    Raises:
        InputError: It is neither, or the function returns no module.

    Examples:
        >>> born(lambda shape, classes: nn.Linear(*shape, classes), (4,), 2, seed=0)
        Linear(in_features=4, out_features=2, bias=True)
    """
    if isinstance(model, nn.Module):
        return copy.deepcopy(model)
    if not callable(model):
        raise InputError(f"the model must be a torch.nn.Module, or a function that returns one, but got {model!r:.200}")
    taken = {"shape": shape, "classes": classes}
    given = {name: value for name, value in taken.items() if name in inspect.signature(model).parameters}
    with _sealed(seed):
        made = model(**given)
    if not isinstance(made, nn.Module):
        raise InputError(f"the model must be a torch.nn.Module, or a function that returns one, but got {made!r:.200}")
    return made


@contextmanager
def _sealed(seed: int) -> Iterator[None]:
    """Keeps the caller's random state, default device and default dtype out of a block, and the block's in it."""
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        # torch.manual_seed would also reseed CUDA, whose state fork_rng(devices=[]) does not put back.
        with torch.random.fork_rng(devices=[]), torch.device("cpu"):
            torch.default_generator.manual_seed(seed)
            yield
    finally:
        torch.set_default_dtype(dtype)


def unfusable(reason: str) -> Callable[[F], F]:
    """Marks a model factory whose modules `torch.func.vmap` cannot take; its runs then train one by one.

    Args:
        reason: Why, as a sentence; it is recorded with each run.

    Examples:
        >>> @unfusable("It draws its masks itself.")
        ... def noisy_net(*, shape, classes):
        ...     return nn.Linear(*shape, classes)
        >>> why_unfusable(noisy_net, noisy_net(shape=(2,), classes=2))
        'It draws its masks itself.'
    """

    def mark(factory: F) -> F:
        factory.unfusable_reason = reason  # type: ignore[attr-defined]
        return factory

    return mark


def why_unfusable(model: Mapping[str, Any] | str | Factory, module: nn.Module) -> str | None:
    """Returns why a module cannot train as a lane of a fused batch, or None if nothing is known against it.

    A factory says so by `unfusable`; a module, where it depends on the arguments, in its attribute
    `unfusable_reason`. Besides, it knows torch's own modules that vmap refuses: those which draw random numbers in
    training, which read a tensor's value, or which lack a batching rule.

    Args:
        model: The model's table, its kind, or its factory.
        module: What the factory returned.

    Examples:
        >>> why_unfusable("mlp", nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)))
        "Its Dropout '1' draws random numbers in training."
        >>> why_unfusable("mlp", nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.0))) is None
        True
    """
    kind = model["kind"] if isinstance(model, Mapping) else model
    factory = MODELS[kind] if isinstance(kind, str) else kind
    reason: str | None = getattr(factory, "unfusable_reason", getattr(module, "unfusable_reason", None))
    if reason is not None:
        return reason
    for name, part in module.named_modules():
        obstacle = _obstacle(part)
        if obstacle:
            return f"Its {type(part).__name__} {name!r} {obstacle}."
    return None


def _obstacle(part: nn.Module) -> str | None:
    match part:
        # A dropout of probability 1 draws nothing, but it is a mistake that deserves no lane of its own.
        case nn.modules.dropout._DropoutNd() if part.p > 0:
            return "draws random numbers in training"
        case nn.RNNBase() | nn.MultiheadAttention() if part.dropout > 0:
            return "draws random numbers in training"
        case nn.RReLU() | nn.FractionalMaxPool2d() | nn.FractionalMaxPool3d():
            return "draws random numbers in training"
        case nn.modules.batchnorm._NormBase() if part.track_running_stats and part.momentum is None:
            return "reads the number of batches to average over all of them; give it a momentum"
        case nn.utils.parametrizations._SpectralNorm():
            return "runs a power iteration that vmap cannot take"
        case _:
            return None


def laid_out(module: nn.Module, inputs: Tensor) -> Tensor:
    """Returns the inputs of a module as it wants them in memory: the same numbers, on a CPU perhaps channels last.

    A module whose attribute `channels_last` is true gets its images with the channels of a pixel side by side, in which
    torch's pooling on a CPU is up to ten times as fast. None of its layers may depend on where a number lies, as
    `Tensor.view` does.

    Args:
        module: The network.
        inputs: A batch of what it takes.

    Examples:
        >>> network = nn.Conv2d(2, 1, 3)
        >>> laid_out(network, torch.zeros(1, 2, 4, 4)).stride()
        (32, 16, 4, 1)
        >>> network.channels_last = True
        >>> laid_out(network, torch.zeros(1, 2, 4, 4)).stride()
        (32, 1, 8, 2)
    """
    if getattr(module, "channels_last", False) and inputs.dim() == 4 and inputs.device.type == "cpu":
        return inputs.contiguous(memory_format=torch.channels_last)
    return inputs


def multipliers_of(module: nn.Module) -> dict[str, tuple[float, float]]:
    """Returns (learning-rate multiplier, weight-decay multiplier) for every parameter of a module, by name.

    A module names those that are not 1 in its attribute `multipliers`, as Caffe's `lr_mult` and `decay_mult` do.

    Raises:
        InputError: `multipliers` names a parameter that the module does not have.

    Examples:
        >>> layer = nn.Linear(2, 1)
        >>> layer.multipliers = {"bias": (2.0, 0.0)}
        >>> multipliers_of(layer)
        {'weight': (1.0, 1.0), 'bias': (2.0, 0.0)}
    """
    own: Mapping[str, tuple[float, float]] = getattr(module, "multipliers", {})
    names = [name for name, _ in module.named_parameters()]
    for name in own:
        if name not in names:
            hint = did_you_mean(name, names)
            raise InputError(f"{type(module).__name__}.multipliers names no parameter {name!r}; {hint}")
    return {name: own.get(name, (1.0, 1.0)) for name in names}
