"""`make demo` and `make run` as a newcomer meets them, on their embedded PostgreSQL."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path

import psutil
import psycopg
import pytest
from PIL import Image

from imagen_site import embedded_postgres
from tests.stack.harness import ROOT, Installation, is_alive, wait_for

NEW_PID_NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
ODD_PROMPT = """it's a "castle" $HOME `id` $(id) \\ # 50% & ; näive 城"""


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


@pytest.fixture
def fresh() -> Iterator[Installation]:
    """An installation that nobody has used; its data folder is reachable for every account."""
    folder = Path(tempfile.mkdtemp(prefix="imagen-launcher-"))
    folder.chmod(0o711)
    installation = Installation(folder, None, IMAGEN_PORT=free_port())
    installation.log_path.touch()
    yield installation
    installation.stop_all()
    socket_dir = embedded_postgres.locate(folder / "data").socket_dir
    shutil.rmtree(folder)
    shutil.rmtree(socket_dir, ignore_errors=True)  # there is none where nothing was started


def database(installation: Installation) -> psycopg.Connection:
    """A connection to the embedded server while somebody runs it."""
    url = embedded_postgres.locate(installation.folder / "data").url
    return psycopg.connect(url, autocommit=True)


def processes_of(installation: Installation) -> list[int]:
    """Everything alive that was started for this installation, PostgreSQL included."""
    folder = str(installation.folder)
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), *process.environ().values()]
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
        if process.pid != os.getpid() and any(folder in word for word in words):
            found.append(process.pid)
    return found


def programs_of(installation: Installation) -> set[int]:
    """The same without PostgreSQL, whose processes come and go with connections."""

    def is_postgres(pid: int) -> bool:
        try:
            return "postgres" in psutil.Process(pid).name()
        except psutil.NoSuchProcess:
            return True

    return {pid for pid in processes_of(installation) if not is_postgres(pid)}


def run_make(installation: Installation, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=ROOT,
        env=installation.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.skipif(
    Path(sys.prefix) != ROOT / ".venv", reason="`make demo` would install a second environment"
)
def test_make_demo_saves_a_picture_and_leaves_nothing_running(fresh: Installation) -> None:
    out = fresh.folder / "a picture.png"
    first = run_make(fresh, "demo", f"PROMPT={ODD_PROMPT}", f"OUT={out}")
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[-1] == str(out)
    assert "step 30 of 30" in first.stderr
    with Image.open(out) as image:
        assert image.size == (256, 256)
        assert image.text["parameters"].startswith(f"{ODD_PROMPT}\n")
    wait_for(lambda: not processes_of(fresh), limit_s=5, what="nothing is left running")
    assert {path.name for path in (fresh.folder / "data").iterdir()} == {"postgres", "secret_key"}


@pytest.mark.parametrize("prompt", ["", "   ", "\t"])
def test_empty_prompt_ends_with_one_line_and_nothing_started(
    fresh: Installation, prompt: str
) -> None:
    done = run_make(fresh, "demo", f"PROMPT={prompt}")
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    assert "make demo needs a prompt: make demo PROMPT=" in line
    assert not (fresh.folder / "data").exists()
    command = subprocess.run(
        [sys.executable, "manage.py", "demo", f"--prompt={prompt}"],
        cwd=ROOT,
        env=fresh.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert command.returncode != 0
    assert command.stderr.startswith("CommandError: The prompt is empty")
    assert len(command.stderr.splitlines()) == 1


def log_in(url: str, name: str, password: str) -> str:
    """The page that an operator sees who went to the admin and was sent to the sign-in."""
    jar = CookieJar()
    opener = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(jar), urllib.request.ProxyHandler({})
    )
    with opener.open(f"{url}/admin/") as page:
        page.read()
    (csrf,) = [cookie.value for cookie in jar if cookie.name == "csrftoken"]
    form = {"username": name, "password": password, "csrfmiddlewaretoken": csrf, "next": "/admin/"}
    request = urllib.request.Request(f"{url}/sign-in", urllib.parse.urlencode(form).encode())
    with opener.open(request) as page:
        return page.read().decode()


def greeting(installation: Installation) -> re.Match[str] | None:
    text = installation.log_path.read_text()
    return re.search(
        r"Imagen serves (\S+)\nLog in as (\S+) with the password (\S+)\n", text, re.MULTILINE
    )


def wait_for_greeting(installation: Installation) -> re.Match[str]:
    try:
        return wait_for(lambda: greeting(installation), limit_s=60, what="the greeting")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{installation.log_tail()}") from error


def test_serve_greets_paints_for_a_demo_beside_it_and_ends_without_a_trace(
    fresh: Installation,
) -> None:
    server = fresh.start(["manage.py", "serve"])
    url, name, password = wait_for_greeting(fresh).groups()
    assert url == f"http://127.0.0.1:{fresh.environment['IMAGEN_PORT']}"
    assert "/admin/logout/" in log_in(url, name, password)
    out = fresh.folder / "beside.png"
    assert fresh.manage("demo", "--prompt", "a ship", "--out", str(out)).endswith(str(out))
    family = {server.pid, *(child.pid for child in psutil.Process(server.pid).children(True))}
    assert programs_of(fresh) <= family, "the demo has left something"
    with database(fresh) as connection:
        workers = connection.execute("SELECT worker_pid FROM generation_generationjob").fetchall()
    assert {pid for (pid,) in workers} <= family
    server.send_signal(signal.SIGINT)
    assert server.wait(15) == 0
    wait_for(lambda: not processes_of(fresh), limit_s=5, what="nothing is left running")


def test_ctrl_c_ends_a_server_that_a_script_started_in_the_background(
    fresh: Installation,
) -> None:
    """A shell without job control starts `make run &` with SIGINT ignored."""
    script = f"{sys.executable} manage.py serve & wait $!"
    with fresh.log_path.open("ab") as log:
        shell = subprocess.Popen(
            ["sh", "-c", script],
            cwd=ROOT,
            env=fresh.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    fresh.children.append(shell)
    wait_for_greeting(fresh)
    (server,) = psutil.Process(shell.pid).children()
    server.send_signal(signal.SIGINT)
    assert shell.wait(15) == 0
    wait_for(lambda: not processes_of(fresh), limit_s=5, what="nothing is left running")


def test_killed_launcher_takes_everything_along(fresh: Installation) -> None:
    server = fresh.start(["manage.py", "serve"])
    wait_for_greeting(fresh)
    assert processes_of(fresh)
    server.kill()
    wait_for(lambda: not processes_of(fresh), limit_s=20, what="nothing is left running")


def test_killed_web_and_worker_are_replaced(fresh: Installation) -> None:
    """kill -9 of both, the worker's cluster left behind: the next picture is painted."""
    server = fresh.start(["manage.py", "serve"])
    wait_for_greeting(fresh)
    fresh.port = int(fresh.environment["IMAGEN_PORT"])
    token = fresh.new_token()
    crew = psutil.Process(server.pid).children(recursive=True)
    wait_for(lambda: fresh.ask("GET", "/readyz")[0] == 200, limit_s=15, what="web is ready")
    for child in psutil.Process(server.pid).children():
        child.kill()
    wait_for(
        lambda: not any(is_alive(process.pid) for process in crew),
        limit_s=20,
        what="the old processes are gone",
    )
    wait_for(lambda: fresh.ask("GET", "/readyz")[0] == 200, limit_s=15, what="web is back")
    fresh.wait_for_status(token, fresh.submit(token, steps=2), "SUCCESS")
    assert server.poll() is None


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGHUP])
def test_command_ended_by_a_signal_leaves_the_server(
    fresh: Installation, signal_number: int
) -> None:
    code = f"import os; os.kill(os.getpid(), {signal_number})"
    shell = fresh.start(["manage.py", "shell", "-v0", "-c", code])
    assert shell.wait(60) == 128 + signal_number
    wait_for(lambda: not processes_of(fresh), limit_s=5, what="nothing is left running")


def test_programs_that_start_at_once_on_a_fresh_folder_share_the_tables(
    fresh: Installation,
) -> None:
    code = "from generation import schema; schema.bring_up_to_date(); print(schema.is_current())"
    shells = [fresh.start(["manage.py", "shell", "-v0", "-c", code]) for _ in range(3)]
    assert [shell.wait(90) for shell in shells] == [0, 0, 0]
    assert fresh.log_path.read_text().split() == ["True"] * 3


def test_launcher_may_be_the_first_process_of_a_container(fresh: Installation) -> None:
    """Process 1 of a pid namespace, listening on every address; a demo beside it uses it."""
    if not shutil.which("unshare") or os.geteuid() != 0:
        pytest.skip("making a pid namespace takes unshare and root")
    environment = fresh.environment | {"IMAGEN_HOST": "0.0.0.0"}
    with fresh.log_path.open("ab") as log:
        container = subprocess.Popen(
            [*NEW_PID_NAMESPACE, sys.executable, "manage.py", "serve"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        )
    fresh.children.append(container)
    match = wait_for_greeting(fresh)
    assert match[1] == f"http://127.0.0.1:{environment['IMAGEN_PORT']}"
    container.kill()  # and with it everything in its namespace


def test_taken_port_is_named_with_a_remedy(fresh: Installation) -> None:
    with socket.create_server(("127.0.0.1", int(fresh.environment["IMAGEN_PORT"]))):
        server = fresh.start(["manage.py", "serve"])
        assert server.wait(30) == 1
    assert "choose another one with IMAGEN_PORT" in fresh.log_path.read_text()


def test_job_survives_a_crash_of_postgresql(fresh: Installation) -> None:
    """kill -9 of the server at step 5: it is back by itself, and the job is completed once."""
    fresh.start(["manage.py", "serve"])
    wait_for_greeting(fresh)
    fresh.database_url = embedded_postgres.locate(fresh.folder / "data").url
    fresh.port = int(fresh.environment["IMAGEN_PORT"])
    token = fresh.new_token()
    job_id = fresh.submit(token, steps=60, width=192, height=192)
    fresh.wait_for_step(job_id, 5)
    pid_file = next(fresh.folder.rglob("postmaster.pid"))
    postmaster = int(pid_file.read_text().splitlines()[0])
    os.kill(postmaster, signal.SIGKILL)
    wait_for(lambda: not is_alive(postmaster), limit_s=5, what="the server is gone")
    answers: set[int] = set()

    def is_back() -> bool:
        answers.add(fresh.ask("GET", f"/status/{job_id}", token=token)[0])
        return fresh.ask("GET", "/readyz")[0] == 200

    wait_for(is_back, limit_s=15, what="the server is back")
    assert answers <= {200, 503}
    fresh.wait_for_status(token, job_id, "SUCCESS", limit_s=90)
    attempt = fresh.row(job_id, "attempt")[0]
    assert [path.name for path in fresh.pictures()] == [f"{job_id}-{attempt}.png"]
    next_id = fresh.submit(token, steps=2)
    fresh.wait_for_status(token, next_id, "SUCCESS", limit_s=60)
