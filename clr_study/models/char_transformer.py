"""A small character language model."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from clr_study.errors import InputError
from clr_study.models.base import MODELS
from clr_study.models.layers import at_least_one


class Attention(nn.Module):
    """Causal self-attention: a place sees itself and what stands before it.

    Args:
        width: Of the stream.
        heads: How many heads share it.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.read = nn.Linear(width, 3 * width)
        self.write = nn.Linear(width, width)

    def forward(self, stream: Tensor) -> Tensor:
        """Returns what each place [B, T, width] takes from the others."""
        batch, length, width = stream.shape
        parts = self.read(stream).reshape(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each [B, heads, T, width of a head]
        scores = query @ key.transpose(-2, -1) / math.sqrt(width // self.heads)
        future = torch.ones(length, length, dtype=torch.bool, device=stream.device).triu(1)
        shares = scores.masked_fill(future, float("-inf")).softmax(dim=-1)
        return self.write((shares @ value).transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    """Attention and two layers for each place, each normalised before and added to the stream.

    Args:
        width: Of the stream.
        heads: Of the attention.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.before_attention, self.before_layers = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, stream: Tensor) -> Tensor:
        """Returns the stream [B, T, width]."""
        stream = stream + self.attention(self.before_attention(stream))
        return stream + self.down(functional.gelu(self.up(self.before_layers(stream))))


class CharTransformer(nn.Module):
    """The network; see `char_transformer`.

    Args:
        characters: How many there are.
        context: Places in a piece.
        width: Of the stream.
        depth: How many blocks.
        heads: Of each attention.
    """

    def __init__(self, characters: int, context: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.characters = nn.Embedding(characters, width)
        self.places = nn.Parameter(torch.zeros(context, width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, characters)
        for name, parameter in self.named_parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, tokens: Tensor) -> Tensor:
        """Returns an output for each character at each place [B, T, characters] of tokens [B, T]."""
        return self.head(self.norm(self.blocks(self.characters(tokens) + self.places)))


@MODELS.add
def char_transformer(
    *, shape: tuple[int, ...], classes: int, width: int = 64, depth: int = 2, heads: int = 4
) -> nn.Module:
    """Builds a small causal transformer that reads characters.

    It is GPT-2's in its parts: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019). Weights
    start from a normal distribution of deviation 0.02, biases from 0.

    Args:
        shape: One sample's shape, `(context,)`: tokens.
        classes: How many characters there are.
        width: Of the stream, a multiple of `heads`.
        depth: How many blocks.
        heads: Of each attention.

    Raises:
        InputError: Samples that are no pieces of text, or a width that the heads cannot share.

    Examples:
        >>> model = char_transformer(shape=(8,), classes=5, width=16, depth=1, heads=2)
        >>> model(torch.zeros(3, 8, dtype=torch.int64)).shape
        torch.Size([3, 8, 5])
    """
    for name, value in (("width", width), ("depth", depth), ("heads", heads)):
        at_least_one(name, value)
    if len(shape) != 1:
        raise InputError(f"char_transformer takes tokens of shape (context,), but a sample has shape {shape}")
    if width % heads:
        raise InputError(f"width must be a multiple of heads, but got width={width}, heads={heads}")
    return CharTransformer(classes, shape[0], width, depth, heads)
