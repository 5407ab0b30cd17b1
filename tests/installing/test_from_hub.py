"""Files come from the hub, and go on where they were broken off."""

import dataclasses
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageStat

from generation.installing.errors import InstallFailed
from generation.installing.recipe import ADAPTER, BASE, RECIPES, VAE
from generation.pipeline.engine import Engine
from generation.pipeline.loading import load_pipeline
from generation.pipeline.placement import CPU
from generation.spec.installation import read_record
from generation.spec.profiles import ModelProfile
from tests.installing.files import (
    PIECE,
    ROOT,
    TARGETS,
    UNET,
    UNET_AT_HUB,
    VAE_AT_HUB,
    VOCABULARY,
    files_in,
    flip_a_byte,
    run,
)
from tests.installing.hub_server import HubServer
from tests.pipeline.orders import StepLog, quick_request


def test_every_file_comes_with_its_digest_and_revision(
    hub: HubServer, profile: ModelProfile
) -> None:
    record = run(profile)

    assert files_in(profile.folder) == TARGETS | {"imagen.json", ".installing"}
    assert record.revisions == {name: hub.newest(name).revision for name in (BASE, VAE, ADAPTER)}
    recorded = {file.path: file for file in record.files}
    for wanted in RECIPES["sdxl"]:
        original = hub.newest(wanted.repository).files[wanted.choices[0]]
        assert (profile.folder / wanted.target).read_bytes() == original
        assert recorded[wanted.target].sha256 == hashlib.sha256(original).hexdigest()
    assert read_record(profile.folder) == dataclasses.replace(record, files=tuple(record.files))
    assert profile.is_installed


@pytest.mark.parametrize("ip_strength", [0.0, 0.6])
def test_what_the_hub_sent_paints(
    hub: HubServer, profile: ModelProfile, ip_strength: float
) -> None:
    run(profile)
    reference = io.BytesIO()
    Image.new("RGB", (64, 64), "orange").save(reference, "PNG")
    request = quick_request(
        width=256, height=256, steps=2, profile="sdxl", ip_strength=ip_strength,
        reference=hashlib.sha256(reference.getvalue()).hexdigest() if ip_strength else "",
    )  # fmt: skip

    pipe = load_pipeline(profile, CPU)
    engine = Engine(profile=profile, pipe=pipe, placement=CPU, fault=None)
    listener = StepLog()
    picture = engine.generate(request, listener, reference.getvalue() if ip_strength else None)

    image = Image.open(io.BytesIO(picture.file))
    assert (image.mode, image.size) == ("RGB", (256, 256))
    assert min(ImageStat.Stat(image).stddev) > 1
    assert len(listener.heard) == 2
    assert pipe.scheduler.config.prediction_type == "epsilon"


def test_a_broken_transfer_goes_on_where_it_ended(hub: HubServer, profile: ModelProfile) -> None:
    size = len(hub.newest(BASE).files[UNET_AT_HUB])
    hub.break_off(UNET_AT_HUB, after=10 * PIECE)
    with pytest.raises(InstallFailed, match=r"fetching unet/.*503 .*goes on from here"):
        run(profile)
    assert not profile.is_installed

    hub.mend()
    run(profile)

    assert hub.starts[UNET_AT_HUB] == [0, 10 * PIECE]
    assert hub.sent[UNET_AT_HUB] == size
    assert all(len(starts) == 1 for name, starts in hub.starts.items() if name != UNET_AT_HUB)
    assert profile.is_installed
    assert files_in(profile.folder) == TARGETS | {"imagen.json", ".installing"}


def test_a_hub_that_compresses_still_resumes(hub: HubServer, profile: ModelProfile) -> None:
    """Some answer a Range with everything when the client accepts gzip."""
    hub.ignores_range_under_gzip = True
    hub.break_off(UNET_AT_HUB, after=10 * PIECE)
    with pytest.raises(InstallFailed):
        run(profile)

    hub.mend()
    run(profile)

    assert hub.starts[UNET_AT_HUB] == [0, 10 * PIECE]


def test_a_killed_process_is_resumed(hub: HubServer, tmp_path: Path) -> None:
    """With the client as it is, which writes in chunks of 10 MiB."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [12 << 20], "data_offsets": [0, 12 << 20]}})
    large = len(header).to_bytes(8, "little") + header.encode() + bytes(12 << 20)
    hub.publish(BASE, hub.newest(BASE).files | {UNET_AT_HUB: large})
    stall = hub.stall(UNET_AT_HUB, after=11 << 20)
    environment = os.environ | {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "hf"),
        "IMAGEN_MODELS_DIR": str(tmp_path / "models"),
    }
    command = [sys.executable, ROOT / "manage.py", "install_profile", "sdxl"]
    place: dict[str, Any] = {"cwd": ROOT, "env": environment, "stderr": subprocess.PIPE}
    unet = tmp_path / "models" / "sdxl" / "unet"

    with subprocess.Popen(command, **place) as first:
        assert stall.happened.wait(30)
        while not any(part.stat().st_size >= 10 << 20 for part in unet.glob("*.part")):
            assert first.poll() is None
        first.send_signal(signal.SIGKILL)
    hub.mend()
    second = subprocess.run(command, check=False, timeout=60, **place)

    assert (second.returncode, second.stderr) == (0, b"")
    assert hub.starts[UNET_AT_HUB] == [0, 10 << 20]
    assert all(len(starts) == 1 for name, starts in hub.starts.items() if name != UNET_AT_HUB)
    assert (tmp_path / "models" / "sdxl" / UNET).read_bytes() == large


def test_a_second_run_fetches_nothing(hub: HubServer, profile: ModelProfile) -> None:
    first = run(profile)
    hub.forget_traffic()

    second = run(profile)

    assert hub.sent == {}
    assert second == first


@pytest.mark.parametrize("harm", [flip_a_byte, Path.unlink])
def test_a_lost_file_comes_again_at_the_recorded_revision(
    hub: HubServer, profile: ModelProfile, harm: Callable[[Path], None]
) -> None:
    first = run(profile)
    hub.publish(BASE, hub.newest(BASE).files | {VOCABULARY: b"{}"})
    harm(profile.folder / VOCABULARY)
    hub.forget_traffic()

    again = run(profile)

    assert again == first
    assert set(hub.sent) == {VOCABULARY}
    load_pipeline(profile, CPU)


def test_an_upgrade_takes_the_newest_revision(hub: HubServer, profile: ModelProfile) -> None:
    run(profile)
    newest = hub.publish(BASE, hub.newest(BASE).files | {VOCABULARY: b"{}"})

    record = run(profile, upgrade=True)

    assert record.revisions[BASE] == newest
    assert (profile.folder / VOCABULARY).read_bytes() == b"{}"


def test_what_came_of_an_older_revision_is_cleared_away(
    hub: HubServer, profile: ModelProfile
) -> None:
    hub.break_off(UNET_AT_HUB, after=10 * PIECE)
    with pytest.raises(InstallFailed):
        run(profile)
    hub.mend()
    hub.publish(BASE, hub.newest(BASE).files | {UNET_AT_HUB: hub.newest(VAE).files[VAE_AT_HUB]})

    run(profile)

    assert files_in(profile.folder) == TARGETS | {"imagen.json", ".installing"}


@pytest.mark.parametrize("name", [UNET_AT_HUB, VOCABULARY])
def test_a_file_that_comes_damaged_is_refused_and_not_kept(
    hub: HubServer, profile: ModelProfile, name: str
) -> None:
    hub.swapped[name] = hub.newest(BASE).files[name][:-1] + b"!"

    with pytest.raises(InstallFailed, match=f"{name} came damaged.*Run the command again"):
        run(profile)

    target = profile.folder / name.replace(".fp16", "")
    assert not target.exists()
    assert not list(target.parent.glob("*.part"))
    assert not profile.is_installed


@pytest.mark.parametrize("change", [lambda whole: whole + b"x", lambda whole: whole[:-9]])
def test_a_file_of_another_length_does_not_stand_in_the_way(
    hub: HubServer, profile: ModelProfile, change: Callable[[bytes], bytes]
) -> None:
    hub.swapped[UNET_AT_HUB] = change(hub.newest(BASE).files[UNET_AT_HUB])
    with pytest.raises(InstallFailed, match=r"Stopped while fetching unet|came damaged"):
        run(profile)

    hub.mend()
    run(profile)

    assert profile.is_installed


def test_a_repository_without_the_file_is_named(hub: HubServer, profile: ModelProfile) -> None:
    files = dict(hub.newest(VAE).files)
    del files["config.json"]
    revision = hub.publish(VAE, files)

    with pytest.raises(InstallFailed, match=f"{VAE} at {revision} has no config.json"):
        run(profile)
