"""Where a SQLite file may lie: in a folder that is there, on a disk of this machine."""

from __future__ import annotations

import os
from pathlib import Path

from clr_study.errors import StorageError

# WAL keeps its index in memory that processes share, which file systems that span machines do not give.
NETWORK_TYPES = (
    "nfs",
    "cifs",
    "smb",
    "afs",
    "lustre",
    "gpfs",
    "beegfs",
    "ceph",
    "glusterfs",
    "fuse.sshfs",
    "fuse.glusterfs",
    "fuse.ceph",
)


def check_file(path: Path, *, create: bool) -> None:
    """Refuses a path at which no SQLite database of several processes can be.

    Args:
        path: An absolute path.
        create: Whether the file may be made.

    Raises:
        StorageError: Its folder is missing or on a network, it is a folder itself, or it is not there.
    """
    folder = path.parent
    if not folder.is_dir():
        raise StorageError(f"the folder {folder} of the database {path.name} does not exist; make it first")
    if path.is_dir():
        raise StorageError(f"the database {path} is a folder; give a file in it, as in sqlite:///{path}/clr_study.db")
    if not create and not path.exists():
        raise StorageError(f"there is no database {path}; `clr-study run` makes it")
    kind = network_type(folder, _mounts())
    if kind:
        raise StorageError(
            f"the database {path} lies on a network file system ({kind}), where SQLite cannot be shared safely; "
            f"give a file on a local disk, or a server as in postgresql+psycopg://user:password@host/database"
        )


def network_type(folder: Path, mounts: str) -> str | None:
    """Returns the type of the network file system on which a folder lies, or None if it lies on none.

    Args:
        folder: An absolute path.
        mounts: The system's table of mounts: device, place, type and more in each line.

    Examples:
        >>> network_type(Path("/home/ann/runs"), "sda1 / ext4 rw\\nserver:/home /home nfs4 rw")
        'nfs4'
        >>> network_type(Path("/homework"), "sda1 / ext4 rw\\nserver:/home /home nfs4 rw") is None
        True
    """
    nearest, found = -1, ""
    for line in mounts.splitlines():
        _, place, kind, *_ = [*line.split(" "), "", "", ""]
        place = place.encode().decode("unicode_escape")  # blanks stand in the table as \040
        if folder.is_relative_to(place or "-") and len(place) >= nearest:
            nearest, found = len(place), kind
    return found if found.startswith(NETWORK_TYPES) else None


def _mounts() -> str:
    try:
        return Path("/proc/self/mounts").read_text(errors="replace")
    except OSError:
        return ""


def absolute(path: str) -> Path:
    """Returns the path with links and the working folder resolved, so that every worker means the same file."""
    return Path(os.path.realpath(path))
