"""The offered reference picture is kept by its contents, or refused with a reason."""

from pathlib import Path

import pytest
from PIL import Image

from generation.jobs import references
from generation.models import ReferenceImage
from generation.spec.errors import ReferenceMissing

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(settings, tmp_path: Path) -> Path:
    settings.IMAGEN_REFERENCE_DIR = tmp_path
    settings.IMAGEN_REFERENCE = "a.png"
    return tmp_path


def paint(path: Path, size: tuple[int, int] = (40, 30), colour: int = 7) -> None:
    Image.new("RGB", size, (colour, 2, 3)).save(path)


def reason() -> str:
    with pytest.raises(ReferenceMissing) as caught:
        references.offered()
    return str(caught.value.params["reason"])


def test_picture_is_kept_once_by_its_contents(folder: Path) -> None:
    paint(folder / "a.png")
    first = references.offered()
    assert references.offered() == first
    kept = ReferenceImage.objects.get()
    assert (kept.digest, kept.name) == (first, "a.png")
    assert bytes(kept.file) == (folder / "a.png").read_bytes()


def test_changed_picture_is_another_one(folder: Path) -> None:
    paint(folder / "a.png")
    first = references.offered()
    paint(folder / "a.png", colour=200, size=(41, 30))
    assert references.offered() != first
    assert ReferenceImage.objects.count() == 2


def test_a_row_that_went_is_kept_again(folder: Path) -> None:
    paint(folder / "a.png")
    first = references.offered()
    ReferenceImage.objects.all().delete()
    assert references.offered() == first
    assert ReferenceImage.objects.exists()


def test_missing_file_is_refused(folder: Path) -> None:
    assert reason() == "it is not there"


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"<svg/>"])
def test_no_picture_is_refused_without_naming_folders(folder: Path, content: bytes) -> None:
    (folder / "a.png").write_bytes(content)
    assert reason() == "it is no PNG, JPEG, WEBP picture"


def test_picture_with_a_broken_chunk_is_refused(folder: Path) -> None:
    whole = bytearray((ROOT / "reference" / "electra_ref.png").read_bytes())
    last = whole.rfind(b"IDAT")
    whole[last : last + 4] = b"\x00DAT"
    (folder / "a.png").write_bytes(whole)
    assert "broken PNG file" in reason()


def test_truncated_picture_is_refused(folder: Path) -> None:
    paint(folder / "a.png", size=(400, 300))
    whole = (folder / "a.png").read_bytes()
    (folder / "a.png").write_bytes(whole[: len(whole) // 2])
    assert reason()


@pytest.mark.parametrize("size", [(1, 4000), (5000, 4000), (4097, 4096)])
def test_sizes_that_would_hold_the_worker_are_refused(folder: Path, size) -> None:
    paint(folder / "a.png", size=size)
    assert f"{size[0]} x {size[1]} pixels" in reason()


def test_huge_file_is_refused(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(references, "MAX_FILE_BYTES", 10)
    paint(folder / "a.png")
    assert "larger than" in reason()
