"""Reference pictures through the form: nobody waits while one is read, and each is shown small."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from PIL import Image

from generation.jobs import uploads
from generation.models import GenerationJob, ReferenceImage
from generation.uploads import reading
from generation.web import create
from tests import factories

pytestmark = pytest.mark.django_db

FORM = {"prompt": "a castle on a hill", "shape": "19x13", "ip_strength": "0.5"}


def sent() -> dict[str, object]:
    return FORM | {"file": SimpleUploadedFile("holiday.png", factories.png())}


@pytest.mark.django_db(transaction=True)
def test_connection_is_with_the_others_while_a_picture_is_read(page, monkeypatch) -> None:
    held: list[object] = []

    def read(file: object) -> bytes:
        held.append(connection.connection)
        return factories.png()

    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)  # as in the web process
    connection.close()
    monkeypatch.setattr(create, "read_upload", read)
    assert page.post("/create", sent()).status_code == 302
    assert held == [None]
    assert GenerationJob.objects.get().reference


@pytest.mark.parametrize("button", ["", "check"])
def test_too_many_at_once_is_503_and_keeps_the_words(page, settings, monkeypatch, button) -> None:
    monkeypatch.setattr(reading, "MAX_WAIT_SECONDS", 0.01)
    for _ in range(reading.MAX_AT_ONCE):
        reading._places.acquire()
    try:
        answer = page.post("/create", sent() | ({button: "1"} if button else {}))
    finally:
        for _ in range(reading.MAX_AT_ONCE):
            reading._places.release()
    html = answer.content.decode()
    assert answer.status_code == 503
    assert answer["Retry-After"] == str(settings.IMAGEN_RETRY_AFTER)
    assert 'id="file-error"' in html
    assert "too many pictures arrive at once" in html
    assert "a castle on a hill</textarea>" in html
    assert not GenerationJob.objects.exists()
    assert page.post("/create", sent()).status_code == 302


class TestSmallPicture:
    def test_is_as_small_as_its_tile(self, page, user) -> None:
        mine = uploads.keep_upload(user.pk, "mine.png", factories.png(640, 480))
        answer = page.get(f"/uploads/{mine.pk}")
        with Image.open(io.BytesIO(answer.content)) as image:
            assert (image.format, image.size) == ("WEBP", (128, 96))
        assert answer["Cache-Control"] == "private, no-cache"

    def test_known_one_is_not_sent_again(self, page, user, django_assert_num_queries) -> None:
        mine = uploads.keep_upload(user.pk, "mine.png", factories.png())
        etag = page.get(f"/uploads/{mine.pk}")["ETag"]
        with django_assert_num_queries(3) as asked:  # the session, the person, the picture's row
            answer = page.get(f"/uploads/{mine.pk}", headers={"if-none-match": etag})
        assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", etag)
        assert not any('"file"' in query["sql"] for query in asked.captured_queries)

    def test_changed_offer_is_shown_at_once(self, page, settings, tmp_path) -> None:
        settings.IMAGEN_REFERENCE_DIR = tmp_path
        settings.IMAGEN_REFERENCE = "a.png"
        (tmp_path / "a.png").write_bytes(factories.png(64, 64))
        known = page.get("/reference")["ETag"]
        assert page.get("/reference", headers={"if-none-match": known}).status_code == 304
        (tmp_path / "a.png").write_bytes(factories.png(96, 64))
        answer = page.get("/reference", headers={"if-none-match": known})
        assert answer.status_code == 200
        with Image.open(io.BytesIO(answer.content)) as image:
            assert image.size == (96, 64)
        assert ReferenceImage.objects.count() == 2
