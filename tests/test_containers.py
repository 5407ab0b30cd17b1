"""The container and systemd files: valid, closed, and in agreement with the code."""

import http.server
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands

from generation.worker.gpu_lock import GpuLock
from imagen_site import env, web

ROOT = Path(__file__).resolve().parents[1]
BASE, GPU = "docker-compose.yml", "docker-compose.gpu.yml"
UNITS = ("docs/imagen-web.service", "docs/imagen-worker@.service")
DOCKERFILE = (ROOT / "Dockerfile").read_text()
FILES = (BASE, GPU, ".env.example", "Dockerfile", *UNITS)


def merged(*values: Any) -> Any:
    """Compose files as compose merges them: mappings key by key, lists joined, others replaced."""
    first, *others = values
    for other in others:
        if isinstance(first, dict) and isinstance(other, dict):
            shared = {key: merged(first[key], other[key]) for key in first.keys() & other.keys()}
            first = first | other | shared
        else:
            first = first + other if isinstance(first, list) else other
    return first


def load(*names: str) -> dict[str, Any]:
    return merged(*(yaml.safe_load((ROOT / name).read_text()) for name in names))


@pytest.fixture(params=[(BASE,), (BASE, GPU)], ids=["cpu", "gpu"])
def project(request: pytest.FixtureRequest) -> dict[str, Any]:
    return load(*request.param)


@pytest.fixture
def services(project: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return project["services"]


def lasting(services: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Those that nobody waits for to complete."""
    awaited = {
        name
        for service in services.values()
        for name, wait in service.get("depends_on", {}).items()
        if wait["condition"] == "service_completed_successfully"
    }
    return {name: service for name, service in services.items() if name not in awaited}


@pytest.mark.parametrize("name", [BASE, GPU])
def test_compose_files_follow_the_specification(name: str) -> None:
    schema = ["--builtin-schema", "vendor.compose-spec", str(ROOT / name)]
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_services_refer_to_is_there(project: dict[str, Any], services: dict[str, Any]) -> None:
    used = set()
    for name, service in services.items():
        for other, wait in service.get("depends_on", {}).items():
            assert other in services, name
            assert wait["condition"] != "service_healthy" or "healthcheck" in services[other], name
        used |= {volume.split(":")[0] for volume in service.get("volumes", [])}
        for kind in ("secrets", "configs", "networks"):
            assert set(service.get(kind, ())) <= set(project.get(kind, ())), name
    assert used == set(project["volumes"])


def test_lasting_services_are_watched_restarted_and_given_time(services: dict[str, Any]) -> None:
    assert lasting(services).keys() == {"db", "web", "worker"}
    for name, service in lasting(services).items():
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert service["restart"] == "unless-stopped", name
        assert int(service["stop_grace_period"].removesuffix("s")) > web.GRACEFUL_SHUTDOWN_S, name
    assert "restart" not in services["migrate"]


def test_no_service_is_root_or_can_become_it(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["init"] is True, name
        assert service["read_only"] is True, name
        assert "/tmp" in service["tmpfs"], name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert "build" in service or service["user"] not in ("root", "0"), name
        assert not service.keys() & {"privileged", "cap_add", "network_mode", "pid"}, name
    assert int(instructions("USER")[-1].split(":")[0]) > 0


def test_images_are_pinned(services: dict[str, Any]) -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE))
    bases = {line.split()[0] for line in instructions("FROM")} - stages
    for image in bases | {service["image"] for service in services.values()}:
        _name, _colon, tag = image.partition(":")
        assert tag not in ("", "latest"), image


def test_only_the_web_is_published_and_only_to_this_machine(services: dict[str, Any]) -> None:
    assert {name for name, service in services.items() if "ports" in service} == {"web"}
    [port] = services["web"]["ports"]
    assert re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", port) == "127.0.0.1:8009:8009"
    assert instructions("EXPOSE") == ["8009"]


def test_a_password_must_be_given() -> None:
    texts = re.findall(r"\bP\w*PASSWORD: (\S+)", (ROOT / BASE).read_text())
    assert len(texts) == 2
    assert all(text.startswith("${POSTGRES_PASSWORD:?") for text in texts)


def test_folders_that_are_written_lie_on_volumes(services: dict[str, Any]) -> None:
    for name in ("migrate", "web", "worker"):
        service = services[name]
        mounts = {volume.split(":")[1] for volume in service["volumes"]}
        written = {service["environment"][f"IMAGEN_{key}"] for key in ("DATA_DIR", "MEDIA_ROOT")}
        assert mounts == written, name
        assert service["environment"]["IMAGEN_LOCK_DIR"] in service["tmpfs"], name
        [made] = re.findall(r"install --directory .*", DOCKERFILE)
        assert written == set(re.findall(r" (/\S+)", made))


def test_the_gpu_belongs_to_the_worker_and_both_ask_for_sdxl() -> None:
    services = load(BASE, GPU)["services"]
    assert {name for name, service in services.items() if "deploy" in service} == {"worker"}
    [device] = services["worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    for name in ("web", "worker"):
        assert services[name]["environment"]["IMAGEN_PROFILE"] == "${IMAGEN_PROFILE:-sdxl}"
    images = {service["image"] for service in services.values() if "build" in service}
    assert images == {"imagen:cuda"}


def test_a_worker_keeps_its_name_when_its_container_is_made_anew(services: dict[str, Any]) -> None:
    """Else a pause by that name would end with an update."""
    assert services["worker"]["environment"]["IMAGEN_WORKER_NAME"] == "imagen-worker"


@pytest.mark.parametrize("name", FILES)
def test_every_setting_is_known(name: str) -> None:
    named = re.findall(r"\bIMAGEN_[A-Z_]*[A-Z]", (ROOT / name).read_text())
    assert set(named) - env.known_names == set()


def test_the_example_shows_every_variable_that_compose_asks_for() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / BASE).read_text() + (ROOT / GPU).read_text()))
    shown = re.findall(r"^#?(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert asked <= set(shown)


@pytest.mark.parametrize("name", FILES)
def test_every_program_that_is_started_exists(name: str) -> None:
    text = re.sub(r'[",\[\]]+', "", (ROOT / name).read_text())
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) <= get_commands().keys()
    for module in re.findall(r"python -m ([a-z_]+\.[a-z_.]+)", text):
        assert importlib.util.find_spec(module), module


@pytest.fixture
def image_tree(tmp_path: Path) -> Path:
    """What .dockerignore lets into the image."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule[0] for rule in rules[1:]} == {"!", "*"}
    skip = shutil.ignore_patterns(
        *(rule.removeprefix("**/") for rule in rules if rule.startswith("**/"))
    )
    for name in (rule[1:] for rule in rules if rule.startswith("!")):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=skip)
        else:
            shutil.copy(source, tmp_path / name)
    return tmp_path


def test_the_image_holds_all_of_the_code(image_tree: Path) -> None:
    folders = [
        *settings.STATICFILES_DIRS,
        *settings.TEMPLATES[0]["DIRS"],
        settings.IMAGEN_REFERENCE_DIR,
    ]
    for path in (*folders, ROOT / "generation", ROOT / "imagen_site", ROOT / "manage.py"):
        assert (image_tree / path.relative_to(ROOT)).exists(), path
    for line in instructions("COPY"):
        sources = [word for word in line.split()[:-1] if not word.startswith(("--", "/"))]
        assert all((image_tree / source).exists() for source in sources), line


def test_the_image_holds_no_weights_but_the_miniatures(image_tree: Path) -> None:
    miniature = image_tree / "generation" / "miniature"
    judge = miniature / "judge.safetensors"
    weights = [*image_tree.rglob("*.safetensors"), *image_tree.rglob("*.bin")]
    assert weights
    assert all(path == judge or path.is_relative_to(miniature / "weights") for path in weights)
    assert not {"media", ".data", ".env", ".git", "tests"} & {p.name for p in image_tree.iterdir()}
    assert "install_profile" not in DOCKERFILE


def test_the_web_is_healthy_when_it_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # it must not be asked
    with probed(200, b'{"status": "ready"}') as port:
        assert is_healthy("web", port=port)
    with probed(503, b'{"status": "unavailable"}') as port:
        assert not is_healthy("web", port=port)
    assert not is_healthy("web", port=port)


def test_the_worker_is_healthy_while_its_cluster_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEN_LOCK_DIR", str(tmp_path))
    assert not is_healthy("worker")
    lock = GpuLock(tmp_path / "imagen-cpu-0123.lock")
    assert lock.acquire()
    assert not is_healthy("worker")
    leader = subprocess.Popen(["sleep", "60"])
    lock.recorder()(leader.pid)
    assert is_healthy("worker")
    leader.kill()
    os.waitid(os.P_PID, leader.pid, os.WEXITED | os.WNOWAIT)
    assert not is_healthy("worker")
    leader.wait()
    assert not is_healthy("worker")


@pytest.mark.parametrize("name", UNITS)
def test_units_are_closed(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    for line in (
        "User=imagen",
        "EnvironmentFile=/etc/imagen.env",
        "StateDirectory=imagen",
        "KillSignal=SIGTERM",
        "Restart=on-failure",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
    ):
        assert line in lines, line
    [stop] = [line for line in lines if line.startswith("TimeoutStopSec=")]
    assert int(stop.partition("=")[2]) > web.GRACEFUL_SHUTDOWN_S


def test_the_supervisor_alone_is_told_to_stop() -> None:
    assert "\nKillMode=mixed\n" in (ROOT / UNITS[1]).read_text()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_reads_the_units(name: str, tmp_path: Path) -> None:
    unit = tmp_path / Path(name).name
    text = (ROOT / name).read_text()
    unit.write_text(text.replace("/opt/imagen/.venv/bin/python", sys.executable))
    command = ["systemd-analyze", "verify", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert unit.name.partition(".")[0].rstrip("@") not in done.stderr, done.stderr


def instructions(keyword: str) -> list[str]:
    """What follows a keyword in the Dockerfile, in order."""
    return re.findall(rf"^{keyword} (.+)$", DOCKERFILE, re.MULTILINE)


def is_healthy(name: str, port: int = 8009) -> bool:
    """Whether the service's own check says so, on another port than the container's."""
    _cmd, *command = load(BASE)["services"][name]["healthcheck"]["test"]
    assert command[0] == "python"
    arguments = [argument.replace("8009", str(port)) for argument in command[1:]]
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, timeout=30, check=False
    )
    return done.returncode == 0


@contextmanager
def probed(status: int, body: bytes) -> Iterator[int]:
    """A server that answers every request so; its port."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
