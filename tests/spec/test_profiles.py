"""What each model needs, and how it samples, as data."""

import json
from pathlib import Path

import pytest

from generation.installing.recipe import RECIPES
from generation.spec.limits import Limits
from generation.spec.profiles import MINIATURE, ModelProfile, at_path, known_profiles
from generation.spec.samplers import DPM_2M_KARRAS, EULER, EULER_ANCESTRAL

KNOWN = known_profiles(Path("/models"))


@pytest.mark.parametrize("profile", KNOWN.values(), ids=list(KNOWN))
def test_defaults_lie_within_their_bounds(profile: ModelProfile) -> None:
    for bounds in (profile.steps(Limits()), profile.guidance_scale(Limits())):
        assert bounds.default in bounds
    assert profile.min_side <= profile.default_side <= profile.max_side
    assert {profile.min_side % 8, profile.max_side % 8, profile.default_side % 8} == {0}


def test_whatever_is_not_distilled_takes_the_server_s_limits() -> None:
    limits = Limits(default_steps=20, max_steps=50, default_guidance_scale=4, max_guidance_scale=9)
    for profile in (MINIATURE, KNOWN["sdxl"], at_path(Path("/elsewhere"))):
        assert profile.sampler == DPM_2M_KARRAS
        steps, guidance = profile.steps(limits), profile.guidance_scale(limits)
        assert (steps.minimum, steps.maximum, steps.default) == (1, 50, 20)
        assert (guidance.minimum, guidance.maximum, guidance.default) == (0, 9, 4)
        assert profile.own_steps is None
        assert profile.own_guidance is None


def test_distilled_models_are_sampled_as_their_makers_say() -> None:
    turbo, lightning = KNOWN["sdxl-turbo"], KNOWN["sdxl-lightning"]

    assert (turbo.sampler, lightning.sampler) == (EULER_ANCESTRAL, EULER)
    assert (turbo.default_side, lightning.default_side) == (512, 1024)
    assert (turbo.steps(Limits()).minimum, turbo.steps(Limits()).maximum) == (1, 4)
    assert lightning.steps(Limits()).minimum == lightning.steps(Limits()).maximum == 4


def test_a_licence_that_forbids_something_says_what() -> None:
    assert "commercial use needs a licence" in KNOWN["sdxl-turbo"].licence
    assert [profile.name for profile in KNOWN.values() if profile.licence] == ["sdxl-turbo"]


def test_what_can_be_installed_has_a_recipe_of_its_own_name() -> None:
    installable = {profile.name for profile in KNOWN.values() if profile.install_command}
    assert installable == set(RECIPES)
    for name in installable:
        assert KNOWN[name].install_command == f"manage.py install_profile {name}"
        assert KNOWN[name].folder == Path("/models") / name
        assert KNOWN[name].download_gb > 10


@pytest.mark.parametrize(("sample_size", "side"), [(64, 512), (128, 1024), (None, 1024)])
def test_a_folder_s_native_side_is_its_unet_s(tmp_path: Path, sample_size, side: int) -> None:
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "config.json").write_text(json.dumps({"sample_size": sample_size}))

    profile = at_path(tmp_path)

    assert profile.default_side == side
    assert profile.name == f"path:{tmp_path.name}"
