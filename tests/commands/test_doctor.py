"""manage.py doctor as an operator types it, in processes of its own, with the host in trouble."""

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from generation.jobs import controls
from tests import factories

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 10.0
MANAGE = (sys.executable, "manage.py")
LOADED = """
import sys
import manage
sys.argv = ["manage.py", "doctor"]
try:
    manage.main()
finally:
    print("loaded:", sorted({"torch", "diffusers", "transformers"} & set(sys.modules)))
"""


def doctor(
    *arguments: str, program: tuple[str, ...] = (*MANAGE, "doctor"), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run it to its end. Whatever is wrong, there is no traceback."""
    done = subprocess.run(
        [*program, *arguments],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": ""} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Those of a --json run by their names; of several with one name the worst."""
    order = ["ok", "warning", "bad"]
    told = json.loads(done.stdout)["findings"]
    return {
        finding["name"]: finding
        for finding in sorted(told, key=lambda finding: order.index(finding["state"]))
    }


@pytest.fixture
def mute_server() -> Iterator[str]:
    """The address of a database that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"postgresql://someone:geheim@127.0.0.1:{server.getsockname()[1]}/imagen"


@pytest.fixture
def hanging_tools(tmp_path: Path) -> dict[str, str]:
    """An environment in which driver and torch hang, as with a card that fell off the bus."""
    smi = tmp_path / "bin" / "nvidia-smi"
    smi.parent.mkdir()
    smi.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'import signal; signal.pause()'\n")
    smi.chmod(0o755)
    torch = tmp_path / "lib" / "torch" / "__init__.py"
    torch.parent.mkdir(parents=True)
    torch.write_text("import signal\nsignal.pause()\n")
    return {
        "PATH": f"{smi.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(tmp_path / "lib"),
    }


def test_help_tells_limits_and_exit_status() -> None:
    told = " ".join(doctor("--help").stdout.split())
    for words in ("within ten seconds", "Exit status 1", "starts no database", "--json", "--deep"):
        assert words in told


def test_lines_for_people_and_no_torch_in_the_process() -> None:
    done = doctor(program=(sys.executable, "-c", LOADED))
    *lines, _empty, summary, loaded = done.stdout.splitlines()
    assert loaded == "loaded: []"
    assert summary.endswith((" ok.", "are well."))
    assert all(line.startswith(("ok ", "warning ", "bad ", "     ")) for line in lines)
    assert any(line.startswith("ok       model ") for line in lines)
    assert "\x1b" not in done.stdout, "colours belong to a terminal"


def test_json_is_whole_whatever_is_wrong(tmp_path) -> None:
    """A dozen faults at once: each is told with what helps, and none hides another."""
    data = tmp_path / "data"
    (data / "models" / "sdxl").mkdir(parents=True)
    (data / "models" / "sdxl" / "imagen.json").write_text("{")
    done = doctor(
        "--json",
        DATABASE_URL="postgresql://someone:geheim@127.0.0.1:1/imagen",
        IMAGEN_DATA_DIR=str(data),
        IMAGEN_PROFILE="sdxl",
        IMAGEN_REFERENCE="nobody.png",
        IMAGEN_MEDIA_ROOT="/proc/nowhere",
        IMAGEN_LOCK_DIR="/proc/nowhere",
        IMAGEN_PUBLIC_URL="http://imagen.example.org",
        IMAGEN_DEBUG="1",
        IMAGEN_FAULT="crash:5",
        CUDA_VISIBLE_DEVICES="-1",
    )
    assert done.returncode == 1
    found = findings(done)
    bad = {name for name, finding in found.items() if finding["state"] == "bad"}
    assert bad >= {"model", "media", "locks", "database", "debug", "fault"}
    warned = {name for name, finding in found.items() if finding["state"] == "warning"}
    assert warned >= {"torch", "reference", "address"}
    assert all(finding["remedy"] for finding in found.values() if finding["state"] != "ok")
    assert found["model"]["remedy"] == "manage.py install_profile sdxl"
    assert "geheim" not in done.stdout + done.stderr


def test_ten_seconds_are_enough_though_everything_hangs(mute_server, hanging_tools) -> None:
    began = time.monotonic()
    done = doctor("--json", DATABASE_URL=mute_server, **hanging_tools)
    assert time.monotonic() - began < LIMIT_S
    assert done.returncode == 1
    found = findings(done)
    assert "nvidia-smi did not answer" in found["driver"]["words"]
    assert "not loaded within" in found["torch"]["words"]
    assert found["database"]["state"] == "bad"
    assert "geheim" not in done.stdout + done.stderr


def test_sleeping_database_is_told_and_not_started(tmp_path) -> None:
    done = doctor("--json", IMAGEN_DATA_DIR=str(tmp_path))
    assert done.returncode == 0, "nothing is bad, since nothing is served"
    found = findings(done)
    assert found["database"]["remedy"] == "make run"
    assert "queue" not in found
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


@pytest.mark.django_db(transaction=True)
def test_queue_and_workers_are_told_where_the_database_is_there() -> None:
    """In this process, whose threads see the tests' rows."""
    factories.living_worker()
    factories.queued_job()
    controls.pause("a new disk")
    out = io.StringIO()
    call_command("doctor", "--json", stdout=out)
    told = {finding["name"]: finding for finding in json.loads(out.getvalue())["findings"]}
    assert told["migrations"]["state"] == "ok"
    assert told["worker"]["words"].startswith("host/cpu idle, serves miniature")
    assert told["queue"]["words"].startswith("paused (a new disk); 1 of 100 wait, 0 painted now")
    assert told["queue"]["remedy"] == "manage.py queue resume"


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root sees all")
def test_another_user_is_told_what_is_closed(tmp_path) -> None:
    """Root without the right to see everything is like any other user."""
    closed = tmp_path / "media"
    closed.mkdir()
    program: tuple[str, ...] = (*MANAGE, "doctor")
    if os.geteuid() == 0:
        os.chown(closed, 65534, 65534)
        drop = ("--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search")
        program = ("setpriv", *drop, *program)
    closed.chmod(0o500)
    data = tmp_path / "data"
    done = doctor(
        "--json", program=program, IMAGEN_MEDIA_ROOT=str(closed), IMAGEN_DATA_DIR=str(data)
    )
    assert done.returncode == 1
    media = findings(done)["media"]
    assert "cannot be used by this user: Permission denied" in media["words"]
    assert media["remedy"].startswith(f"chown -R $(id -un) {closed}")


def test_settings_that_make_no_sense_are_one_sentence() -> None:
    done = doctor("--json", IMAGEN_PROFILE="path:/nowhere")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("imagen: IMAGEN_PROFILE is 'path:/nowhere'")
