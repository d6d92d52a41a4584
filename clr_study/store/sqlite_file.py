"""Where a SQLite file may lie: in a folder that is there, on a disk of this machine."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

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
        create: Whether the file may be made, and is to be written.

    Raises:
        StorageError: Its folder is missing or on a network, it is a folder itself, is not there, or may not be written.
    """
    folder = path.parent
    if not folder.is_dir():
        raise StorageError(f"the folder {folder} of the database {path.name} does not exist; make it first")
    if path.is_dir():
        raise StorageError(f"the database {path} is a folder; give a file in it, as in sqlite:///{path}/clr_study.db")
    if not create and not path.exists():
        raise StorageError(f"there is no database {path}; `clr-study run` makes it")
    if create and path.exists() and not _writable(path):
        raise StorageError(
            f"the database {path} may not be written; make the file and its folder writable, or give another --storage"
        )
    kind = network_type(folder, _mounts())
    if kind:
        raise StorageError(
            f"the database {path} lies on a network file system ({kind}), where SQLite cannot be shared safely; "
            f"give a file on a local disk, or a server as in postgresql+psycopg://user:password@host/database"
        )


def is_begun(path: Path) -> bool:
    """Returns whether there is a file that holds anything."""
    return path.is_file() and path.stat().st_size > 0


def uri_to_look(path: Path) -> str:
    """Returns the URI under which SQLite reads a file and changes nothing.

    Whoever may write and closes a file last also moves into it what an ended process left in its write-ahead log;
    whoever may not leaves an empty log behind. So the right to write is left out where there is such a log.

    Args:
        path: An absolute path.

    Examples:
        >>> uri_to_look(Path("/home/ann/100 %.db"))
        'file:/home/ann/100%20%25.db?mode=rw'
    """
    mode = "ro" if is_begun(path.with_name(f"{path.name}-wal")) else "rw"
    return f"file:{quote(str(path))}?mode={mode}"


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


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _mounts() -> str:
    try:
        return Path("/proc/self/mounts").read_text(errors="replace")
    except OSError:
        return ""


def absolute(path: str) -> Path:
    """Returns the path with links and the working folder resolved, so that every worker means the same file."""
    return Path(os.path.realpath(path))
