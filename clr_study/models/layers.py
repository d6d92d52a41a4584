"""What the models share: He's initialisation, and refusals of what does not suit them."""

from __future__ import annotations

from torch import nn

from clr_study.errors import InputError


def he_normal(module: nn.Module) -> None:
    """Draws the weights of every convolution and linear layer from N(0, 2/fan_in), and sets their biases to zero.

    K. He et al., *Delving Deep into Rectifiers*, arXiv 1502.01852, equation 10.

    Examples:
        >>> layer = nn.Linear(50, 1000)
        >>> he_normal(layer)
        >>> abs(layer.weight.std().item() - 0.2) < 0.01, layer.bias.abs().max().item()  # sqrt(2 / 50)
        (True, 0.0)
    """
    for part in module.modules():
        if isinstance(part, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def image_shape(kind: str, shape: tuple[int, ...], smallest: int = 8) -> tuple[int, int, int]:
    """Returns (channels, height, width) of the samples, or refuses samples that are no images of the needed size.

    Args:
        kind: The model that asks, for the message.
        shape: One sample's shape.
        smallest: The least height and width.

    Raises:
        InputError: The samples are no images, or too small.

    Examples:
        >>> image_shape("small_cnn", (1, 8, 8))
        (1, 8, 8)
        >>> image_shape("small_cnn", (64,))
        Traceback (most recent call last):
        clr_study.errors.InputError: small_cnn needs images [channels, height, width] of at least 8x8, but the data's samples have the shape [64]; the model 'mlp' takes any shape
    """  # noqa: E501 (a message is one line)
    if len(shape) != 3 or min(shape[1:]) < smallest:
        last = " with its channels first: np.moveaxis(x, -1, 1)" * (len(shape) == 3 and shape[-1] in (1, 3, 4))
        grey = " with an axis for its one channel: x[:, None]" * (len(shape) == 2 and min(shape) >= smallest)
        mend = f"store the array{last or grey}" if last or grey else "the model 'mlp' takes any shape"
        raise InputError(
            f"{kind} needs images [channels, height, width] of at least {smallest}x{smallest}, but the data's samples "
            f"have the shape {list(shape)}; {mend}"
        )
    channels, height, width = shape
    return channels, height, width


def at_least_one(name: str, value: int) -> None:
    """Refuses a size below 1.

    Raises:
        InputError: It is.

    Examples:
        >>> at_least_one("width", 0)
        Traceback (most recent call last):
        clr_study.errors.InputError: width must be at least 1, but got 0
    """
    if value < 1:
        raise InputError(f"{name} must be at least 1, but got {value}")
