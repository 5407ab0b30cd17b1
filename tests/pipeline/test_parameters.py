"""The words that tell how a picture was made, and nothing about who or when."""

import json
import re
from importlib import metadata

import pytest

from generation.pipeline.parameters import describe_request
from generation.spec.samplers import EULER_ANCESTRAL
from tests.pipeline.orders import quick_request

PAIR = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
"""The pattern of A1111's parse_generation_parameters."""


@pytest.fixture
def version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", {"imagen": "0.1.0"}.__getitem__)


def pairs_of(text: str) -> dict[str, str]:
    """The last line as A1111's parser reads it."""
    found = dict(PAIR.findall(text.splitlines()[-1]))
    return {key: json.loads(value) if value[:1] == '"' else value for key, value in found.items()}


@pytest.mark.usefixtures("version")
def test_the_text_is_what_a1111_writes() -> None:
    request = quick_request(negative_prompt="fog", steps=30, guidance_scale=7.5, seed=123)

    assert describe_request(request, "Imagen miniature", "4f" * 32) == (
        "a castle on a hill at noon\n"
        "Negative prompt: fog\n"
        "Steps: 30, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 123,"
        " Size: 64x64, Model: Imagen miniature, Profile: miniature, UNet hash: 4f4f4f4f4f,"
        " Version: Imagen 0.1.0"
    )


def test_the_sampler_is_the_profile_s() -> None:
    pairs = pairs_of(describe_request(quick_request(), "m", "", EULER_ANCESTRAL))

    assert (pairs["Sampler"], pairs["Schedule type"]) == ("Euler a", "SGM Uniform")


@pytest.mark.parametrize("negative", ["", "  "])
def test_a_blank_negative_has_no_line(negative: str) -> None:
    assert "Negative" not in describe_request(quick_request(negative_prompt=negative), "m")


@pytest.mark.parametrize(
    "prompt",
    [
        "two\nlines\n\nand a blank one",
        "日本の城 🏰",
        'she said "night", (snow)1.5: and \\(more\\)',
        "Steps: 3, Seed: 1",
        "café",
    ],
)
def test_the_prompt_is_read_back_exactly(prompt: str) -> None:
    request = quick_request(prompt=prompt, negative_prompt=prompt)

    lines = describe_request(request, "m").split("\nNegative prompt: ")

    assert lines[0] == prompt
    assert lines[1].rsplit("\n", 1)[0] == prompt


@pytest.mark.parametrize("title", ["Model: large, fast", 'two\nlines with "quotes"', "plain"])
def test_a_value_that_would_be_split_is_quoted_as_json(title: str) -> None:
    text = describe_request(quick_request(), title)

    assert pairs_of(text)["Model"] == title


def test_unknown_digest_is_not_named() -> None:
    assert "UNet hash" not in pairs_of(describe_request(quick_request(), "m"))


@pytest.mark.parametrize(("scale", "shown"), [(7.0, "7"), (7.25, "7.25"), (0.0, "0")])
def test_a_whole_guidance_scale_has_no_fraction(scale: float, shown: str) -> None:
    assert (
        pairs_of(describe_request(quick_request(guidance_scale=scale), "m"))["CFG scale"] == shown
    )


def test_an_installation_without_a_version_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)

    assert "Version" not in pairs_of(describe_request(quick_request(), "m"))
