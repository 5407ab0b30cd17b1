"""What the hub's cache holds is taken from there."""

from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants
from huggingface_hub.utils import _shared_blobs

from generation.installing.errors import InstallFailed
from generation.installing.recipe import ADAPTER, BASE, VAE
from generation.pipeline.loading import load_pipeline
from generation.pipeline.placement import CPU
from generation.spec.profiles import ModelProfile
from tests.installing.files import UNET_AT_HUB, fill_cache, flip_a_byte, run
from tests.installing.hub_server import HubServer


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
