"""Mixed precision that vmap takes: torch's autocast does nothing to the lanes of a fused step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from clr_study.optim import Params
from clr_study.spec import Precision

# The products, in which nearly all of a step's time goes; as in autocast's own list of them.
PRODUCTS = frozenset(
    {
        torch.conv1d,
        torch.conv2d,
        torch.conv3d,
        torch.conv_transpose1d,
        torch.conv_transpose2d,
        torch.conv_transpose3d,
        functional.linear,
        functional.scaled_dot_product_attention,
        torch.matmul,
        torch.mm,
        torch.bmm,
        torch.addmm,
        torch.baddbmm,
        torch.einsum,
        Tensor.matmul,
        Tensor.__matmul__,
        Tensor.mm,
        Tensor.bmm,
    }
)
# What sums or divides, and so wants float32; what follows an activation (pooling, relu, dropout) takes what it gets.
SUMS = frozenset(
    {
        functional.batch_norm,
        functional.instance_norm,
        functional.layer_norm,
        functional.group_norm,
        functional.local_response_norm,
        functional.softmax,
        functional.log_softmax,
        torch.softmax,
        torch.log_softmax,
        torch.pow,
        Tensor.pow,
        Tensor.__pow__,
        Tensor.softmax,
        Tensor.log_softmax,
    }
)


class MixedPrecision(TorchFunctionMode):
    """Inside of it matrix products and convolutions are done in bfloat16, and what sums or divides in float32.

    It does what torch's autocast does, above vmap instead of below, so that lanes get it too; but BatchNorm, whose
    rule under vmap takes one type only, is in float32. bfloat16 has float32's exponents, so no loss is scaled, which
    would couple the lanes.

    Examples:
        >>> with MixedPrecision():
        ...     product = torch.ones(1, 2) @ torch.ones(2, 1)
        >>> product
        tensor([[2.]], dtype=torch.bfloat16)
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Casts the tensors of a call that is known to want another precision."""
        kwargs = kwargs or {}
        if func in PRODUCTS:
            args, kwargs = _cast(tuple(args), torch.bfloat16), _cast(dict(kwargs), torch.bfloat16)
        elif func in SUMS:
            args, kwargs = _cast(tuple(args), torch.float32), _cast(dict(kwargs), torch.float32)
        return func(*args, **kwargs)


def choose_products(precision: Precision) -> None:
    """Lets the GPU round the factors of products and convolutions to TensorFloat-32, or not, from now on.

    torch by itself rounds those of convolutions and not those of products; here `float32` means float32, and a run's
    record says which it was.

    Examples:
        >>> choose_products("tf32")
        >>> torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
        (True, True)
        >>> choose_products("float32")
        >>> torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
        (False, False)
    """
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"


def forward_pass(model: nn.Module, params: Params, buffers: Params, inputs: Tensor, precision: Precision) -> Tensor:
    """Returns the outputs of the network with these weights, in the precision of the inputs.

    Args:
        model: The network; only its structure is used.
        params: Its weights.
        buffers: Its running statistics; a BatchNorm in training writes into them.
        inputs: The normalised samples.
        precision: `bf16` for `MixedPrecision`.
    """
    return in_precision(precision, lambda: functional_call(model, (params, buffers), (inputs,)), inputs)


def in_precision(precision: Precision, compute: Callable[[], Tensor], inputs: Tensor) -> Tensor:
    """Returns what a function computes from inputs, under `MixedPrecision` for `bf16`, in the precision of the inputs.

    Examples:
        >>> tokens = torch.tensor([1, 2])
        >>> in_precision("bf16", lambda: torch.ones(1, 2) @ torch.ones(2, 1), tokens).dtype  # not tokens' own
        torch.float32
    """
    if precision == "bf16":
        with MixedPrecision():
            outputs = compute()
    else:
        outputs = compute()
    if inputs.is_floating_point():
        return outputs.to(inputs.dtype)
    return outputs.float() if precision == "bf16" else outputs  # tokens are whole numbers, which no outputs are


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, Tensor):
        return value.to(dtype) if value.dtype in (torch.float32, torch.bfloat16) else value
    if isinstance(value, (tuple, list)):
        return type(value)(_cast(part, dtype) for part in value)
    if isinstance(value, dict):
        return {key: _cast(part, dtype) for key, part in value.items()}
    return value
