"""Foreign input becomes a complete request, or is refused field by field."""

import dataclasses
import math
from pathlib import Path

import pytest

from generation.spec.errors import FieldError, InvalidRequest, ReferenceMissing, UnknownProfile
from generation.spec.formats import FORMATS
from generation.spec.limits import MAX_SEED, Limits
from generation.spec.profiles import (
    MINIATURE,
    find_profile,
    known_profiles,
    sdxl_lightning,
    sdxl_turbo,
)
from generation.spec.request import GenerationRequest, build_request, show_value

DIGEST = "0" * 64
BARE = dataclasses.replace(
    MINIATURE, name="bare", folder=Path("/nowhere"), min_side=256, default_side=256
)
"""A profile without an IP-Adapter."""
TURBO = sdxl_turbo(Path("/models"))
LIGHTNING = sdxl_lightning(Path("/models"))


def build(**fields: object) -> GenerationRequest:
    return build_request(
        {"prompt": "a castle"} | fields,
        profiles={profile.name: profile for profile in (MINIATURE, BARE, TURBO, LIGHTNING)},
        default_profile="miniature",
        limits=Limits(),
        find_reference=lambda: DIGEST,
    )


def refusal(**fields: object) -> FieldError:
    """The one error that these fields meet."""
    with pytest.raises(InvalidRequest) as caught:
        build(**fields)
    (error,) = caught.value.errors
    return error


def test_absent_fields_take_their_defaults() -> None:
    request = build(seed=5)
    assert request == GenerationRequest(
        prompt="a castle",
        negative_prompt="",
        width=256,
        height=256,
        steps=30,
        guidance_scale=7.5,
        seed=5,
        ip_strength=0.0,
        profile="miniature",
        output_format="png",
    )


def test_seed_is_drawn_when_absent_or_null() -> None:
    seeds = {build().seed for _ in range(20)} | {build(seed=None).seed for _ in range(20)}
    assert len(seeds) == 40
    assert all(0 <= seed <= MAX_SEED for seed in seeds)


def test_request_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        build().steps = 5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("steps", 1),
        ("steps", 100),
        ("steps", 30.0),
        ("guidance_scale", 0),
        ("guidance_scale", 30),
        ("guidance_scale", 7.25),
        ("seed", 0),
        ("seed", MAX_SEED),
        ("width", 64),
        ("height", 512),
        ("prompt", "x" * 10_000),
        ("prompt", "e\u0301 日本語 👩‍🚀 \\( ))) ("),
        ("negative_prompt", ""),
        ("ip_strength", 0),
        *(("output_format", name) for name in FORMATS),
    ],
)
def test_it_accepts_values_at_their_bounds(field: str, value: object) -> None:
    assert getattr(build(**{field: value}), field) == value


@pytest.mark.parametrize(
    ("field", "value", "bounds"),
    [
        ("steps", 0, "1 to 100"),
        ("steps", 101, "1 to 100"),
        ("steps", "30", "1 to 100"),
        ("steps", 30.5, "1 to 100"),
        ("steps", 101.0, "1 to 100"),
        ("steps", math.inf, "1 to 100"),
        ("steps", True, "1 to 100"),
        ("steps", None, "1 to 100"),
        ("guidance_scale", -0.1, "0 to 30"),
        ("guidance_scale", 30.1, "0 to 30"),
        ("guidance_scale", math.nan, "0 to 30"),
        ("guidance_scale", math.inf, "0 to 30"),
        ("guidance_scale", "7.5", "0 to 30"),
        ("guidance_scale", False, "0 to 30"),
        ("seed", -1, f"0 to {MAX_SEED}"),
        ("seed", 2**53, f"0 to {MAX_SEED}"),
        ("seed", 10**4000, f"0 to {MAX_SEED}"),
        ("width", 130, "multiple of 8 from 64 to 512"),
        ("width", 56, "multiple of 8 from 64 to 512"),
        ("height", 520, "multiple of 8 from 64 to 512"),
        ("height", [128], "multiple of 8 from 64 to 512"),
        ("prompt", "x" * 10_001, "at most 10000"),
        ("prompt", 42, "must be a text"),
        ("prompt", "  \n ", "must hold words"),
        ("negative_prompt", {"a": 1}, "must be a text"),
        ("prompt", "a\x00b", "NUL"),
        ("prompt", "a\ud800b", "surrogate"),
        ("profile", "flux", "one of miniature, bare, sdxl-turbo"),
        ("profile", None, "one of miniature, bare, sdxl-turbo"),
        ("output_format", "gif", "one of png, png16, webp, jpeg, not 'gif'"),
        ("output_format", "PNG", "one of png, png16, webp, jpeg, not 'PNG'"),
        ("output_format", "", "one of png"),
        ("output_format", None, "one of png"),
        ("output_format", ["png"], "one of png"),
        ("ip_strength", 1.5, "0 to 1"),
        ("sampler", "euler", "known are: prompt"),
    ],
)
def test_it_rejects_and_names_field_value_and_bound(field: str, value: object, bounds: str) -> None:
    error = refusal(**{field: value})
    assert error.field == field
    assert error.value == show_value(value)
    assert field in str(error)
    assert error.value in str(error)
    assert bounds in str(error)


def test_it_reports_every_field_at_once() -> None:
    with pytest.raises(InvalidRequest) as caught:
        build(steps=0, width=1, guidance_scale="x")
    assert {error.field for error in caught.value.errors} == {"steps", "width", "guidance_scale"}


def test_flood_of_unknown_fields_gets_a_short_answer() -> None:
    with pytest.raises(InvalidRequest) as caught:
        build(**{f"field{number}": number for number in range(5_000)})
    assert len(caught.value.errors) == 10


def test_missing_prompt_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="prompt must hold words"):
        build(prompt="")


def test_shown_value_is_short_and_encodable() -> None:
    shown = show_value("\ud800" * 500)
    assert len(shown) <= 60
    assert shown.encode("utf-8")


def test_unknown_profile_lists_the_known_ones() -> None:
    with pytest.raises(UnknownProfile, match="miniature"):
        find_profile("flux", known_profiles(Path("/models")))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("prompt", "(snow)11", "“snow” the weight 11"),
        ("negative_prompt", '("a").blend(1)', ".blend()"),
    ],
)
def test_a_refused_weighting_is_the_error_of_its_field(field, value, words) -> None:
    error = refusal(**{field: value})
    assert str(error).startswith(f"{field} ")
    assert words in str(error)


def test_strength_brings_the_reference_into_the_request() -> None:
    assert build(ip_strength=0.6).reference == DIGEST
    assert build(ip_strength=0).reference == ""


def test_strength_needs_an_adapter() -> None:
    error = refusal(profile="bare", ip_strength=0.6, width=256)
    assert error.field == "ip_strength"
    assert "no IP-Adapter" in str(error)


def test_a_missing_reference_is_the_error_of_its_field() -> None:
    def find_reference() -> str:
        raise ReferenceMissing("%(field)s: %(name)s is gone", name="a.png")

    with pytest.raises(InvalidRequest, match=r"ip_strength: a\.png is gone"):
        build_request(
            {"prompt": "a castle", "ip_strength": 0.6},
            profiles={"miniature": MINIATURE},
            default_profile="miniature",
            limits=Limits(),
            find_reference=find_reference,
        )


def test_sizes_are_the_profile_s_own_matter() -> None:
    assert build(profile="bare").profile == "bare"
    assert "from 256" in str(refusal(profile="bare", width=64))


@pytest.mark.parametrize(("profile", "side"), [("sdxl-turbo", 512), ("sdxl-lightning", 1024)])
def test_a_distilled_profile_has_its_own_defaults(profile: str, side: int) -> None:
    request = build(profile=profile)
    assert (request.steps, request.guidance_scale, request.width) == (4, 0.0, side)


@pytest.mark.parametrize(
    ("profile", "field", "value"),
    [
        ("sdxl-turbo", "steps", 1),
        ("sdxl-turbo", "steps", 4),
        ("sdxl-turbo", "guidance_scale", 2),
        ("sdxl-lightning", "steps", 4.0),
        ("sdxl-lightning", "guidance_scale", 0),
    ],
)
def test_it_accepts_what_the_profile_was_made_for(profile, field, value) -> None:
    assert getattr(build(profile=profile, **{field: value}), field) == value


@pytest.mark.parametrize(
    ("profile", "field", "value", "words"),
    [
        ("sdxl-turbo", "steps", 5, "from 1 to 4, not 5, for the profile sdxl-turbo. Leave it out"),
        ("sdxl-turbo", "steps", 0, "from 1 to 4, not 0, for the profile sdxl-turbo"),
        ("sdxl-turbo", "guidance_scale", 2.5, "from 0 to 2, not 2.5, for the profile sdxl-turbo: "),
        ("sdxl-turbo", "guidance_scale", "0", "without guidance. Leave it out"),
        ("sdxl-lightning", "steps", 3, "must be 4, not 3, for the profile sdxl-lightning"),
        ("sdxl-lightning", "steps", 30, "not 30, for the profile sdxl-lightning: it was made for"),
        ("sdxl-lightning", "guidance_scale", 7.5, "Leave it out, and it is 0."),
    ],
)
def test_a_distilled_profile_is_named_with_its_bounds_and_the_remedy(
    profile, field, value, words
) -> None:
    error = refusal(profile=profile, **{field: value})
    assert error.field == field
    assert str(error).startswith(f"{field} must be ")
    assert words in str(error)


def test_what_the_server_allows_others_does_not_touch_a_distilled_profile() -> None:
    request = build_request(
        {"prompt": "a castle", "profile": "sdxl-turbo"},
        profiles={"sdxl-turbo": TURBO},
        default_profile="sdxl-turbo",
        limits=Limits(default_steps=2, max_steps=2, max_guidance_scale=0.0),
        find_reference=lambda: DIGEST,
    )
    assert (request.steps, request.guidance_scale) == (4, 0.0)
