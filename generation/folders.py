"""Folders that are still to be made."""

import errno
import os
from pathlib import Path


def nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it where it is still to be made.

    Raises OSError where somebody may not look, or a file is in the way.
    """
    for candidate in (folder, *folder.parents):
        try:
            candidate.stat()
            return candidate
        except FileNotFoundError:
            continue
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))
