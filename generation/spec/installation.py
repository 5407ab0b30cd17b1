"""The record of an installed model: which files, how large, which contents, from where.

`imagen.json` in the model's folder is written last, so a folder without it is not installed. Its
revisions are the pin: installing again fetches the same ones.
"""

import hashlib
import json
import os
import struct
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from generation.spec.errors import ModelUnavailable

RECORD = "imagen.json"
MAX_READERS = 8
MAX_HEADER_BYTES = 100 << 20  # as the safetensors library itself
METADATA = "__metadata__"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledFile:
    """path: relative to the model's folder. source: repository, revision and path it came from."""

    path: str
    size_bytes: int
    sha256: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallRecord:
    """revisions: the commit of each repository."""

    revisions: Mapping[str, str]
    files: Sequence[InstalledFile]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


def read_record(folder: Path) -> InstallRecord | None:
    """The folder's record; None where nothing was installed.

    Raises ModelUnavailable when there is one that cannot be read.
    """
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        files = tuple(InstalledFile(**file) for file in record["files"])
        return InstallRecord(revisions=dict(record["revisions"]), files=files)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelUnavailable(
            f"{folder / RECORD} is no record of an installation: {error!r}. Remove it and install"
            " the profile again."
        ) from error


def write_record(folder: Path, record: InstallRecord) -> None:
    """Declare the folder installed, in one step."""
    draft = folder / f"{RECORD}.part"
    draft.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")
    os.replace(draft, folder / RECORD)


def is_complete(folder: Path) -> bool:
    """Whether every recorded file is there in its recorded size. Looks at no contents."""
    try:
        record = read_record(folder)
    except ModelUnavailable:
        return False
    return record is not None and not find_misplacement(folder, record)


def find_misplacement(folder: Path, record: InstallRecord) -> str:
    """The first file that is missing or differs in size; empty when none does."""
    return next(filter(None, (_misplaced(folder, file) for file in record.files)), "")


def find_damage(folder: Path, record: InstallRecord) -> str:
    """The first file that is missing or differs in size or contents; empty when none does.

    Reads every file: seconds for ten gigabytes.
    """
    with ThreadPoolExecutor(min(MAX_READERS, os.cpu_count() or 1)) as readers:
        return next(
            filter(None, readers.map(lambda file: _damaged(folder, file), record.files)), ""
        )


def hash_file(path: Path) -> str:
    """The SHA-256 of a file's contents, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_whole_safetensors(path: Path) -> bool:
    """Whether the file's length is what its header says. Source: the format's description."""
    try:
        with path.open("rb") as file:
            (header_bytes,) = struct.unpack("<Q", file.read(8))
            if header_bytes > MAX_HEADER_BYTES:
                return False
            header = json.loads(file.read(header_bytes))
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != METADATA]
        return bool(path.stat().st_size == 8 + header_bytes + max(ends))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, struct.error):
        return False


def _damaged(folder: Path, file: InstalledFile) -> str:
    """What is wrong with one file; empty when nothing is."""
    problem = _misplaced(folder, file)
    if not problem and hash_file(folder / file.path) != file.sha256:
        problem = f"{file.path} is damaged: its SHA-256 is not the recorded {file.sha256}"
    return problem


def _misplaced(folder: Path, file: InstalledFile) -> str:
    try:
        size = (folder / file.path).stat().st_size
    except OSError:
        return f"{file.path} is missing"
    if size != file.size_bytes:
        return f"{file.path} is damaged: {size} bytes instead of {file.size_bytes}"
    return ""
