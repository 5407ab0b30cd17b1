"""Files from the Hugging Face hub, by its own client: resolved, fetched, resumed.

The client's own downloads begin a file anew when their process has died, which costs five
gigabytes for SDXL's UNet; so the partial file is ours, and the client's `http_get` goes on in it.
"""

import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # lazy

from generation.installing.errors import InstallFailed

logging.getLogger("httpx2").setLevel(logging.WARNING)  # a line for every request tears the bar

SHA256_CHARS = 64
UNREACHABLE = (httpx2.ConnectError, httpx2.TimeoutException, OfflineModeIsEnabled)


class HubUnreachable(Exception):
    """There is no connection to the hub, or none is wanted (HF_HUB_OFFLINE)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """A file at one commit. digest: its SHA-256, or the git blob's SHA-1 for a small one;
    empty where nobody tells.
    """

    repository: str
    revision: str
    path: str
    size_bytes: int
    digest: str

    @property
    def source(self) -> str:
        return f"{self.repository}@{self.revision}:{self.path}"


def find_files(
    repository: str, revision: str | None, wanted: Sequence[Sequence[str]]
) -> list[HubFile]:
    """The first of each file's choices that the repository has, at a commit or at its newest one.

    Raises HubUnreachable; InstallFailed when a file is not there or the hub refuses.
    """
    with _explained(f"asking for {repository}"):
        info = HfApi().model_info(repository, revision=revision, files_metadata=True)
    there = {sibling.rfilename: sibling for sibling in info.siblings or ()}
    files = []
    for choices in wanted:
        path = next((choice for choice in choices if choice in there), None)
        if path is None:
            raise InstallFailed(f"{repository} at {info.sha} has no {choices[0]}.")
        found = there[path]
        digest = found.lfs.sha256 if found.lfs else found.blob_id
        files.append(
            HubFile(
                repository=repository,
                revision=str(info.sha),
                path=path,
                size_bytes=int(found.size or 0),
                digest=str(digest),
            )
        )
    return files


def find_cached(
    repository: str, revision: str | None, wanted: Sequence[Sequence[str]], cache: Path | None
) -> list[tuple[HubFile, Path]]:
    """The same from a hub's cache alone (None: the account's own), with where each file lies.

    The cache links each path to a blob that is named by its digest; the blob may be a link too.
    In a copy that followed the links no digest is known.
    Raises InstallFailed for the first that is not there.
    """
    files = []
    for choices in wanted:
        places = [
            (path, place)
            for path in choices
            if (place := cached(repository, revision or "main", path, cache))
        ]
        if not places:
            raise InstallFailed(f"{repository} has no {choices[0]} in the hub's cache.")
        path, place = places[0]
        commit = place.parents[len(Path(path).parts) - 1].name
        files.append(
            (
                HubFile(
                    repository=repository,
                    revision=commit,
                    path=path,
                    size_bytes=place.stat().st_size,
                    digest=place.readlink().name if place.is_symlink() else "",
                ),
                place,
            )
        )
    return files


def cached(repository: str, revision: str, path: str, cache: Path | None = None) -> Path | None:
    """Where the hub's cache holds the file, if it does."""
    place = try_to_load_from_cache(repository, path, cache_dir=cache, revision=revision)
    return Path(place) if isinstance(place, str) else None


def fetch(file: HubFile, part: Path, advance: Callable[[int], None]) -> None:
    """Bring the file's bytes into `part`, going on where it ends; `advance` hears of each piece.

    Raises HubUnreachable or InstallFailed; what has come so far stays in `part`.
    """
    url = hf_hub_url(file.repository, file.path, revision=file.revision)
    with part.open("ab") as sink, _explained(f"fetching {file.path}"):
        http_get(
            url,
            sink,
            resume_size=sink.tell(),
            # Under gzip some of the hub's servers answer a Range with the whole file.
            headers=build_hf_headers(headers={"Accept-Encoding": "identity"}),
            expected_size=file.size_bytes,
            tqdm_class=_forwarding_to(advance),
        )
        sink.flush()
        os.fsync(sink.fileno())


def matches(path: Path, file: HubFile) -> bool:
    """Whether size and contents are what the hub named, by SHA-256 or as a git blob."""
    if path.stat().st_size != file.size_bytes:
        return False
    if not file.digest:
        return True
    if len(file.digest) == SHA256_CHARS:
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest() == file.digest
    blob = path.read_bytes()
    git = hashlib.sha1(b"blob %d\0" % len(blob) + blob, usedforsecurity=False)
    return git.hexdigest() == file.digest


def _forwarding_to(advance: Callable[[int], None]) -> type:
    """What http_get takes for a progress bar; it draws nothing itself."""

    class Forwarding:
        def __init__(self, *args: object, **kwargs: object) -> None: ...

        def __enter__(self) -> "Forwarding":
            return self

        def __exit__(self, *args: object) -> None: ...

        def update(self, count: int) -> None:
            advance(count)

    return Forwarding


@contextmanager
def _explained(doing: str) -> Iterator[None]:
    try:
        yield
    except UNREACHABLE as error:
        raise HubUnreachable(f"no answer from the hub while {doing}: {error}") from error
    except (HfHubHTTPError, httpx2.HTTPError, OSError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InstallFailed(f"Stopped while {doing}: {reason}") from error
