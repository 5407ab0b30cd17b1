"""SDXL comes whole from a hub, its cache or a folder, goes on where it broke off, or is refused."""

import dataclasses
import fcntl
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from django.core.management import CommandError, call_command
from huggingface_hub import constants, file_download
from huggingface_hub.utils import _shared_blobs, close_session
from PIL import Image, ImageStat
from safetensors.torch import load_file

from generation.installing import installer
from generation.installing.errors import InstallFailed
from generation.installing.installer import LOCAL, install
from generation.installing.recipe import ADAPTER, BASE, RECIPES, VAE
from generation.jobs.services import submit_job
from generation.models import GenerationJob
from generation.pipeline.engine import Engine
from generation.pipeline.loading import load_pipeline
from generation.pipeline.placement import CPU
from generation.spec import profiles
from generation.spec.errors import InvalidRequest, ModelUnavailable
from generation.spec.installation import InstallRecord, read_record
from generation.spec.profiles import ModelProfile
from tests import factories
from tests.installing.hub_server import HubServer
from tests.installing.tiny_sdxl import write_repositories
from tests.pipeline.orders import StepLog, quick_request

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "manage.py install_profile sdxl"
UNET = "unet/diffusion_pytorch_model.safetensors"
UNET_AT_HUB = "unet/diffusion_pytorch_model.fp16.safetensors"
VAE_AT_HUB = "diffusion_pytorch_model.safetensors"
VOCABULARY = "tokenizer/vocab.json"
TARGETS = {file.target for file in RECIPES["sdxl"]}
PIECE = 1 << 16
NO_TIME = types.SimpleNamespace(sleep=lambda seconds: None)


@pytest.fixture(scope="session")
def clones(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Installing from them makes hard links: never write into an installed file."""
    return write_repositories(tmp_path_factory.mktemp("clones"))


@pytest.fixture
def hub(
    clones: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HubServer]:
    """The only hub that the client knows; its cache is empty, its retries do not wait."""
    with HubServer() as server:
        for repository, clone in clones.items():
            server.publish_folder(repository, clone)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "AGENT_HARNESSES_PATH", str(tmp_path / "harnesses"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", PIECE)
        monkeypatch.setattr(file_download, "time", NO_TIME)
        yield server
        close_session()


@pytest.fixture
def profile(tmp_path: Path) -> ModelProfile:
    return profiles.sdxl(tmp_path / "models")


@pytest.fixture
def installed(clones: dict[str, Path], profile: ModelProfile) -> ModelProfile:
    """SDXL in a folder that may be damaged, file by file."""
    install("sdxl", profile.folder, from_folder=clones[BASE].parent, is_quiet=True)
    return profile


@pytest.fixture
def models_dir(settings: Any, profile: ModelProfile) -> Path:
    """Where the command installs."""
    settings.IMAGEN_MODELS_DIR = profile.folder.parent
    return profile.folder.parent


def run(profile: ModelProfile, **options: Any) -> InstallRecord:
    return install("sdxl", profile.folder, is_quiet=True, **options)


def fill_cache(*repositories: str) -> None:
    """As another program would, with the hub's own client."""
    for repository in repositories:
        huggingface_hub.snapshot_download(repository, ignore_patterns=["*.bin"], max_workers=1)


def rewrite(path: Path, contents: bytes) -> None:
    """Put a new file in the place of one that may be a link."""
    path.unlink()
    path.write_bytes(contents)


def flip_a_byte(path: Path) -> None:
    contents = bytearray(path.read_bytes())
    contents[len(contents) // 2] ^= 1
    rewrite(path, bytes(contents))


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


# From the hub


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

    image = Image.open(io.BytesIO(picture.png))
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


# From the hub's cache


def test_what_the_cache_holds_is_not_fetched(hub: HubServer, profile: ModelProfile) -> None:
    fill_cache(BASE, VAE, ADAPTER)
    hub.forget_traffic()

    record = run(profile)

    assert hub.sent == {}
    assert record.revisions == {name: hub.newest(name).revision for name in (BASE, VAE, ADAPTER)}
    assert profile.is_installed


def test_an_unreachable_hub_is_not_needed_with_a_full_cache(
    hub: HubServer, profile: ModelProfile
) -> None:
    fill_cache(BASE, VAE, ADAPTER)
    hub.stop()

    record = run(profile)

    assert record.revisions == {name: hub.newest(name).revision for name in (BASE, VAE, ADAPTER)}
    load_pipeline(profile, CPU)


def test_an_unreachable_hub_and_half_a_cache_are_told_with_a_remedy(
    hub: HubServer, profile: ModelProfile
) -> None:
    fill_cache(BASE, VAE)
    hub.stop()

    with pytest.raises(InstallFailed) as caught:
        run(profile)

    message = str(caught.value)
    assert f"{ADAPTER} has no sdxl_models/ip-adapter_sdxl.safetensors" in message
    assert "no answer from the hub" in message
    assert "--from FOLDER" in message
    assert not profile.is_installed


def test_an_unreachable_hub_leaves_a_whole_installation_alone(
    hub: HubServer, profile: ModelProfile
) -> None:
    first = run(profile)
    hub.stop()

    assert run(profile) == first


def test_a_damaged_cache_is_named(hub: HubServer, profile: ModelProfile) -> None:
    fill_cache(BASE, VAE, ADAPTER)
    cached = huggingface_hub.hf_hub_download(VAE, "config.json")
    flip_a_byte(Path(cached).resolve())

    with pytest.raises(
        InstallFailed, match=r"config\.json in the hub's cache is damaged"
    ) as caught:
        run(profile)

    assert str(Path(cached)) in str(caught.value)


def test_a_cache_that_shares_its_blobs_serves(hub: HubServer, profile: ModelProfile) -> None:
    """With Xet the client links a blob on to one that has another name than its digest."""
    fill_cache(BASE, VAE, ADAPTER)
    cached = Path(huggingface_hub.hf_hub_download(BASE, UNET_AT_HUB))
    shared = _shared_blobs.publish_blob_to_shared_store(
        blob_path=str(cached.resolve()),
        xet_hash="ab" * 32,
        cache_dir=constants.HF_HUB_CACHE,
        expected_size=cached.stat().st_size,
        replace_existing=False,
    )
    assert shared
    assert cached.resolve().name == "ab" * 32
    hub.stop()

    run(profile)

    assert profile.is_installed


def test_offline_mode_takes_the_cache(
    hub: HubServer, profile: ModelProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_cache(BASE, VAE, ADAPTER)
    hub.forget_traffic()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    run(profile)

    assert profile.is_installed
    assert hub.starts == {}


# From a folder


def test_clones_are_taken_without_the_hub(clones: dict[str, Path], profile: ModelProfile) -> None:
    record = run(profile, from_folder=clones[BASE].parent)

    assert record.revisions == dict.fromkeys((BASE, VAE, ADAPTER), LOCAL)
    weights = load_file(profile.folder / UNET)
    assert {tensor.dtype for tensor in weights.values()} == {torch.float16}
    assert profile.is_installed
    load_pipeline(profile, CPU)


def test_clones_with_plain_names_alone_serve_too(
    clones: dict[str, Path], profile: ModelProfile, tmp_path: Path
) -> None:
    copies = tmp_path / "copies"
    shutil.copytree(
        clones[BASE].parent, copies / "unused", ignore=shutil.ignore_patterns("*.fp16.*")
    )
    for repository in clones:
        shutil.move(copies / "unused" / repository.split("/")[1], copies / repository)

    run(profile, from_folder=copies)

    weights = load_file(profile.folder / UNET)
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    load_pipeline(profile, CPU)


@pytest.mark.parametrize("is_pickle_left", [False, True])
def test_a_clone_that_lacks_safetensors_is_refused(
    clones: dict[str, Path], profile: ModelProfile, tmp_path: Path, is_pickle_left: bool
) -> None:
    copies = shutil.copytree(clones[BASE].parent, tmp_path / "copies")
    unet = copies / BASE.split("/")[1] / "unet"
    for weights in unet.glob("*.safetensors"):
        weights.unlink()
    if is_pickle_left:
        torch.save({}, unet / "diffusion_pytorch_model.bin")

    with pytest.raises(InstallFailed, match=f"lacks {UNET_AT_HUB}.*no .bin or .ckpt") as caught:
        run(profile, from_folder=copies)

    assert str(copies) in str(caught.value)
    assert not profile.is_installed


def test_a_pickle_under_the_name_of_safetensors_is_refused(
    clones: dict[str, Path], profile: ModelProfile, tmp_path: Path
) -> None:
    copies = shutil.copytree(clones[BASE].parent, tmp_path / "copies")
    torch.save({}, copies / BASE.split("/")[1] / UNET_AT_HUB)

    with pytest.raises(InstallFailed, match="no safetensors file"):
        run(profile, from_folder=copies)

    assert not (profile.folder / UNET).exists()


def test_changed_clones_are_taken_anew(
    clones: dict[str, Path], profile: ModelProfile, tmp_path: Path
) -> None:
    copies = shutil.copytree(clones[BASE].parent, tmp_path / "copies")
    run(profile, from_folder=copies)
    changed = copies / BASE.split("/")[1] / VOCABULARY
    flip_a_byte(changed)

    record = run(profile, from_folder=copies)

    assert (profile.folder / VOCABULARY).read_bytes() == changed.read_bytes()
    assert hashlib.sha256(changed.read_bytes()).hexdigest() in {x.sha256 for x in record.files}


def test_a_hubs_cache_serves_as_the_folder(
    hub: HubServer, profile: ModelProfile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "snapshots" / "cache"  # a name that stands in the cache's own paths too
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    fill_cache(BASE, VAE, ADAPTER)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "none"))
    hub.stop()

    record = run(profile, from_folder=cache)

    assert record.revisions == {name: hub.newest(name).revision for name in (BASE, VAE, ADAPTER)}
    sources = {file.path: file.source for file in record.files}
    assert sources[UNET] == f"{BASE}@{record.revisions[BASE]}:{UNET_AT_HUB}"
    assert profile.is_installed


def test_a_copied_cache_without_links_serves_too(
    hub: HubServer, profile: ModelProfile, tmp_path: Path
) -> None:
    """A disk that knows no links holds the files themselves."""
    fill_cache(BASE, VAE, ADAPTER)
    copied = shutil.copytree(constants.HF_HUB_CACHE, tmp_path / "copied", symlinks=False)

    record = run(profile, from_folder=copied)

    assert record.revisions[BASE] == hub.newest(BASE).revision
    assert profile.is_installed


@pytest.mark.parametrize("name", ["empty", "absent"])
def test_a_folder_with_nothing_of_it_is_refused(
    profile: ModelProfile, tmp_path: Path, name: str
) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(InstallFailed) as caught:
        run(profile, from_folder=tmp_path / name)

    assert str(tmp_path / name) in str(caught.value)


# Refused when it is loaded


def cut_off(path: Path) -> None:
    rewrite(path, path.read_bytes()[:-1000])


def pickle(path: Path) -> None:
    path.unlink()
    torch.save({}, path)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (flip_a_byte, "is damaged: its SHA-256"),
        (cut_off, "is damaged: .* bytes instead of"),
        (Path.unlink, "is missing"),
        (pickle, "is damaged"),
    ],
)
def test_a_harmed_file_is_not_loaded(
    installed: ModelProfile, harm: Callable[[Path], None], words: str
) -> None:
    harm(installed.folder / UNET)

    with pytest.raises(ModelUnavailable, match=f"{UNET} {words}.* Run {COMMAND}"):
        load_pipeline(installed, CPU)


@pytest.mark.parametrize("name", ["unet/diffusion_pytorch_model.bin", "sdxl.ckpt"])
def test_a_pickle_beside_the_files_is_not_loaded(installed: ModelProfile, name: str) -> None:
    torch.save({}, installed.folder / name)

    with pytest.raises(ModelUnavailable, match=f"holds {name}, which could run code"):
        load_pipeline(installed, CPU)


@pytest.mark.parametrize(
    "contents", [b"", b"\xff\xfe", b"[]", b'{"files": [{"path": 1}], "revisions": {}}']
)
def test_a_record_that_is_none_is_no_installation(installed: ModelProfile, contents: bytes) -> None:
    (installed.folder / "imagen.json").write_bytes(contents)

    assert not installed.is_installed
    with pytest.raises(ModelUnavailable, match=r"imagen\.json is no record of an installation"):
        load_pipeline(installed, CPU)


def test_a_damaged_record_is_written_anew(clones: dict[str, Path], installed: ModelProfile) -> None:
    (installed.folder / "imagen.json").write_bytes(b"\xff")

    run(installed, from_folder=clones[BASE].parent)

    assert installed.is_installed


def test_without_a_record_it_is_not_installed(installed: ModelProfile) -> None:
    (installed.folder / "imagen.json").unlink()

    assert not installed.is_installed
    with pytest.raises(ModelUnavailable, match=f"not installed. Run {COMMAND}"):
        load_pipeline(installed, CPU)


# What stands in the way


def test_a_second_installation_at_once_is_told(
    clones: dict[str, Path], profile: ModelProfile
) -> None:
    profile.folder.mkdir(parents=True)
    with (profile.folder / ".installing").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        with pytest.raises(InstallFailed, match="Another installation works in"):
            run(profile, from_folder=clones[BASE].parent)

    run(profile, from_folder=clones[BASE].parent)
    assert profile.is_installed


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(
    hub: HubServer, profile: ModelProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = types.SimpleNamespace(free=1_000_000)
    monkeypatch.setattr(installer.shutil, "disk_usage", lambda folder: usage)

    with pytest.raises(InstallFailed, match=r"room for 0\.0 GB.*set IMAGEN_MODELS_DIR"):
        run(profile)

    assert hub.sent == {}


def test_a_disk_that_fills_up_while_copying_is_told(
    clones: dict[str, Path], profile: ModelProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(installer.os, "link", refuse)
    monkeypatch.setattr(installer.shutil, "copyfile", refuse)

    with pytest.raises(InstallFailed, match="No space left"):
        run(profile, from_folder=clones[BASE].parent)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")

    with pytest.raises(InstallFailed, match="cannot be written"):
        run(profiles.sdxl(tmp_path / "models"))


# What is seen


def test_the_bar_ends_at_the_whole_also_when_resumed(
    hub: HubServer, profile: ModelProfile, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.break_off(UNET_AT_HUB, after=10 * PIECE)
    with pytest.raises(InstallFailed):
        install("sdxl", profile.folder)
    broken = capsys.readouterr().err
    hub.mend()

    record = install("sdxl", profile.folder)

    last = capsys.readouterr().err.rstrip().rpartition("\r")[2]
    megabytes = f"{record.size_bytes / 1e6:.2f}M"
    assert "100%" not in broken
    assert "100%" in last
    assert f"{megabytes}/{megabytes}" in last


def test_the_command_tells_revisions_files_size_and_folder(
    hub: HubServer, models_dir: Path
) -> None:
    told = io.StringIO()

    call_command("install_profile", "sdxl", stdout=told)

    lines = told.getvalue().splitlines()
    assert lines[0] == f"{BASE}  {hub.newest(BASE).revision}"
    assert lines[3].startswith(f"sdxl: {len(TARGETS)} files, 0.0 GB in {models_dir / 'sdxl'}")
    assert "IMAGEN_PROFILE=sdxl" in lines[4]


def test_the_command_passes_on_what_it_was_told(clones: dict[str, Path], models_dir: Path) -> None:
    told = io.StringIO()

    call_command("install_profile", "sdxl", "--from", str(clones[BASE].parent), stdout=told)

    assert told.getvalue().startswith(f"{BASE}  {LOCAL}\n")
    with pytest.raises(CommandError, match="not allowed with"):
        call_command("install_profile", "sdxl", "--from", "x", "--upgrade")
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("install_profile", "miniature")


def test_the_command_fails_in_one_sentence(hub: HubServer, models_dir: Path) -> None:
    hub.stop()

    with pytest.raises(CommandError) as caught:
        call_command("install_profile", "sdxl")

    assert "Traceback" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "no answer from the hub" in str(caught.value)


@pytest.mark.django_db
def test_a_job_for_it_is_refused_with_the_command_to_type(
    clones: dict[str, Path], models_dir: Path
) -> None:
    request = dataclasses.replace(factories.make_request(), profile="sdxl")
    owner = factories.make_user()

    with pytest.raises(InvalidRequest, match=COMMAND):
        submit_job(request, owner_id=owner.pk)
    assert not GenerationJob.objects.exists()

    call_command(
        "install_profile", "sdxl", "--from", str(clones[BASE].parent), stdout=io.StringIO()
    )
    assert submit_job(request, owner_id=owner.pk).profile == "sdxl"
