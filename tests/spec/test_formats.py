"""Each format says what a file of it is called and how it is sent."""

import mimetypes

import pytest

from generation.spec.formats import CONTENT_TYPES, FORMATS, SUFFIXES, FileFormat


@pytest.mark.parametrize("file_format", FORMATS.values(), ids=FORMATS)
def test_suffix_and_content_type_belong_together(file_format: FileFormat) -> None:
    assert mimetypes.guess_type(f"a{file_format.suffix}")[0] == file_format.content_type


def test_formats_are_found_by_their_names() -> None:
    assert [known.name for known in FORMATS.values()] == list(FORMATS)
    assert list(FORMATS) == ["png", "png16", "webp", "jpeg"]


def test_suffixes_and_content_types_are_told_once() -> None:
    assert SUFFIXES == (".png", ".webp", ".jpg")
    assert CONTENT_TYPES == ("image/png", "image/webp", "image/jpeg")
