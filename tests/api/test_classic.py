"""The original contract, byte for byte where clients look."""

import re

import pytest
from asgiref.sync import async_to_sync
from django.db.models.functions import Now

from generation.jobs import services, transitions
from generation.models import GenerationJob
from generation.spec.errors import FAILURES
from tests import factories
from tests.conftest import ApiClient

pytestmark = pytest.mark.django_db

UNKNOWN = "00000000-0000-4000-8000-000000000000"
FILENAME = re.compile(r"\d{8}_\d{6}_[0-9a-f]{6}\.png")


def finished_job(user, media, content: bytes = b"\x89PNG\r\n\x1a\npicture") -> GenerationJob:
    job = factories.succeeded_job(user, output="outputs/x.png")
    path = media / "outputs" / "x.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return job


@async_to_sync
async def body_of(response) -> bytes:
    return b"".join([chunk async for chunk in response])


def test_generate_answers_as_the_original_did(api) -> None:
    api.headers.pop("Accept-Language")
    factories.queued_job()
    factories.queued_job()
    response = api.post("/generate", {"prompt": "a castle", "negative_prompt": "fog"})
    assert response.status_code == 202
    assert response.json() == {
        "job_id": str(GenerationJob.objects.latest("id").public_id),
        "status": "queued",
        "message": "Tâche en file d'attente. Position estimée: 3",
    }


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("en", "Job queued. Estimated position: 1"),
        ("en-GB,fr;q=0.5", "Job queued. Estimated position: 1"),
        ("fr,en;q=0.5", "Tâche en file d'attente. Position estimée: 1"),
        ("de", "Tâche en file d'attente. Position estimée: 1"),
    ],
)
def test_message_is_french_unless_english_is_preferred(api, language, message) -> None:
    api.headers["Accept-Language"] = language
    assert api.post("/generate", {"prompt": "a castle"}).json()["message"] == message


def test_every_parameter_reaches_the_row(api, user) -> None:
    fields = {
        "prompt": "a 'quoted' \"castle\" $HOME `x`",
        "negative_prompt": "fog",
        "ip_strength": 0,
        "steps": 12,
        "guidance_scale": 5.5,
        "seed": 2**53 - 1,
        "width": 256,
        "height": 192,
    }
    assert api.post("/generate", fields).status_code == 202
    job = GenerationJob.objects.get()
    assert {name: getattr(job, name) for name in fields} == fields
    assert (job.owner, job.profile) == (user, "miniature")


def test_status_of_each_state(api, user) -> None:
    def status(job):
        response = api.get(f"/status/{job.public_id}")
        assert response.status_code == 200
        body = response.json()
        assert body.pop("job_id") == str(job.public_id)
        return body

    done, failed, cancelled = (
        factories.succeeded_job(user),
        factories.failed_job(user, "timeout"),
        factories.cancelled_job(user),
    )
    running, claim = factories.running_job(user)
    waiting = factories.queued_job(user)
    transitions.report_step(claim, 15)
    assert status(waiting) == {"status": "PENDING", "position": 1}
    assert status(running) == {
        "status": "PROGRESS",
        "meta": {"current": 15, "total": 30, "percent": 50},
    }
    result = status(done)["result"]
    assert FILENAME.fullmatch(result["filename"])
    assert status(done) == {
        "status": "SUCCESS",
        "result": {
            "status": "success",
            "filename": result["filename"],
            "path": f"outputs/{result['filename']}",
            "url": f"/outputs/{result['filename']}",
        },
    }
    assert status(failed) == {
        "status": "FAILURE",
        "error": FAILURES["timeout"],
        "error_code": "timeout",
    }
    assert status(cancelled) == {"status": "REVOKED"}


@pytest.mark.parametrize("code", FAILURES)
def test_every_failure_has_a_french_sentence(user, api, code) -> None:
    api.headers["Accept-Language"] = "fr"
    error = api.get(f"/status/{factories.failed_job(user, code).public_id}").json()["error"]
    assert error
    assert error != FAILURES[code]


def test_picture_comes_back_by_every_address(api, user, media) -> None:
    job = finished_job(user, media)
    for path, disposition in (
        (f"/image/{job.public_id}", "inline"),
        (f"/outputs/{job.public_filename}", "inline"),
        (f"/download/{job.public_filename}", "attachment"),
    ):
        response = api.get(path)
        assert body_of(response) == b"\x89PNG\r\n\x1a\npicture"
        assert response["Content-Type"] == "image/png"
        assert response["Content-Length"] == "15"
        assert response["Content-Disposition"] == (
            f'{disposition}; filename="{job.public_filename}"'
        )
        assert response["X-Content-Type-Options"] == "nosniff"
        assert "private" in response["Cache-Control"]


@pytest.mark.parametrize(("name", "suffix"), [("png16", "png"), ("webp", "webp"), ("jpeg", "jpg")])
def test_format_is_accepted_and_seen_in_the_file_name(api, name, suffix) -> None:
    answer = api.post("/generate", {"prompt": "a castle", "output_format": name})
    job = GenerationJob.objects.get(public_id=answer.json()["job_id"])
    assert job.output_format == name
    assert transitions.succeed(factories.claim(), f"outputs/a.{suffix}")
    result = api.get(f"/status/{job.public_id}").json()["result"]
    assert result["filename"].endswith(f".{suffix}")
    assert result["url"] == f"/outputs/{result['filename']}"


def test_unknown_format_is_refused_by_name(api) -> None:
    answer = api.post("/generate", {"prompt": "a castle", "output_format": "gif"})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (400, "output_format")
    assert error["detail"] == ("output_format must be one of png, png16, webp, jpeg, not 'gif'.")


@pytest.mark.parametrize("suffix", ["gif", "jpeg", "webpp", "pngx", "_png"])
def test_name_of_no_known_suffix_is_not_found(api, suffix) -> None:
    assert api.get(f"/outputs/20260130_123456_abc123.{suffix}").status_code == 404


def test_owner_sees_the_picture_by_session_too(client, user, media) -> None:
    job = finished_job(user, media)
    client.force_login(user)
    assert body_of(client.get(f"/image/{job.public_id}")).startswith(b"\x89PNG")


def test_session_cannot_submit(client, user) -> None:
    client.force_login(user)
    response = client.post("/generate", {"prompt": "a"}, content_type="application/json")
    assert response.status_code == 401
    assert not GenerationJob.objects.exists()


def test_another_users_objects_do_not_exist(stranger_api, user, media) -> None:
    job = finished_job(user, media)
    for path in (
        f"/status/{job.public_id}",
        f"/image/{job.public_id}",
        f"/outputs/{job.public_filename}",
        f"/download/{job.public_filename}",
    ):
        foreign, absent = stranger_api.get(path), stranger_api.get(f"/status/{UNKNOWN}")
        assert foreign.status_code == 404
        assert foreign.content == absent.content


def test_superuser_is_no_exception_at_the_api(media, user) -> None:
    from generation.tokens import draw_token

    job = finished_job(user, media)
    root = factories.make_user("root", is_staff=True, is_superuser=True)
    api = ApiClient(draw_token(root.pk, "t")[1])
    assert api.get(f"/image/{job.public_id}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/generate",
        f"/status/{UNKNOWN}",
        f"/image/{UNKNOWN}",
        "/outputs/20260130_123456_abc123.png",
        "/download/20260130_123456_abc123.png",
    ],
)
def test_nobody_gets_nothing(anonymous_api, path) -> None:
    ask = anonymous_api.post if path == "/generate" else anonymous_api.get
    response = ask(path)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("accept", ["image/png", "image/*", "text/html", "application/xml"])
def test_picture_comes_whatever_is_accepted(api, user, media, accept) -> None:
    job = finished_job(user, media)
    api.headers["Accept"] = accept
    assert body_of(api.get(f"/image/{job.public_id}?format=x")).startswith(b"\x89PNG")


def test_picture_without_its_file_is_not_found(api, user, media) -> None:
    job = factories.succeeded_job(user, output="outputs/lost.png")
    assert api.get(f"/image/{job.public_id}").status_code == 404


@pytest.mark.parametrize("make", [factories.queued_job, factories.failed_job])
def test_job_without_a_picture_says_so(api, user, make) -> None:
    job = make(user)
    for path in (f"/image/{job.public_id}", f"/outputs/{job.public_filename}"):
        response = api.get(path)
        assert (response.status_code, response.json()["code"]) == (409, "no_picture")


def test_full_queue_is_503_with_retry_after(api, settings) -> None:
    settings.IMAGEN_QUEUE_LIMIT = 1
    assert api.post("/generate", {"prompt": "a"}).status_code == 202
    response = api.post("/generate", {"prompt": "a"})
    assert response.status_code == 503
    assert response["Retry-After"] == "30"
    assert response.json()["code"] == "queue_full"


def test_full_share_is_503_with_its_own_code(api, settings) -> None:
    settings.IMAGEN_USER_QUEUE_LIMIT = 1
    api.post("/generate", {"prompt": "a"})
    response = api.post("/generate", {"prompt": "a"})
    assert (response.status_code, response.json()["code"]) == (503, "user_queue_full")
    assert "Retry-After" in response


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"prompt": 42}', "prompt"),
        (b'{"prompt": "a", "guidance_scale": NaN}', "guidance_scale"),
        (b'{"prompt": "a", "guidance_scale": -Infinity}', "guidance_scale"),
        (b'{"prompt": "a\\u0000"}', "prompt"),
        (b'{"prompt": "a\\ud800"}', "prompt"),
        (b'{"prompt": "a", "negative_prompt": "(a)11"}', "negative_prompt"),
        (b'{"prompt": "a", "ip_strength": 1.6}', "ip_strength"),
        (b'{"prompt": "a", "st\\ud800eps": 3}', "st\\ud800eps"),
        (b'{"prompt": "a", "profile": "path:/etc"}', "profile"),
        (b'["prompt"]', "body"),
        (b"null", "body"),
    ],
)
def test_wrong_field_is_400_and_named(api, raw, field) -> None:
    response = api.post("/generate", raw=raw)
    body = response.json()
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert body["code"] == "invalid_request"
    assert [error["field"] for error in body["errors"]] == [field]
    assert body["errors"][0]["detail"] in body["detail"]
    assert not GenerationJob.objects.exists()


def test_wrong_field_is_explained_in_french(api) -> None:
    api.headers["Accept-Language"] = "fr"
    detail = api.post("/generate", {"prompt": "a", "steps": 500}).json()["detail"]
    assert detail == "steps doit être un nombre entier de 1 à 100, pas 500."


def test_created_at_is_the_databases_time(api) -> None:
    api.post("/generate", {"prompt": "a"})
    assert GenerationJob.objects.filter(created_at__lte=Now()).count() == 1


def test_retried_job_is_found_by_its_own_id(api, user) -> None:
    new = services.retry_job(factories.failed_job(user))
    assert api.get(f"/status/{new.public_id}").json()["status"] == "PENDING"
