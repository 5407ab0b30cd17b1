"""SDXL Turbo and SDXL Lightning: put together, painted with, and nothing fetched twice."""

import dataclasses
import hashlib
import io
import json
import os
from pathlib import Path

import pytest
from django.core.management import call_command
from PIL import Image

from generation.installing.installer import install
from generation.installing.recipe import ADAPTER, BASE, LIGHTNING, RECIPES, TURBO, VAE
from generation.pipeline.engine import Engine
from generation.pipeline.loading import load_pipeline
from generation.pipeline.placement import CPU
from generation.spec import profiles
from generation.spec.installation import read_record
from generation.spec.profiles import ModelProfile
from tests.installing.files import UNET, UNET_AT_HUB, files_in, flip_a_byte
from tests.installing.hub_server import HubServer
from tests.pipeline.orders import StepLog, quick_request

LIGHTNING_AT_HUB = "sdxl_lightning_4step_unet.safetensors"
ENCODER = "ip_adapter/sdxl_models/image_encoder/model.safetensors"


@pytest.fixture(params=["sdxl-turbo", "sdxl-lightning"])
def distilled(request: pytest.FixtureRequest, tmp_path: Path) -> ModelProfile:
    return profiles.known_profiles(tmp_path / "models")[request.param]


def bring(profile: ModelProfile) -> None:
    install(profile.name, profile.folder, is_quiet=True)


def test_each_is_one_folder_of_its_repositories_files(
    hub: HubServer, distilled: ModelProfile
) -> None:
    bring(distilled)

    assert files_in(distilled.folder) == {
        *(file.target for file in RECIPES[distilled.name]), "imagen.json", ".installing"
    }  # fmt: skip
    for wanted in RECIPES[distilled.name]:
        original = hub.newest(wanted.repository).files[wanted.choices[0]]
        assert (distilled.folder / wanted.target).read_bytes() == original
    assert distilled.is_installed


@pytest.mark.parametrize(
    ("name", "repositories", "unet_at_hub"),
    [
        ("sdxl-turbo", {TURBO, VAE, ADAPTER}, (TURBO, UNET_AT_HUB)),
        ("sdxl-lightning", {BASE, LIGHTNING, VAE, ADAPTER}, (LIGHTNING, LIGHTNING_AT_HUB)),
    ],
)
def test_the_record_tells_where_the_unet_is_from(
    hub: HubServer, tmp_path: Path, name: str, repositories: set[str], unet_at_hub: tuple[str, str]
) -> None:
    profile = profiles.known_profiles(tmp_path / "models")[name]
    bring(profile)

    record = read_record(profile.folder)

    assert record is not None
    assert record.revisions == {each: hub.newest(each).revision for each in repositories}
    repository, path = unet_at_hub
    sources = {file.path: file.source for file in record.files}
    assert sources[UNET] == f"{repository}@{record.revisions[repository]}:{path}"


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("ip_strength", [0.0, 0.6])
def test_what_the_hub_sent_paints_in_few_steps(
    hub: HubServer, distilled: ModelProfile, steps: int, ip_strength: float
) -> None:
    bring(distilled)
    style = io.BytesIO()
    Image.new("RGB", (64, 64), "orange").save(style, "PNG")
    request = quick_request(
        width=256, height=256, steps=steps, guidance_scale=0.0, profile=distilled.name
    )
    if ip_strength:
        digest = hashlib.sha256(style.getvalue()).hexdigest()
        request = dataclasses.replace(request, ip_strength=ip_strength, reference=digest)
    engine = Engine(
        profile=distilled, pipe=load_pipeline(distilled, CPU), placement=CPU, fault=None
    )
    listener = StepLog()

    picture = engine.generate(request, listener, style.getvalue() if ip_strength else None)

    image = Image.open(io.BytesIO(picture.file))
    assert image.size == (256, 256)
    assert f"Sampler: {distilled.sampler.name}, " in image.text["parameters"]
    assert f"Model: {distilled.title}, " in image.text["parameters"]
    assert len(listener.heard) == steps
    assert all(heard.preview() for heard in listener.heard)


def test_a_model_of_512_pixels_is_loaded_as_one(hub: HubServer, tmp_path: Path) -> None:
    turbo = profiles.sdxl_turbo(tmp_path / "models")
    bring(turbo)

    config = json.loads((turbo.folder / "unet" / "config.json").read_bytes())

    assert config["sample_size"] * 8 == turbo.default_side


def test_what_an_installed_model_has_is_linked_not_fetched(
    hub: HubServer, profile: ModelProfile
) -> None:
    bring(profile)
    hub.sent.clear()
    lightning = profiles.sdxl_lightning(profile.folder.parent)

    bring(lightning)

    large = {name for name in hub.sent if name.endswith(".safetensors")}
    assert large == {LIGHTNING_AT_HUB}
    assert os.path.samefile(profile.folder / ENCODER, lightning.folder / ENCODER)
    assert lightning.is_installed


def test_a_damaged_neighbour_is_not_taken(hub: HubServer, profile: ModelProfile) -> None:
    bring(profile)
    flip_a_byte(profile.folder / ENCODER)
    lightning = profiles.sdxl_lightning(profile.folder.parent)

    bring(lightning)

    wanted = hub.newest(ADAPTER).files["sdxl_models/image_encoder/model.safetensors"]
    assert (lightning.folder / ENCODER).read_bytes() == wanted


def test_the_command_begins_with_what_a_licence_forbids(hub: HubServer, models_dir: Path) -> None:
    told = {name: io.StringIO() for name in ("sdxl-turbo", "sdxl-lightning")}

    for name, out in told.items():
        call_command("install_profile", name, stdout=out)

    first = told["sdxl-turbo"].getvalue().splitlines()[0]
    assert "commercial use needs a licence of Stability AI" in first
    assert "licence" not in told["sdxl-lightning"].getvalue()
