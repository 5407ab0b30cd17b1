"""Real web and worker processes on a database of their own, and a client for them."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil
import psycopg

ROOT = Path(__file__).resolve().parents[2]
Answer = TypeVar("Answer")

DRAW_TOKENS = """
import uuid
from django.contrib.auth.models import User
from generation.tokens import draw_token
for _ in range(%d):
    print(draw_token(User.objects.create(username=str(uuid.uuid4())).pk, "tests")[1])
"""
LOG_IN = """
from django.contrib.auth import SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
user = User.objects.create_superuser("operator")
session = SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.create()
print(session.session_key)
"""
LOG_TRIGGER = """
CREATE TABLE job_log (
    seq bigserial, job_id bigint, attempt int, status text, step int, worker_pid int,
    at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION log_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR (OLD.status, OLD.step, OLD.attempt)
                           IS DISTINCT FROM (NEW.status, NEW.step, NEW.attempt) THEN
        INSERT INTO job_log (job_id, attempt, status, step, worker_pid)
        VALUES (NEW.id, NEW.attempt, NEW.status, NEW.step, NEW.worker_pid);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER log_job AFTER INSERT OR UPDATE ON generation_generationjob
    FOR EACH ROW EXECUTE FUNCTION log_job();
"""


def wait_for(
    condition: Callable[[], Answer], *, limit_s: float, what: str, every_s: float = 0.05
) -> Answer:
    """The first true answer; fails with `what` when there is none in time."""
    give_up_at = time.monotonic() + limit_s
    while time.monotonic() < give_up_at:
        if answer := condition():
            return answer
        time.sleep(every_s)
    raise AssertionError(f"{what}: not within {limit_s:g} s")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One change of a job's row, as the database saw it."""

    attempt: int
    status: str
    step: int
    worker_pid: int | None
    at: Any


class Installation:
    """One Imagen: an environment, a database, and the processes that a test starts in it."""

    def __init__(self, folder: Path, database_url: str | None, **settings: str) -> None:
        self.folder = folder
        self.media = folder / "media"
        self.log_path = folder / "log.txt"
        names = [name for name in os.environ if not name.startswith(("IMAGEN_", "DATABASE_URL"))]
        self.environment = {name: os.environ[name] for name in names} | {
            "IMAGEN_DATA_DIR": str(folder / "data"),
            "IMAGEN_MEDIA_ROOT": str(self.media),
            "OMP_WAIT_POLICY": "PASSIVE",
            "IMAGEN_LOCK_DIR": str(folder),
            **settings,
        }
        if database_url:
            self.environment["DATABASE_URL"] = database_url
        self.database_url = database_url
        self.web: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.children: list[subprocess.Popen[bytes]] = []

    def manage(self, *arguments: str, **settings: str) -> str:
        """Run a management command to its end; what it printed."""
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        done = subprocess.run(
            command,
            env=self.environment | settings,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def migrate(self) -> None:
        self.manage("migrate", "--verbosity=0")
        with self.connect() as connection:
            connection.execute(LOG_TRIGGER)

    @contextmanager
    def connect(self) -> Iterator[psycopg.Connection]:
        assert self.database_url
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            yield connection

    def start(
        self, arguments: list[str], *, under: Sequence[str] = (), **settings: str
    ) -> subprocess.Popen[bytes]:
        """Run Python with these arguments. under: a program that becomes Python, as `nice` does."""
        with self.log_path.open("ab") as log:
            child = subprocess.Popen(
                [*under, sys.executable, *arguments],
                cwd=ROOT,
                env=self.environment | settings,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.children.append(child)
        return child

    def start_web(self) -> None:
        self.launch_web()
        wait_for(lambda: self.ask("GET", "/readyz")[0] == 200, limit_s=60, what="web is ready")

    def launch_web(self) -> None:
        """Start it without waiting; once more on the port that it had before."""
        with socket.create_server(("127.0.0.1", self.port), backlog=512) as listener:
            self.port = listener.getsockname()[1]
            os.set_inheritable(listener.fileno(), True)
            with self.log_path.open("ab") as log:
                self.web = subprocess.Popen(
                    [sys.executable, "-m", "imagen_site.web", "--fd", str(listener.fileno())],
                    cwd=ROOT,
                    env=self.environment,
                    stdout=log,
                    stderr=log,
                    pass_fds=[listener.fileno()],
                    start_new_session=True,
                )
        self.children.append(self.web)

    def start_worker(
        self, *, under: Sequence[str] = (), **settings: str
    ) -> subprocess.Popen[bytes]:
        return self.start([str(ROOT / "manage.py"), "imagen_worker"], under=under, **settings)

    def stop(self, child: subprocess.Popen[bytes], limit_s: float = 10) -> float:
        """SIGTERM; the seconds it took to go."""
        began = time.monotonic()
        child.terminate()
        child.wait(limit_s)
        return time.monotonic() - began

    def stop_all(self) -> None:
        for child in reversed(self.children):
            if child.poll() is None:
                child.terminate()
        for child in self.children:
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        token: str | None = None,
        cookie: str | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body; status 0 while nobody listens."""
        headers = {"Content-Type": "application/json"}
        if cookie:
            headers["Cookie"] = f"sessionid={cookie}"
        if token:
            headers["Authorization"] = f"Token {token}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, headers, answer.read()
        except ConnectionError:
            return 0, {}, b""
        finally:
            connection.close()

    def new_token(self) -> str:
        return self.new_tokens(1)[0]

    def new_tokens(self, count: int) -> list[str]:
        """Tokens of as many new users."""
        return self.manage("shell", "-v0", "-c", DRAW_TOKENS % count).split()

    def log_in_operator(self) -> str:
        """The session cookie of a new superuser."""
        return self.manage("shell", "-v0", "-c", LOG_IN)

    def submit(self, token: str, **fields: Any) -> str:
        wanted = {"prompt": "a castle at night", "seed": 7, **fields}
        status, _headers, body = self.ask("POST", "/generate", wanted, token)
        assert status == 202, body
        return json.loads(body)["job_id"]

    def status(self, token: str, job_id: str) -> dict[str, Any]:
        status, _headers, body = self.ask("GET", f"/status/{job_id}", token=token)
        return json.loads(body) if status == 200 else {"status": f"HTTP {status}"}

    def wait_for_status(
        self, token: str, job_id: str, wanted: str, limit_s: float = 60
    ) -> dict[str, Any]:
        def reached() -> dict[str, Any] | None:
            status = self.status(token, job_id)
            assert status["status"] in (wanted, "PENDING", "PROGRESS") or status[
                "status"
            ].startswith("HTTP"), (status, self.log_tail())
            return status if status["status"] == wanted else None

        try:
            return wait_for(reached, limit_s=limit_s, what=f"{job_id} is {wanted}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log_tail()}") from error

    def wait_for_step(self, job_id: str, step: int) -> int:
        """The process that works on the job, once it has reported this step."""

        def pid() -> int | None:
            with self.connect() as connection:
                row = connection.execute(
                    "SELECT worker_pid FROM generation_generationjob"
                    " WHERE public_id = %s AND status = 'running' AND step >= %s",
                    [job_id, step],
                ).fetchone()
            return row[0] if row else None

        return wait_for(pid, limit_s=60, what=f"{job_id} reaches step {step}", every_s=0.01)

    def row(self, job_id: str, columns: str) -> tuple[Any, ...]:
        with self.connect() as connection:
            row = connection.execute(
                f"SELECT {columns} FROM generation_generationjob WHERE public_id = %s", [job_id]
            ).fetchone()
        assert row
        return row

    def log_of(self, job_id: str) -> list[LogRow]:
        with self.connect() as connection:
            rows = connection.execute(
                "SELECT l.attempt, l.status, l.step, l.worker_pid, l.at FROM job_log l"
                " JOIN generation_generationjob j ON j.id = l.job_id"
                " WHERE j.public_id = %s ORDER BY seq",
                [job_id],
            ).fetchall()
        return [
            LogRow(attempt=row[0], status=row[1], step=row[2], worker_pid=row[3], at=row[4])
            for row in rows
        ]

    def pictures(self) -> list[Path]:
        return sorted(self.media.rglob("*.png"))

    def log_tail(self, lines: int = 30) -> str:
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])


@contextmanager
def open_installation(folder: Path, **settings: str) -> Iterator[Installation]:
    """Web on a new database of the server that the suite runs on; all of it goes at the end."""
    from imagen_site import embedded_postgres, env

    server_url = env.text("DATABASE_URL") or embedded_postgres.locate(env.data_dir()).url
    name = f"imagen_stack_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    url = psycopg.conninfo.make_conninfo(server_url, dbname=name)
    installation = Installation(folder, url, **settings)
    try:
        installation.migrate()
        installation.start_web()
        yield installation
    finally:
        installation.stop_all()
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def is_alive(pid: int) -> bool:
    """Whether the process is there and more than a zombie that init has not collected yet."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def crew_of(supervisor: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The supervisor's cluster: parent, sentinel, and the sentinel's three."""
    return psutil.Process(supervisor.pid).children(recursive=True)


def wait_until_whole(supervisor: subprocess.Popen[bytes], limit_s: float = 60) -> None:
    """Return once the supervisor's cluster has all its five processes."""
    wait_for(lambda: len(crew_of(supervisor)) == 5, limit_s=limit_s, what="the cluster is whole")


@contextmanager
def running_worker(
    installation: Installation, *, under: Sequence[str] = (), **settings: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor that was started just now; it is stopped at the end."""
    supervisor = installation.start_worker(under=under, **settings)
    try:
        yield supervisor
    finally:
        if supervisor.poll() is None:
            installation.stop(supervisor)


def wait_until_it_rests(process: psutil.Process, samples: int = 20) -> None:
    """Return once the process has used no processor time for a second."""
    quiet: list[float] = []

    def is_quiet() -> bool:
        times = process.cpu_times()
        quiet.append(times.user + times.system)
        return len(quiet) > samples and quiet[-1] == quiet[-samples]

    wait_for(is_quiet, limit_s=20, what=f"process {process.pid} rests")


def idle_worker_of(supervisor: subprocess.Popen[bytes]) -> psutil.Process:
    """The worker is the first process that the sentinel starts."""
    (parent,) = psutil.Process(supervisor.pid).children()
    (sentinel,) = parent.children()
    return min(sentinel.children(), key=lambda child: child.pid)
