"""From a prompt to a picture through real processes."""

import io
import json
import re
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from django.urls import get_resolver
from django.urls.resolvers import RoutePattern
from PIL import Image

from tests.stack.harness import Installation, wait_for

SAMPLES = {
    "uuid": "00000000-0000-4000-8000-000000000000",
    "int": "1",
    "str": "a",
    "path": "a",
    "picture": "20260130_123456_abc123.png",
}
REQUESTS = 240
LIMIT = 100


def all_addresses(patterns: list[Any], prefix: str = "/") -> Iterator[str]:
    """Every route of the site with sample values in its places."""
    for pattern in patterns:
        route = re.sub(
            r"<(?:(\w+):)?\w+>", lambda place: SAMPLES[place[1] or "str"], str(pattern.pattern)
        )
        if hasattr(pattern, "url_patterns"):
            yield from all_addresses(pattern.url_patterns, prefix + route)
        elif isinstance(pattern.pattern, RoutePattern):
            yield prefix + route


def test_row_shows_each_step_once(
    installation: Installation, worker: subprocess.Popen[bytes], token: str
) -> None:
    job_id = installation.submit(token, steps=30)
    result = installation.wait_for_status(token, job_id, "SUCCESS")["result"]
    log = installation.log_of(job_id)
    assert [row.step for row in log if row.status == "running"] == list(range(31))
    assert [row.status for row in log if row.step in (0, 30)] == [
        "queued",
        "running",
        "running",
        "succeeded",
    ]
    status, headers, png = installation.ask("GET", result["url"], token=token)
    assert (status, headers["content-type"]) == (200, "image/png")
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == (256, 256)
        assert image.text["parameters"].startswith("a castle at night\nSteps: 30,")
    lines = installation.log_path.read_text().splitlines()
    assert any(f"job={job_id} attempt 1 started" in line for line in lines)
    assert any(f"job={job_id} attempt 1 ended: succeeded" in line for line in lines)


def test_client_sees_the_steps_pass(
    installation: Installation, worker: subprocess.Popen[bytes], token: str
) -> None:
    job_id = installation.submit(token, steps=50, width=192, height=192)
    seen: set[int] = set()

    def is_done() -> bool:
        status = installation.status(token, job_id)
        if status["status"] == "PROGRESS":
            seen.add(status["meta"]["current"])
        return status["status"] == "SUCCESS"

    wait_for(is_done, limit_s=60, what="the picture is done", every_s=0.02)
    assert len(seen) > 15


def test_same_seed_paints_the_same_file(
    installation: Installation, worker: subprocess.Popen[bytes], token: str
) -> None:
    jobs = [installation.submit(token, steps=4, seed=11) for _ in range(2)]
    urls = [installation.wait_for_status(token, job, "SUCCESS")["result"]["url"] for job in jobs]
    first, second = (installation.ask("GET", url, token=token)[2] for url in urls)
    assert first == second


def test_plain_qcluster_paints_with_a_warning(installation: Installation, token: str) -> None:
    cluster = installation.start(["manage.py", "qcluster"])
    try:
        job_id = installation.submit(token, steps=2)
        installation.wait_for_status(token, job_id, "SUCCESS")
        assert "this cluster runs without a supervisor" in installation.log_path.read_text()
    finally:
        members = [psutil.Process(cluster.pid), *psutil.Process(cluster.pid).children(True)]
        cluster.terminate()
        cluster.wait(30)
        psutil.wait_procs(members, timeout=5)


def test_simultaneous_posts_are_accepted_up_to_the_limit_exactly(
    installation: Installation,
) -> None:
    """No worker runs: of 240 requests at one moment, 100 are accepted and 140 sent away."""
    with installation.connect() as connection:
        connection.execute("TRUNCATE generation_generationjob CASCADE")
    tokens = installation.new_tokens(12)
    start = threading.Barrier(REQUESTS)
    answers: list[tuple[int, str | None]] = []

    def post(token: str) -> None:
        start.wait()
        status, headers, _body = installation.ask("POST", "/generate", {"prompt": "a"}, token)
        answers.append((status, headers.get("retry-after")))

    threads = [
        threading.Thread(target=post, args=(tokens[number % len(tokens)],))
        for number in range(REQUESTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(answers) == {(202, None): LIMIT, (503, "30"): REQUESTS - LIMIT}
    with installation.connect() as connection:
        (queued,) = connection.execute("SELECT count(*) FROM generation_generationjob").fetchone()
        connection.execute("TRUNCATE generation_generationjob CASCADE")
        connection.execute("DELETE FROM django_q_ormq")
    assert queued == LIMIT


def test_web_process_never_loads_torch(installation: Installation, token: str) -> None:
    """Asked for every address it has, the living process maps no library of torch."""
    addresses = set(all_addresses(get_resolver().url_patterns))
    assert {"/generate", "/admin/generation/generationjob/"} <= addresses
    cookie = installation.log_in_operator()
    job_id = installation.submit(token)
    pages = 0
    for address in sorted(addresses, key=lambda address: "logout" in address):
        for credentials in ({"token": token}, {"cookie": cookie}):
            status = installation.ask("GET", address, **credentials)[0]
            assert status not in (0, 500), address
            pages += status == 200
    assert pages > 10
    with installation.connect() as connection:
        connection.execute(
            "WITH gone AS (DELETE FROM generation_generationjob WHERE public_id = %s RETURNING id)"
            " DELETE FROM generation_jobtransition USING gone WHERE job_id = gone.id",
            [job_id],
        )
    assert installation.web
    maps = Path(f"/proc/{installation.web.pid}/maps").read_text()
    assert "psycopg" in maps
    assert not re.search(r"libtorch|/torch/|diffusers|transformers", maps)


def test_token_and_user_commands_print_one_line_each(installation: Installation) -> None:
    password = installation.manage("create_user", "zoe")
    assert re.fullmatch(r"\S{12,}", password)
    assert re.fullmatch(r"img_\S{43}", installation.manage("create_token", "zoe"))
    assert json.loads(installation.ask("GET", "/healthz")[2])["status"] == "ok"
