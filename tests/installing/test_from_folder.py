"""Copies of the repositories, or a cache, in a folder."""

import hashlib
import shutil
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file

from generation.installing.errors import InstallFailed
from generation.installing.installer import LOCAL
from generation.installing.recipe import ADAPTER, BASE, VAE
from generation.pipeline.loading import load_pipeline
from generation.pipeline.placement import CPU
from generation.spec.profiles import ModelProfile
from tests.installing.files import UNET, UNET_AT_HUB, VOCABULARY, fill_cache, flip_a_byte, run
from tests.installing.hub_server import HubServer


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
