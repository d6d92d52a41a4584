"""From image files to one uint8 array."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from rich.console import Console
from rich.progress import Progress

from clr_study.errors import DataError

_CHUNK = 256
# Small images are mostly Python's own work, and more threads than this only queue for the interpreter's lock.
_MOST_THREADS = 8
_NAMED = 3

Trouble = tuple[Path, str]


def read_image(path: Path, size: int | None) -> NDArray[np.uint8]:
    """Reads an image as RGB.

    Args:
        path: The file.
        size: Side of the square to cut from its centre after its shorter side was resized (bilinear) to that
            length, as torchvision's `Resize` and `CenterCrop` do; None for the image as it is.

    Returns:
        Pixels [H, W, 3].
    """
    with Image.open(path) as file:
        image = file.convert("RGB")
    if size is not None and image.size != (size, size):
        width, height = image.size
        shorter = min(width, height)
        width, height = (size * width // shorter, size * height // shorter)
        left, top = round((width - size) / 2), round((height - size) / 2)
        image = image.resize((width, height), Image.Resampling.BILINEAR)
        image = image.crop((left, top, left + size, top + size))
    return np.asarray(image)


def decode(paths: Sequence[Path], size: int | None, title: str) -> NDArray[np.uint8]:
    """Decodes all images in threads, with a progress bar where the standard error is a terminal.

    Args:
        paths: The files, at least one.
        size: As for `read_image`; None asks that all images have the same size.
        title: What the progress bar says.

    Returns:
        Images [N, 3, H, W].

    Raises:
        DataError: Images that cannot be read, or that differ in size while `size` is None.
    """
    height, width = (size, size) if size is not None else _first_size(paths)
    try:
        images = np.empty((len(paths), 3, height, width), dtype=np.uint8)
    except MemoryError:
        gigabytes = len(paths) * 3 * height * width / 1e9
        raise DataError(
            f"{len(paths)} images of {width}x{height} take {gigabytes:.0f} GB of memory, too much here; "
            "give a smaller size"
        ) from None

    unreadable: list[Trouble] = []
    unlike: list[Trouble] = []
    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as pool:
        starts = range(0, len(paths), _CHUNK)
        done = pool.map(functools.partial(_decode_chunk, paths, size, images), starts)
        for more_unreadable, more_unlike in _with_progress(done, len(paths), title):
            unreadable += more_unreadable
            unlike += more_unlike
    if unreadable:
        raise DataError(f"{len(unreadable)} of {len(paths)} images cannot be read: {_name_a_few(unreadable)}")
    if unlike:
        raise DataError(
            f"{len(unlike)} of {len(paths)} images are not {width}x{height} as '{paths[0]}' is: "
            f"{_name_a_few(unlike)}. `size = {min(width, height)}` in the data table would resize all"
        )
    return images


def _decode_chunk(
    paths: Sequence[Path], size: int | None, images: NDArray[np.uint8], start: int
) -> tuple[int, list[Trouble], list[Trouble]]:
    """Fills `images` from `start` on; returns how many it went through, the unreadable and those unlike the first."""
    unreadable: list[Trouble] = []
    unlike: list[Trouble] = []
    chunk = range(start, min(start + _CHUNK, len(paths)))
    for i in chunk:
        try:
            pixels = read_image(paths[i], size)
        except UnidentifiedImageError:
            unreadable.append((paths[i], "no image"))
            continue
        except Exception as error:  # Pillow's decoders raise a dozen unrelated kinds
            unreadable.append((paths[i], str(error)))
            continue
        if pixels.shape[:2] == images.shape[2:]:
            images[i] = pixels.transpose(2, 0, 1)
        else:
            unlike.append((paths[i], f"{pixels.shape[1]}x{pixels.shape[0]}"))
    return len(chunk), unreadable, unlike


def _with_progress(
    done: Iterable[tuple[int, list[Trouble], list[Trouble]]], total: int, title: str
) -> Iterator[tuple[list[Trouble], list[Trouble]]]:
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=total)
        for count, unreadable, unlike in done:
            progress.advance(task, count)
            yield unreadable, unlike


def image_sizes(paths: Sequence[Path], most: int = 1000) -> set[tuple[int, int]]:
    """Returns the sizes (width, height) that images have, read from their headers.

    Args:
        paths: The files; those that are no images are passed over.
        most: How many are looked at, spread over all.
    """
    sizes = set()
    for path in paths[:: -(-len(paths) // most)]:
        with contextlib.suppress(OSError), Image.open(path) as image:  # decoding will name it
            sizes.add(image.size)
    return sizes


def _first_size(paths: Sequence[Path]) -> tuple[int, int]:
    """Returns height and width of the first image that opens: what all others are held against."""
    for path in paths:
        try:
            with Image.open(path) as image:
                return image.height, image.width
        except OSError:
            continue  # decoding will name it
    return (1, 1)


def _name_a_few(troubles: Sequence[Trouble]) -> str:
    named = "; ".join(f"'{path}' ({reason})" for path, reason in troubles[:_NAMED])
    return named + ("; ..." if len(troubles) > _NAMED else "")
