"""What the data sets that torchvision can fetch say when they are not there."""

from __future__ import annotations

from pathlib import Path

from clr_study.errors import DataError


def nothing_there(name: str, folder: Path, root: str, missing: str, mend: str = "") -> DataError:
    """Returns the error for a data set whose files are missing.

    Args:
        name: The data set in words.
        folder: Where its files were looked for.
        root: What the data table says.
        missing: What is missing there.
        mend: Another way to get them, to append.

    Examples:
        >>> str(nothing_there("MNIST", Path("data/MNIST/raw"), "data", missing="folder"))[:59]
        "no MNIST in 'data/MNIST/raw' (missing: folder): root = 'dat"
    """
    return DataError(
        f"no {name} in '{folder}' (missing: {missing}): root = {root!r} must be the folder that holds "
        f"'{folder.relative_to(Path(root).expanduser())}', and is now '{Path(root).expanduser().resolve()}'. "
        f"`download = true` in the data table would fetch it{mend}"
    )


def download_failed(name: str, folder: Path, error: Exception) -> DataError:
    """Returns the error for a data set that could not be fetched.

    Args:
        name: The data set in words.
        folder: Where its files belong.
        error: What went wrong.

    Examples:
        >>> str(download_failed("MNIST", Path("data/MNIST/raw"), OSError("no route to host")))[:48]
        'cannot download MNIST (no route to host). Is thi'
    """
    reason = " ".join(str(error).split())
    return DataError(
        f"cannot download {name} ({reason}). Is this machine offline, or '{folder}' not writable? "
        f"Its files can also be copied to '{folder.resolve()}' by hand"
    )
