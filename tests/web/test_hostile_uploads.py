"""Foreign files through the form: a clear 400 each, and nothing is stored."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from generation.models import GenerationJob, ReferenceImage
from tests.uploads import hostile

pytestmark = pytest.mark.django_db

FORM = {"prompt": "a castle", "ip_strength": "0.6", "steps": "30"}
COSTLY = "JPEG of 4,000 scans"  # takes five seconds of its child's time; test_reading has it
FILES = [name for name in hostile.REFUSED if name != COSTLY]


def test_there_are_more_than_forty() -> None:
    assert len(FILES) >= 40


@pytest.mark.parametrize("name", FILES)
def test_hostile_file_is_refused_and_nothing_is_stored(page, name: str) -> None:
    build, _reason = hostile.REFUSED[name]
    file = SimpleUploadedFile("holiday.png", build(), content_type="image/png")
    answer = page.post("/create", FORM | {"file": file})
    html = answer.content.decode()
    assert answer.status_code == 400
    assert "Reference picture: " in html
    assert "holiday.png" in html
    assert "a castle</textarea>" in html
    assert not ReferenceImage.objects.exists()
    assert not GenerationJob.objects.exists()
