"""Images that stay in their files: decoded when a batch asks for them, ahead of it where the order is known."""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clr_study.data.order import permutation
from clr_study.errors import DataError

Rows: TypeAlias = NDArray[np.int64]

# Batches that are decoded before they are asked for.
AHEAD = 4
# Pillow decodes and resizes without the interpreter's lock, so threads are workers enough.
MOST_WORKERS = 32
# Of how many images a normalisation is measured: a whole ImageNet would take hours, and change the fourth digit.
MEASURED = 2048


class ImageFiles:
    """The images of a split as files, in the place of a uint8 tensor [N, 3, size, size] that does not fit the memory.

    It is indexed like that tensor, along its first axis, and returns tensors on its device.

    Args:
        paths: The files.
        size: Side of the square images that come out; see `read_image`.
        device: Where the decoded images go.

    Examples:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("black", "white"):
        ...         Image.new("RGB", (6, 4), name).save(Path(folder, f"{name}.png"))
        ...     images = ImageFiles([Path(folder, "black.png"), Path(folder, "white.png")], size=2)
        ...     images.shape, images[torch.tensor([1, 0])][:, 0, 0, 0].tolist()
        (torch.Size([2, 3, 2, 2]), [255, 0])
    """

    dtype = torch.uint8
    ndim = 4

    def __init__(self, paths: Iterable[Path], size: int, device: torch.device | str = "cpu") -> None:
        self.paths = tuple(paths)
        self.size = size
        self.device = torch.device(device)
        self._coming: deque[Rows] = deque()
        self._begun: deque[tuple[Rows, list[Future[NDArray[np.uint8]]]]] = deque()

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def shape(self) -> torch.Size:
        """As of the tensor that it stands for."""
        return torch.Size((len(self), 3, self.size, self.size))

    def is_floating_point(self) -> bool:
        """Whether the images are floats: never."""
        return False

    def to(self, device: torch.device | str) -> ImageFiles:
        """Returns the same images for another device."""
        return ImageFiles(self.paths, self.size, device)

    def only(self, rows: Rows) -> ImageFiles:
        """Returns some of the images, still as files."""
        return ImageFiles((self.paths[row] for row in rows), self.size, self.device)

    def some(self) -> Tensor:
        """Returns the pixels of a fixed random part of the images, on which a normalisation is measured."""
        return self[torch.from_numpy(permutation(0, 0, "measured", len(self))[:MEASURED])]

    def expect(self, batches: Iterable[Rows]) -> None:
        """Begins to decode the batches that will be asked for next, in this order, a few at a time."""
        self._coming, self._begun = deque(batches), deque()
        self._begin()

    def __getitem__(self, index: Tensor | slice) -> Tensor:
        rows = np.arange(len(self))[index] if isinstance(index, slice) else index.cpu().numpy()
        if self._begun and np.array_equal(self._begun[0][0], rows):
            _, pixels = self._begun.popleft()
            self._begin()
        else:
            pixels = self._decoding(rows)
        images = torch.from_numpy(np.stack([image.result() for image in pixels]))
        return images.permute(0, 3, 1, 2).contiguous().to(self.device)

    def _begin(self) -> None:
        while self._coming and len(self._begun) < AHEAD:
            rows = self._coming.popleft()
            self._begun.append((rows, self._decoding(rows)))

    def _decoding(self, rows: Rows) -> list[Future[NDArray[np.uint8]]]:
        return [_workers().submit(_read, self.paths[row], self.size) for row in rows]


@functools.cache
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(MOST_WORKERS, os.cpu_count() or 1), thread_name_prefix="decode")


def _read(path: Path, size: int) -> NDArray[np.uint8]:
    # Here and not above: a split is defined without Pillow, which only folders of images need.
    from clr_study.data.datasets.decode import read_image

    try:
        return read_image(path, size)
    except Exception as error:  # Pillow's decoders raise a dozen unrelated kinds
        raise DataError(f"the image '{path}' cannot be read: {error}") from None
