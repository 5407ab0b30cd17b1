"""Putting a model together in its folder, file by file, so that a broken run can be resumed."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from tqdm import tqdm

from generation.installing import hub
from generation.installing.errors import InstallFailed
from generation.installing.hub import HubFile, HubUnreachable
from generation.installing.recipe import RECIPES, WantedFile
from generation.spec.errors import ModelUnavailable
from generation.spec.installation import (
    InstalledFile,
    InstallRecord,
    find_damage,
    hash_file,
    is_whole_safetensors,
    read_record,
    write_record,
)

LOCAL = "local folder"
"""Stands for a revision that nobody knows; it pins nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One file to be put in its place. local: where a copy lies already, if one does."""

    target: str
    size_bytes: int
    revision: str
    source: str
    repository: str
    local: Path | None
    hub_file: HubFile | None


def install(
    profile_name: str,
    folder: Path,
    *,
    from_folder: Path | None = None,
    upgrade: bool = False,
    is_quiet: bool = False,
) -> InstallRecord:
    """Bring every file of the profile into `folder` and record it; what is there and right stays.

    from_folder: holds copies of the repositories, or a hub's cache; nothing is downloaded.
    Without it a whole installation is left alone; else files come from the account's hub cache or a
    model installed beside this one where they are there, else from the hub: at the recorded
    revision if there is one and `upgrade` is False, else at the newest.
    Raises InstallFailed, with what to do; the next run goes on where this one ended.
    """
    wanted = RECIPES[profile_name]
    with _alone(folder), _writing_to(folder):
        record = None if upgrade else _readable_record(folder)
        if record and from_folder is None and _is_whole(folder, record, wanted):
            return record
        pieces = _find_pieces(wanted, record, from_folder, _neighbours(folder))
        files = _bring_all(folder, pieces, is_quiet=is_quiet)
        result = InstallRecord(
            revisions={piece.repository: piece.revision for piece in pieces}, files=files
        )
        write_record(folder, result)
        for part in folder.rglob("*.part"):  # of a revision that nobody wants any more
            part.unlink()
        return result


def _readable_record(folder: Path) -> InstallRecord | None:
    try:
        return read_record(folder)
    except ModelUnavailable:
        return None  # a damaged record pins nothing; it is written anew


def _is_whole(folder: Path, record: InstallRecord, wanted: Sequence[WantedFile]) -> bool:
    """Whether nothing is left to do, so that the hub need not be asked."""
    if {file.path for file in record.files} != {file.target for file in wanted}:
        return False
    return not find_damage(folder, record)


def _neighbours(folder: Path) -> dict[str, Path]:
    """Files of the models that are installed beside this one, by their recorded SHA-256."""
    found: dict[str, Path] = {}
    for neighbour in sorted(folder.parent.iterdir()):
        record = _readable_record(neighbour) if neighbour != folder else None
        for file in record.files if record else ():
            found.setdefault(file.sha256, neighbour / file.path)
    return found


def _find_pieces(
    wanted: Sequence[WantedFile],
    record: InstallRecord | None,
    from_folder: Path | None,
    neighbours: Mapping[str, Path],
) -> list[Piece]:
    pieces: list[Piece] = []
    for repository, group in groupby(wanted, lambda file: file.repository):
        files = list(group)
        pin = record.revisions.get(repository) if record else None
        pin = None if pin == LOCAL else pin
        if from_folder is None:
            pieces += _from_hub(repository, files, pin, neighbours)
        elif (copy := _find_copy(from_folder, repository)) is not None:
            pieces += _from_copy(copy, repository, files)
        elif (from_folder / (cached := f"models--{repository.replace('/', '--')}")).is_dir():
            pieces += _from_cache(repository, files, pin, from_folder)
        else:
            name = repository.split("/")[1]
            raise InstallFailed(
                f"{from_folder} holds neither {name}/, a copy of {repository}, nor {cached}/, as a"
                " hub's cache has it."
            )
    return pieces


def _from_hub(
    repository: str,
    files: Sequence[WantedFile],
    pin: str | None,
    neighbours: Mapping[str, Path],
) -> list[Piece]:
    choices = [file.choices for file in files]
    try:
        found = hub.find_files(repository, pin, choices)
    except HubUnreachable as unreachable:
        try:
            return _from_cache(repository, files, pin, None)
        except InstallFailed as missing:
            raise InstallFailed(
                f"{missing} And there is {unreachable}. Connect this machine and run the command"
                " again, or bring the files from another one with --from FOLDER."
            ) from unreachable
    return [
        _piece(file, at_hub, _find_local(at_hub, neighbours))
        for file, at_hub in zip(files, found, strict=True)
    ]


def _find_local(file: HubFile, neighbours: Mapping[str, Path]) -> Path | None:
    """Where this machine has the file's contents: in the hub's cache, else in a neighbour."""
    if place := hub.cached(file.repository, file.revision, file.path):
        return place
    place = neighbours.get(file.digest)
    return place if place and place.is_file() and hub.matches(place, file) else None


def _from_cache(
    repository: str, files: Sequence[WantedFile], pin: str | None, cache: Path | None
) -> list[Piece]:
    found = hub.find_cached(repository, pin, [file.choices for file in files], cache)
    return [_piece(file, at_hub, place) for file, (at_hub, place) in zip(files, found, strict=True)]


def _piece(file: WantedFile, at_hub: HubFile, local: Path | None) -> Piece:
    return Piece(
        target=file.target,
        size_bytes=at_hub.size_bytes,
        revision=at_hub.revision,
        source=at_hub.source,
        repository=file.repository,
        local=local,
        hub_file=at_hub,
    )


def _find_copy(folder: Path, repository: str) -> Path | None:
    """A clone or a download of one repository: FOLDER/NAME or FOLDER/OWNER/NAME."""
    places = (folder / repository.split("/")[1], folder / repository)
    return next((place for place in places if place.is_dir()), None)


def _from_copy(copy: Path, repository: str, files: Sequence[WantedFile]) -> list[Piece]:
    pieces = []
    for file in files:
        path = next((copy / choice for choice in file.choices if (copy / choice).is_file()), None)
        if path is None:
            raise InstallFailed(
                f"{copy} lacks {file.choices[0]}. Copy the repository {repository} whole; only"
                " safetensors are read, no .bin or .ckpt."
            )
        pieces.append(
            Piece(
                target=file.target,
                size_bytes=path.stat().st_size,
                revision=LOCAL,
                source=f"{repository} from {LOCAL}:{path.relative_to(copy)}",
                repository=repository,
                local=path,
                hub_file=None,
            )
        )
    return pieces


def _bring_all(
    folder: Path, pieces: Sequence[Piece], *, is_quiet: bool
) -> tuple[InstalledFile, ...]:
    missing = sum(piece.size_bytes for piece in pieces if piece.local is None)
    free = shutil.disk_usage(folder).free
    if missing > free + sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()):
        raise InstallFailed(
            f"{folder} has room for {free / 1e9:.1f} GB, {missing / 1e9:.1f} GB are needed; set"
            " IMAGEN_MODELS_DIR to a larger disk."
        )
    total = sum(piece.size_bytes for piece in pieces)
    with tqdm(total=total, unit="B", unit_scale=True, disable=is_quiet, miniters=1) as bar:
        return tuple(_bring(folder, piece, bar) for piece in pieces)


def _bring(folder: Path, piece: Piece, bar: tqdm) -> InstalledFile:
    """Put one file in its place and tell what it is."""
    target = folder / piece.target
    bar.set_description(piece.target.partition("/")[0], refresh=False)
    before = bar.n
    if not _is_there(piece, target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if piece.local is not None:
            _link(piece, target)
        elif piece.hub_file is not None:
            _fetch(piece.hub_file, target, bar)
    bar.update(before + piece.size_bytes - bar.n)
    if target.suffix == ".safetensors" and not is_whole_safetensors(target):
        target.unlink()
        raise InstallFailed(
            f"{piece.source} is cut off or no safetensors file; nothing else is read."
        )
    return InstalledFile(
        path=piece.target,
        size_bytes=target.stat().st_size,
        sha256=hash_file(target),
        source=piece.source,
    )


def _is_there(piece: Piece, target: Path) -> bool:
    """Whether the target has the wanted contents, be it from a run that never came to a record."""
    if not target.is_file() or target.stat().st_size != piece.size_bytes:
        return False
    if piece.hub_file is not None and piece.hub_file.digest:
        return hub.matches(target, piece.hub_file)
    return piece.local is not None and hash_file(target) == hash_file(piece.local)


def _link(piece: Piece, target: Path) -> None:
    """A hard link keeps the file when the cache is cleaned up and takes no room; else a copy."""
    assert piece.local is not None
    original = piece.local.resolve()
    if piece.hub_file is not None and not hub.matches(original, piece.hub_file):
        raise InstallFailed(
            f"{piece.local} in the hub's cache is damaged: it is not what {piece.source} is. Remove"
            " it and run the command again."
        )
    draft = target.with_name(f"{target.name}.part")
    draft.unlink(missing_ok=True)
    try:
        os.link(original, draft)
    except OSError:
        shutil.copyfile(original, draft)
    os.replace(draft, target)


def _fetch(file: HubFile, target: Path, bar: tqdm) -> None:
    """Download beside the target; a part that was left by an earlier run is gone on with."""
    part = target.with_name(f"{target.name}.{file.digest[:12]}.part")
    size_bytes = part.stat().st_size if part.exists() else 0
    if size_bytes > file.size_bytes:  # from a wrong answer; there is no going on behind the end
        part.unlink()
        size_bytes = 0
    bar.update(size_bytes)
    try:
        hub.fetch(file, part, bar.update)
    except (HubUnreachable, InstallFailed) as error:
        raise InstallFailed(f"{error}. Run the command again: it goes on from here.") from error
    if not hub.matches(part, file):
        part.unlink()
        raise InstallFailed(
            f"{file.source} came damaged: its digest is not {file.digest}. Run the command again."
        )
    os.replace(part, target)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One installation a folder at a time. Makes the folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".installing").open("w")
    except OSError as error:
        raise InstallFailed(f"{folder} cannot be written: {error}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InstallFailed(f"Another installation works in {folder}; wait for it.") from error
        yield


@contextlib.contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    """Translate what the disks say, be it full, read-only or worn out."""
    try:
        yield
    except OSError as error:
        raise InstallFailed(
            f"A file could not be brought to {folder}: {error}. Put that right and run the command"
            " again."
        ) from error
