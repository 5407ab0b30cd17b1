"""The native API: one's own jobs by id, with what can be done to them."""

import dataclasses
import json

import pytest

from generation import conf
from generation.api.hints import Adviser
from generation.api.v1 import serializers
from generation.jobs import services, transitions
from generation.jobs.estimates import forecast
from generation.models import GenerationJob, JobStatus
from generation.spec.errors import FAILURES
from generation.spec.profiles import MINIATURE
from generation.tokens import draw_token
from tests import factories

pytestmark = pytest.mark.django_db

JOBS = "/api/v1/jobs"


def ids(answer) -> list[str]:
    return [job["id"] for job in answer.json()["jobs"]]


def store_picture(media, job: GenerationJob, content: bytes = b"\x89PNG picture") -> None:
    path = media / job.output.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_submitted_job_is_accepted_and_shown(api) -> None:
    order = {"prompt": "a castle", "seed": 5, "steps": 12, "output_format": "webp"}
    answer = api.post(JOBS, order)

    body = answer.json()
    assert answer.status_code == 202
    assert answer["Location"] == f"{JOBS}/{body['id']}"
    assert api.get(answer["Location"]).json() == body
    assert {name: body[name] for name in (*order, "profile", "status")} == order | {
        "profile": "miniature",
        "status": "queued",
    }
    assert (body["position"], body["step"], body["percent"]) == (1, 0, 0)
    assert (body["error"], body["image_url"], body["preview_url"]) == (None, None, None)


def test_answers_hold_what_the_document_lists(user) -> None:
    job = factories.queued_job(user)
    shown = serializers.job(job, Adviser(is_operator=False))
    assert set(shown) == set(serializers.JobSerializer().fields)
    told = forecast(job.request, owner_id=user.pk)
    assert set(serializers.forecast(told)) == set(serializers.ForecastSerializer().fields)
    assert set(serializers.profile(MINIATURE)) == set(serializers.ProfileSerializer().fields)


def test_wrong_fields_are_named(api) -> None:
    answer = api.post(JOBS, {"prompt": "a.swap(b)", "steps": 0, "profile": "x"})
    assert answer.status_code == 400
    assert {error["field"] for error in answer.json()["errors"]} == {"prompt", "steps", "profile"}


@pytest.mark.parametrize("name", ["sdxl", "sdxl-turbo", "sdxl-lightning"])
def test_uninstalled_profile_is_refused_with_the_command(api, name: str) -> None:
    answer = api.post(JOBS, {"prompt": "a castle", "profile": name})
    assert answer.status_code == 400
    assert answer.json()["detail"].endswith(f"manage.py install_profile {name}")
    assert not GenerationJob.objects.exists()


def test_retry_for_a_profile_that_was_removed_is_refused_with_the_command(api, user) -> None:
    job = factories.failed_job(user)
    GenerationJob.objects.update(profile="sdxl-turbo", steps=4, guidance_scale=0)
    answer = api.post(f"{JOBS}/{job.public_id}/retry")
    assert answer.status_code == 400
    assert "manage.py install_profile sdxl-turbo" in answer.json()["detail"]


@pytest.fixture
def turbo(monkeypatch: pytest.MonkeyPatch) -> None:
    """A distilled model whose weights are here: the miniature's."""
    known = conf.profiles()
    here = dataclasses.replace(
        known["sdxl-turbo"], folder=MINIATURE.folder, install_command="", min_side=64
    )
    monkeypatch.setattr(conf, "profiles", lambda: known | {"sdxl-turbo": here})


def test_folder_beside_the_default_takes_jobs_by_its_name(api, settings) -> None:
    settings.IMAGEN_MODELS = [MINIATURE.folder]
    listed = api.get("/api/v1/profiles").json()["profiles"][-1]
    assert (listed["name"], listed["is_installed"], listed["is_default"]) == (
        "path:weights", True, False
    )  # fmt: skip
    answer = api.post(JOBS, {"prompt": "a castle", "profile": "path:weights"})
    assert (answer.status_code, answer.json()["profile"]) == (202, "path:weights")


@pytest.mark.usefixtures("turbo")
def test_job_takes_the_defaults_of_its_profile(api) -> None:
    job = api.post(JOBS, {"prompt": "a castle", "profile": "sdxl-turbo"}).json()
    assert (job["steps"], job["guidance_scale"], job["width"]) == (4, 0.0, 512)


@pytest.mark.usefixtures("turbo")
def test_bounds_of_a_profile_are_named_with_it_in_both_languages(api, user) -> None:
    order = {"prompt": "a castle", "profile": "sdxl-turbo", "steps": 30, "guidance_scale": 7.5}
    told = {error["field"]: error["detail"] for error in api.post(JOBS, order).json()["errors"]}
    assert told["steps"] == (
        "steps must be a whole number from 1 to 4, not 30, for the profile sdxl-turbo. Leave it"
        " out, and it is 4."
    )
    assert "not 7.5, for the profile sdxl-turbo: it was made" in told["guidance_scale"]
    french = type(api)(draw_token(user.pk, "fr")[1], language="fr")
    for error in french.post(JOBS, order).json()["errors"]:
        assert "pour le profil sdxl-turbo" in error["detail"]


@pytest.mark.usefixtures("turbo")
def test_document_has_the_bounds_of_each_installed_profile(api) -> None:
    shapes = api.get("/api/v1/openapi.json").json()["components"]["schemas"]["JobRequest"]["anyOf"]
    fields = {shape["properties"]["profile"]["enum"][0]: shape["properties"] for shape in shapes}
    assert set(fields) == {"miniature", "sdxl-turbo"}
    steps, guidance = fields["sdxl-turbo"]["steps"], fields["sdxl-turbo"]["guidance_scale"]
    assert (steps["minimum"], steps["maximum"], steps["default"]) == (1, 4, 4)
    assert (guidance["minimum"], guidance["maximum"], guidance["default"]) == (0, 2, 0)
    assert fields["miniature"]["steps"]["maximum"] == 100


def test_retry_for_a_profile_that_went_away_is_refused(api, user) -> None:
    job = factories.failed_job(user)
    GenerationJob.objects.update(profile="path:gone")
    answer = api.post(f"{JOBS}/{job.public_id}/retry")
    assert answer.status_code == 400
    assert "path:gone is no longer on this server" in answer.json()["detail"]


def test_list_is_newest_first_in_pages(api, user, stranger) -> None:
    own = [str(factories.queued_job(user).public_id) for _ in range(5)][::-1]
    factories.queued_job(stranger)

    first = api.get(f"{JOBS}?limit=2")
    second = api.get(first.json()["next"])
    third = api.get(second.json()["next"])

    assert [ids(first), ids(second), ids(third)] == [own[:2], own[2:4], own[4:]]
    assert third.json()["next"] is None


def test_list_by_status(api, user) -> None:
    failed = factories.failed_job(user)
    queued = factories.queued_job(user)
    assert ids(api.get(f"{JOBS}?status=failed")) == [str(failed.public_id)]
    assert ids(api.get(f"{JOBS}?status=queued")) == [str(queued.public_id)]
    assert ids(api.get(f"{JOBS}?status=failed&before={queued.public_id}")) == [
        str(failed.public_id)
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("limit=²", "limit"),
        ("status=done", "status"),
        ("before=x", "before"),
        ("before=6ecd403f-08a4-4e99-b725-16dbf384aa32", "before"),
        ("page=2", "page"),
        ("limit=1&limit=2", "limit"),
    ],
)
def test_wrong_parameters_are_named(api, query, field) -> None:
    answer = api.get(f"{JOBS}?{query}")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_list_asks_the_database_as_often_for_many_jobs(
    api, user, django_assert_num_queries
) -> None:
    for _ in range(8):
        factories.queued_job(user)
    api.get(JOBS)
    with django_assert_num_queries(7):  # the token, its last use, the jobs, what awaits them
        positions = [job["position"] for job in api.get(JOBS).json()["jobs"]]
    assert positions == [8, 7, 6, 5, 4, 3, 2, 1]


def test_released_job_is_first_again(api, user) -> None:
    first, _claim = factories.running_job(user)
    second = factories.queued_job(user)
    transitions.release(first.worker)
    assert api.get(f"{JOBS}/{first.public_id}").json()["position"] == 1
    assert api.get(f"{JOBS}/{second.public_id}").json()["position"] == 2


def test_running_job_shows_its_step_and_preview(api, user) -> None:
    job, claim = factories.running_job(user)
    url = f"{JOBS}/{job.public_id}/preview"
    assert (api.get(url).status_code, api.get(url).json()["code"]) == (409, "no_preview")
    transitions.report_step(claim, 15)
    transitions.show_preview(claim, 15, b"\xff\xd8 jpeg")

    shown = api.get(f"{JOBS}/{job.public_id}").json()
    preview = api.get(shown["preview_url"])

    assert (shown["status"], shown["step"], shown["percent"]) == ("running", 15, 50)
    assert (preview.content, preview["Content-Type"]) == (b"\xff\xd8 jpeg", "image/jpeg")
    assert (preview["X-Step"], preview["Cache-Control"]) == ("15", "no-store")
    assert "sandbox" in preview["Content-Security-Policy"]
    transitions.fail(claim, "timeout", "")
    assert api.get(url).status_code == 409


def test_failed_job_tells_code_and_reason(api, user) -> None:
    job = factories.failed_job(user, "out_of_memory")
    error = api.get(f"{JOBS}/{job.public_id}").json()["error"]
    assert error == {"code": "out_of_memory", "detail": FAILURES["out_of_memory"]}


def test_finished_job_gives_its_picture(api, user, media) -> None:
    job = factories.succeeded_job(user)
    store_picture(media, job)
    shown = api.get(f"{JOBS}/{job.public_id}").json()
    picture = api.get(shown["image_url"])
    assert shown["filename"] == job.public_filename
    assert picture["Content-Type"] == "image/png"
    assert picture.status_code == 200
    picture.close()


def test_unfinished_job_has_no_picture(api, user) -> None:
    job = factories.queued_job(user)
    answer = api.get(f"{JOBS}/{job.public_id}/image")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_picture")


def test_cancel_stops_a_queued_job_and_asks_a_running_one(api, user) -> None:
    running, _claim = factories.running_job(user)
    queued = factories.queued_job(user)
    one = api.post(f"{JOBS}/{queued.public_id}/cancel").json()
    two = api.post(f"{JOBS}/{running.public_id}/cancel").json()
    again = api.post(f"{JOBS}/{queued.public_id}/cancel")
    assert (one["status"], one["cancel_requested"]) == ("cancelled", True)
    assert (two["status"], two["cancel_requested"]) == ("running", True)
    assert (again.status_code, again.json()["code"]) == (409, "not_cancellable")
    for job in (queued, running):
        assert job.transitions.last().actor == user


def test_retry_makes_a_new_job_once(api, user) -> None:
    job = factories.failed_job(user)
    answer = api.post(f"{JOBS}/{job.public_id}/retry")
    again = api.post(f"{JOBS}/{job.public_id}/retry")
    assert answer.status_code == 202
    assert answer.json()["retry_of"] == str(job.public_id)
    assert answer["Location"].endswith(answer.json()["id"])
    assert "once" in again.json()["detail"]
    old = api.get(f"{JOBS}/{job.public_id}").json()
    assert old["retried_as"] == answer.json()["id"]
    assert (again.status_code, again.json()["code"]) == (409, "retried_before")


def test_retry_of_a_waiting_job_tells_why_not(api, user) -> None:
    answer = api.post(f"{JOBS}/{factories.queued_job(user).public_id}/retry")
    assert answer.status_code == 409
    assert answer.json()["detail"] == "Only a failed or cancelled job can be retried."


def test_delete_removes_an_ended_job_with_its_picture(api, user, media) -> None:
    job = factories.succeeded_job(user)
    store_picture(media, job)
    assert api.delete(f"{JOBS}/{job.public_id}").status_code == 204
    assert api.get(f"{JOBS}/{job.public_id}").status_code == 404
    assert not list(media.rglob("*.png"))


def test_delete_of_a_waiting_job_is_a_conflict(api, user) -> None:
    job = factories.queued_job(user)
    answer = api.delete(f"{JOBS}/{job.public_id}")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_deletable")
    assert GenerationJob.objects.filter(status=JobStatus.QUEUED).exists()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""),
        ("delete", ""),
        ("post", "/cancel"),
        ("post", "/retry"),
        ("get", "/image"),
        ("get", "/preview"),
    ],
)
def test_another_s_job_is_not_there_and_nobody_gets_in(
    stranger_api, anonymous_api, user, method, path
) -> None:
    job = factories.failed_job(user)
    address = f"{JOBS}/{job.public_id}{path}"
    assert getattr(stranger_api, method)(address).status_code == 404
    assert getattr(anonymous_api, method)(address).status_code == 401
    job.refresh_from_db()
    assert job.status == JobStatus.FAILED


@pytest.mark.parametrize("path", [JOBS, "/api/v1/profiles"])
def test_nobody_lists_without_a_token(anonymous_api, path) -> None:
    assert anonymous_api.get(path).status_code == 401


def test_profiles_tell_limits_defaults_and_how_to_install(api) -> None:
    profiles = {
        profile["name"]: profile for profile in api.get("/api/v1/profiles").json()["profiles"]
    }
    miniature, sdxl = profiles["miniature"], profiles["sdxl"]
    assert (miniature["is_default"], miniature["is_installed"]) == (True, True)
    assert miniature["fields"]["width"] == {
        "minimum": 64,
        "maximum": 512,
        "default": 256,
        "multiple_of": 8,
    }
    assert miniature["fields"]["ip_strength"]["maximum"] == 1
    assert (sdxl["is_default"], sdxl["is_installed"]) == (False, False)
    assert sdxl["install_command"] == "manage.py install_profile sdxl"
    assert sdxl["fields"]["width"]["default"] == 1024
    assert (sdxl["sampler"], sdxl["licence"], sdxl["has_adapter"]) == (
        "DPM++ 2M Karras", None, True
    )  # fmt: skip


def test_profiles_tell_how_each_is_sampled(api) -> None:
    profiles = {
        profile["name"]: profile for profile in api.get("/api/v1/profiles").json()["profiles"]
    }
    turbo, lightning = profiles["sdxl-turbo"], profiles["sdxl-lightning"]
    assert turbo["fields"]["steps"] == {
        "minimum": 1, "maximum": 4, "default": 4, "multiple_of": 1
    }  # fmt: skip
    assert turbo["fields"]["guidance_scale"]["maximum"] == 2
    assert turbo["sampler"] == "Euler a SGM Uniform"
    assert "commercial use" in turbo["licence"]
    assert lightning["fields"]["steps"]["minimum"] == lightning["fields"]["steps"]["maximum"] == 4
    assert lightning["fields"]["guidance_scale"]["default"] == 0
    assert lightning["sampler"] == "Euler SGM Uniform"


def test_prompt_is_read_without_a_job(api) -> None:
    body = api.post("/api/v1/prompt", {"prompt": "mountains, (snow)1.5"}).json()
    assert body["chunks"] == 1
    assert body["fragments"] == [
        {"text": "mountains,", "weight": 1.0},
        {"text": "snow", "weight": 1.5},
    ]
    assert api.post("/api/v1/prompt", {"prompt": "(a)11"}).status_code == 400
    assert api.post("/api/v1/prompt", {"prompt": "a", "steps": 3}).status_code == 400
    assert api.post("/api/v1/prompt", {"prompt": "a", "profile": "sdxl"}).status_code == 400
    assert not GenerationJob.objects.exists()


def test_reference_is_kept_with_the_job(api, user) -> None:
    answer = api.post(JOBS, {"prompt": "a castle", "ip_strength": 0.6})
    assert answer.status_code == 202
    job = GenerationJob.objects.get(public_id=answer.json()["id"])
    assert job.request.reference == job.reference.digest
    assert job.reference.name == "electra_ref.png"
    transitions.fail(factories.claim(), "timeout", "")
    assert services.retry_job(job).reference_id == job.reference_id


def test_missing_reference_is_a_clear_error(api, settings) -> None:
    settings.IMAGEN_REFERENCE = "nothing.png"
    answer = api.post(JOBS, {"prompt": "a castle", "ip_strength": 0.6})
    (error,) = answer.json()["errors"]
    assert error["field"] == "ip_strength"
    assert "reference/nothing.png" in error["detail"]
    assert "IMAGEN_REFERENCE" in error["detail"]
    assert json.dumps(str(settings.IMAGEN_REFERENCE_DIR))[1:-1] not in error["detail"]
    assert api.post(JOBS, {"prompt": "a castle", "ip_strength": 0}).status_code == 202


def test_what_little_memory_changed_is_told_in_both_languages(api, user) -> None:
    """A code of another release is passed over."""
    _job, claim = factories.running_job(user)
    transitions.succeed(claim, "outputs/a.png", ["tiled_decode", "of_tomorrow"])

    (told,) = api.get(f"{JOBS}/{claim.public_id}").json()["adjustments"]

    assert told["code"] == "tiled_decode"
    assert told["detail"].startswith("Graphics memory ran short at the end")
    french = type(api)(draw_token(user.pk, "fr")[1], language="fr")
    (told,) = french.get(f"{JOBS}/{claim.public_id}").json()["adjustments"]
    assert told["detail"].startswith("La mémoire graphique a manqué à la fin")
