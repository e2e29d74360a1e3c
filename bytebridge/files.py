"""Files that a command leaves behind: they hold customers' names and balances and are for their owner alone."""

import os
import tempfile
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """A whole file or none, readable by its owner alone whatever the umask.

    It is made beside `path` and then takes its place: no link that somebody laid there is followed, and who had the
    old file open does not see the new one. A pipe, a device or what is open already, as /dev/stdout is, is written to
    as it is. Raises OSError.
    """
    if path.exists() and (_is_open(path) or not path.is_file()):
        with path.open("ab") as stream:
            stream.write(content)
        return
    number, fresh = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)  # made with mode 0600
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(fresh).replace(path)
    except BaseException:
        Path(fresh).unlink()
        raise


def _is_open(path: Path) -> bool:
    """Whether it names one of this process's open files: to put another in its place would put it into /dev."""
    meant = path.parent / path.readlink() if path.is_symlink() else path
    return Path("/proc/self/fd").resolve() in (path.parent.resolve(), meant.parent.resolve())
