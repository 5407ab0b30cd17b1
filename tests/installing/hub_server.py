"""A hub on loopback: what huggingface_hub's client asks for, over real HTTP, and what goes wrong.

Speaks /api/models, /resolve and the redirect of large files to another address, which honours
Range. Counts the bytes of every file that it sends.
"""

import hashlib
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE_SUFFIXES = (".safetensors", ".bin")
PIECE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A repository at one revision: its files by path."""

    revision: str
    files: dict[str, bytes]


@dataclass(slots=True, kw_only=True)
class Trouble:
    """The answer ends after so many bytes of the file, or waits there until the server closes."""

    after: int
    is_stall: bool
    happened: threading.Event = field(default_factory=threading.Event)


class HubServer(ThreadingHTTPServer):
    """sent: bytes by path, of contents only. starts: from where each path was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.commits: dict[str, list[Commit]] = {}
        self.sent: Counter[str] = Counter()
        self.starts: dict[str, list[int]] = {}
        self.troubles: dict[str, Trouble] = {}
        self.swapped: dict[str, bytes] = {}
        self.ignores_range_under_gzip = False
        self.is_down = False
        self.is_closing = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> "HubServer":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Refuse connections from now on."""
        if not self.is_closing.is_set():
            self.is_closing.set()
            self.shutdown()
            self.server_close()
            self._thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that was killed leaves a broken pipe."""

    def publish(self, repository: str, files: dict[str, bytes]) -> str:
        """Commit the files as the newest revision, which is returned."""
        history = self.commits.setdefault(repository, [])
        digest = hashlib.sha1(f"{repository} {len(history)}".encode(), usedforsecurity=False)
        history.append(Commit(revision=digest.hexdigest(), files=files))
        return history[-1].revision

    def publish_folder(self, repository: str, folder: Path) -> str:
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        files = {str(path.relative_to(folder)): path.read_bytes() for path in paths}
        return self.publish(repository, files)

    def newest(self, repository: str) -> Commit:
        return self.commits[repository][-1]

    def break_off(self, path: str, *, after: int) -> None:
        """Send so much of the file once, then answer nothing but 503 until mended."""
        self.troubles[path] = Trouble(after=after, is_stall=False)

    def stall(self, path: str, *, after: int) -> Trouble:
        self.troubles[path] = Trouble(after=after, is_stall=True)
        return self.troubles[path]

    def mend(self) -> None:
        self.is_down = False
        self.troubles.clear()
        self.swapped.clear()

    def forget_traffic(self) -> None:
        self.sent.clear()
        self.starts.clear()


class _Handler(BaseHTTPRequestHandler):
    server: HubServer

    def log_message(self, format: str, *args: object) -> None: ...

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if self.server.is_down:
            self._refuse(503, "ServiceUnavailable")
        elif path.startswith("/api/models/"):
            self._answer_api(path.removeprefix("/api/models/"))
        elif "/resolve/" in path:
            repository, _, rest = path[1:].partition("/resolve/")
            self._answer_file(repository, *rest.split("/", 1))
        else:
            self._refuse(404, "EntryNotFound")

    def _find(self, repository: str, revision: str) -> Commit | None:
        history = self.server.commits.get(repository, [])
        wanted = [commit for commit in history if revision in ("main", commit.revision)]
        return wanted[-1] if wanted else None

    def _answer_api(self, path: str) -> None:
        repository, _, revision = path.partition("/revision/")
        repository, _, tree = repository.partition("/tree/")
        commit = self._find(repository, tree or revision or "main")
        if commit is None:
            self._refuse(404, "RevisionNotFound")
        elif tree:
            self._send_json([_describe(name, body)[1] for name, body in commit.files.items()])
        else:
            siblings = [_describe(name, body)[0] for name, body in commit.files.items()]
            self._send_json({"id": repository, "sha": commit.revision, "siblings": siblings})

    def _answer_file(self, repository: str, revision: str, name: str) -> None:
        commit = self._find(repository, revision)
        if commit is None or name not in commit.files:
            self._refuse(404, "EntryNotFound")
            return
        body = commit.files[name]
        is_large = name.endswith(LARGE_SUFFIXES)
        headers = {"X-Repo-Commit": commit.revision, "ETag": f'"{_digest(name, body)}"'}
        if is_large and "cdn" not in self.path:
            headers["X-Linked-Size"] = str(len(body))
            headers["X-Linked-ETag"] = headers["ETag"]
            headers["Location"] = f"{self.server.url}{self.path}?cdn"
            self._send_head(302, headers | {"Content-Length": "0"})
        else:
            self._send_body(name, self.server.swapped.get(name, body), headers)

    def _send_body(self, name: str, body: bytes, headers: dict[str, str]) -> None:
        start = self._start()
        if start > len(body) or (start and start == len(body)):
            self._refuse(416, "RangeNotSatisfiable")
            return
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        self._send_head(206 if start else 200, headers | {"Content-Length": str(len(body) - start)})
        if self.command == "GET":
            self.server.starts.setdefault(name, []).append(start)
            self._send_pieces(name, body, start)

    def _send_pieces(self, name: str, body: bytes, start: int) -> None:
        trouble = self.server.troubles.get(name)
        end = trouble.after if trouble else len(body)
        for begin in range(start, end, PIECE_BYTES):
            piece = body[begin : min(begin + PIECE_BYTES, end)]
            self.wfile.write(piece)
            self.server.sent[name] += len(piece)
        if trouble:
            trouble.happened.set()
            if trouble.is_stall:
                self.server.is_closing.wait()
            self.server.is_down = True

    def _start(self) -> int:
        wanted = self.headers.get("Range", "")
        is_gzip = "gzip" in self.headers.get("Accept-Encoding", "")
        if not wanted or (is_gzip and self.server.ignores_range_under_gzip):
            return 0
        return int(wanted.removeprefix("bytes=").rstrip("-"))

    def _send_json(self, content: Any) -> None:
        body = json.dumps(content).encode()
        self._send_head(200, {"Content-Length": str(len(body))})
        self.wfile.write(body)

    def _send_head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _refuse(self, status: int, code: str) -> None:
        self._send_head(status, {"X-Error-Code": code, "Content-Length": "0"})


def _digest(name: str, body: bytes) -> str:
    """What the hub calls a file by: the SHA-256 of a large one, the git blob's SHA-1 else."""
    if name.endswith(LARGE_SUFFIXES):
        return hashlib.sha256(body).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(body) + body, usedforsecurity=False).hexdigest()


def _describe(name: str, body: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """A file as a model's sibling, and as an entry of its tree."""
    digest = _digest(name, body)
    pointer = hashlib.sha1(digest.encode(), usedforsecurity=False).hexdigest()
    sibling: dict[str, Any] = {"rfilename": name, "size": len(body), "blobId": digest}
    entry: dict[str, Any] = {"type": "file", "path": name, "size": len(body), "oid": digest}
    if name.endswith(LARGE_SUFFIXES):
        sibling |= {"blobId": pointer}
        sibling["lfs"] = {"sha256": digest, "size": len(body), "pointerSize": 134}
        entry |= {"oid": pointer}
        entry["lfs"] = {"oid": digest, "size": len(body), "pointerSize": 134}
    return sibling, entry
