"""Stored pictures on their way out: asked for each time, sent once."""

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import RequestFactory

from generation.api import files
from generation.jobs import outputs, reviews
from generation.spec.formats import FORMATS
from tests import factories
from tests.api.test_classic import body_of
from tests.web.pictures import finished_job

pytestmark = pytest.mark.django_db

NEW = RequestFactory().get("/")
"""From a client that has nothing yet."""


@pytest.fixture
def job(user, media):
    return finished_job(user)


@pytest.fixture
def unread(monkeypatch):
    """From here on no stored file is opened."""

    def refuse(name: str, *_mode: str) -> None:
        raise AssertionError(f"{name} was opened")

    return lambda: monkeypatch.setattr(default_storage, "open", refuse)


def tag_of(answer) -> str:
    """Its ETag; its file is read and closed."""
    assert body_of(answer)
    return answer["ETag"]


def asking(etag: str):
    return RequestFactory().get("/", headers={"If-None-Match": etag})


def addresses(job) -> list[str]:
    return [
        f"/api/v1/jobs/{job.public_id}/image",
        f"/image/{job.public_id}",
        f"/outputs/{job.public_filename}",
        f"/download/{job.public_filename}",
    ]


@pytest.mark.parametrize("at", range(4))
def test_known_picture_is_confirmed_without_being_read(api, job, unread, at: int) -> None:
    address = addresses(job)[at]
    whole = api.get(address)
    assert whole["Cache-Control"] == "private, no-cache"
    assert len(body_of(whole)) == int(whole["Content-Length"])
    unread()
    api.headers["If-None-Match"] = f'"another", W/{whole["ETag"]}'
    known = api.get(address)
    assert (known.status_code, known.content) == (304, b"")
    for name in ("ETag", "Cache-Control", "Content-Security-Policy"):
        assert known[name] == whole[name]
    assert "Content-Type" not in known


@pytest.mark.parametrize("file_format", FORMATS.values(), ids=FORMATS)
def test_every_address_sends_the_format_that_was_asked_for(api, user, media, file_format) -> None:
    job = finished_job(user, output_format=file_format.name)
    for address in addresses(job):
        answer = api.get(address)
        assert answer["Content-Type"] == file_format.content_type
        assert f"{file_format.suffix}" in answer["Content-Disposition"]
        assert job.public_filename in answer["Content-Disposition"]
        assert len(body_of(answer)) == int(answer["Content-Length"])


def test_webp_picture_and_its_thumbnail_have_tags_of_their_own(user, media) -> None:
    job = finished_job(user, output_format="webp")
    whole = files.stream_picture(job, NEW, is_attachment=False)
    assert tag_of(whole) != tag_of(files.stream_thumbnail(job, NEW))


def test_another_tag_and_other_conditions_change_nothing(api, job) -> None:
    api.headers |= {"If-None-Match": '"another", nonsense', "If-Match": '"another"'}
    assert body_of(api.get(f"/image/{job.public_id}")).startswith(b"\x89PNG")


def test_session_is_answered_like_a_token(client, user, job, unread) -> None:
    client.force_login(user)
    etag = tag_of(client.get(f"/image/{job.public_id}"))
    unread()
    answer = client.get(f"/image/{job.public_id}", headers={"if-none-match": etag})
    assert answer.status_code == 304


def test_hidden_and_deleted_pictures_are_not_confirmed(api, stranger_api, job) -> None:
    address = f"/image/{job.public_id}"
    etag = tag_of(api.get(address))
    api.headers["If-None-Match"] = stranger_api.headers["If-None-Match"] = etag
    assert stranger_api.get(address).status_code == 404
    reviews.hide(job, actor_id=job.owner_id)
    assert api.get(address).status_code == 403
    job.delete()
    assert api.get(address).status_code == 404


def test_each_attempt_and_size_has_a_tag_of_its_own(user, job) -> None:
    other = factories.succeeded_job(user, output=job.output.name.replace("-1.png", "-2.png"))
    default_storage.save(other.output.name, ContentFile(factories.png()))
    small = [tag_of(files.stream_thumbnail(each, NEW)) for each in (job, other)]
    whole = [tag_of(files.stream_picture(each, NEW, is_attachment=False)) for each in (job, other)]
    assert len({*small, *whole}) == 3
    assert small[1] == whole[1]  # without a thumbnail the picture serves


def test_known_thumbnail_is_confirmed_without_being_read(job, unread) -> None:
    etag = tag_of(files.stream_thumbnail(job, NEW))
    unread()
    assert files.stream_thumbnail(job, asking(etag)).status_code == 304


def test_picture_in_place_of_a_thumbnail_is_confirmed_too(job) -> None:
    default_storage.delete(outputs.thumbnail_name(job.output.name))
    whole = files.stream_thumbnail(job, NEW)
    assert whole["Content-Type"] == "image/png"
    assert files.stream_thumbnail(job, asking(tag_of(whole))).status_code == 304
