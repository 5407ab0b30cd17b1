"""The form's texts become a request's fields."""

import pytest

from generation.spec.errors import InvalidRequest
from generation.spec.profiles import MINIATURE
from generation.web import orders

FORM = {"prompt": "a castle", "shape": "1x1"}


def no_reference() -> str:
    raise AssertionError("nobody chose a reference")


def read(**form: str):
    return orders.read_form(FORM | form, no_reference)


def test_empty_fields_take_their_defaults() -> None:
    request = read(steps="", guidance_scale=" ", seed="", width="", height="", negative_prompt="")
    assert (request.steps, request.guidance_scale, request.ip_strength) == (30, 7.5, 0.0)
    assert (request.width, request.height) == (256, 256)


@pytest.mark.parametrize(
    ("shape", "size"),
    [("1x1", (256, 256)), ("19x13", (304, 208)), ("5x12", (160, 384)), ("nonsense", (256, 256))],
)
def test_shape_decides_the_size(shape: str, size: tuple[int, int]) -> None:
    request = read(shape=shape)
    assert (request.width, request.height) == size


def test_exact_size_wins_over_the_shape() -> None:
    request = read(shape="19x13", width="256", height="64")
    assert (request.width, request.height) == (256, 64)


def test_numbers_are_read_as_the_french_write_them() -> None:
    request = read(guidance_scale="6,5", seed="2 841\N{NARROW NO-BREAK SPACE}907")
    assert (request.guidance_scale, request.seed) == (6.5, 2841907)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("steps", "many"),
        ("steps", "0"),
        ("steps", "12.5"),
        ("steps", "9" * 30),
        ("guidance_scale", "1e3"),
        ("guidance_scale", "nan"),
        ("guidance_scale", "-1"),
        ("seed", "-1"),
        ("seed", "1" * 400),
        ("width", "127"),
        ("height", "٣"),
        ("profile", "../etc"),
        ("output_format", "gif"),
        ("prompt", "  "),
        ("negative_prompt", "a\x00b"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(name: str, given: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(**{name: given})
    assert [error.field for error in caught.value.errors] == [name]


@pytest.mark.parametrize(("given", "read_as"), [("", "png"), ("webp", "webp"), ("png16", "png16")])
def test_format_is_the_usual_one_unless_it_is_chosen(given: str, read_as: str) -> None:
    assert read(output_format=given).output_format == read_as


def test_strength_counts_only_with_a_reference() -> None:
    assert read(ip_strength="0.6", reference="").ip_strength == 0.0
    request = orders.read_form(
        FORM | {"ip_strength": "0.6", "reference": "service"}, lambda: "a" * 64
    )
    assert (request.ip_strength, request.reference) == (0.6, "a" * 64)


def test_every_shape_fits_the_miniature() -> None:
    for shape in orders.SHAPES:
        for side in shape.at(MINIATURE):
            assert MINIATURE.min_side <= side <= MINIATURE.max_side
            assert side % 8 == 0


def test_lines_of_a_prompt_are_as_programs_send_them() -> None:
    assert read(prompt="a castle\r\nat night").prompt == "a castle\nat night"
