"""What the native API tells of times, pauses and priorities."""

import pytest

from generation.jobs import controls, services
from generation.models import GenerationJob
from tests import factories

pytestmark = pytest.mark.django_db

JOBS = "/api/v1/jobs"
ESTIMATE = "/api/v1/estimate"
ORDER = {"prompt": "a castle"}
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def measured() -> None:
    """Pictures of the default kind took ten seconds."""
    factories.measured([10.0] * 20)


class TestEstimate:
    def test_job_is_foretold_and_not_submitted(self, api, measured) -> None:
        factories.living_worker()
        factories.queued_job()
        told = api.post(ESTIMATE, ORDER)
        assert told.status_code == 200
        assert GenerationJob.objects.count() == 1
        body = told.json()
        assert body | {"estimate": None} == {
            "position": 2,
            "estimate": None,
            "pause_reason": None,
            "has_worker": True,
        }
        assert body["estimate"]["p50"] == 20.0
        assert 20.0 < body["estimate"]["p90"] < 24.0

    def test_submitted_job_tells_the_same(self, api, measured) -> None:
        factories.living_worker()
        told = api.post(ESTIMATE, ORDER).json()
        job = api.post(JOBS, ORDER).json()
        assert (job["position"], job["estimate"]) == (told["position"], told["estimate"])
        assert api.get(f"{JOBS}/{job['id']}").json()["estimate"] == told["estimate"]

    def test_batch_goes_after_those_who_wait(self, api, measured) -> None:
        factories.living_worker()
        owner = factories.make_user()
        factories.queued_job(owner)
        factories.queued_job(owner)
        assert api.post(ESTIMATE, ORDER).json()["position"] == 2
        assert api.post(ESTIMATE, ORDER | {"priority": "batch"}).json()["position"] == 3

    def test_without_a_worker_nothing_is_promised(self, api, measured) -> None:
        told = api.post(ESTIMATE, ORDER).json()
        assert (told["estimate"], told["has_worker"]) == (None, False)

    def test_is_refused_as_the_job_would_be(self, api) -> None:
        wrong = {"prompt": "", "steps": 0, "priority": "high", "speed": 9}
        told, refused = api.post(ESTIMATE, wrong), api.post(JOBS, wrong)
        assert told.status_code == refused.status_code == 400
        assert told.json()["errors"] == refused.json()["errors"]

    def test_uninstalled_profile_is_refused_with_the_command(self, api) -> None:
        answer = api.post(ESTIMATE, ORDER | {"profile": "sdxl"})
        assert answer.status_code == 400
        assert "manage.py install_profile sdxl" in answer.json()["detail"]

    def test_full_queue_may_still_be_asked(self, api, settings) -> None:
        settings.IMAGEN_QUEUE_LIMIT = 1
        factories.queued_job()
        assert api.post(ESTIMATE, ORDER).json()["position"] == 2


class TestPause:
    def test_reason_is_told_to_those_who_wait(self, api, user, measured) -> None:
        running, _claim = factories.running_job(user)
        queued = factories.queued_job(user)
        controls.pause(EVIL)
        one = api.get(f"{JOBS}/{queued.public_id}").json()
        assert (one["pause_reason"], one["estimate"], one["position"]) == (EVIL, None, 1)
        two = api.get(f"{JOBS}/{running.public_id}").json()
        assert (two["pause_reason"], two["estimate"]["p50"]) == (None, 10.0)
        told = api.post(ESTIMATE, ORDER).json()
        assert (told["pause_reason"], told["estimate"]) == (EVIL, None)

    def test_is_no_matter_of_ended_jobs(self, api, user) -> None:
        ended = factories.cancelled_job(user)
        controls.pause("lunch")
        assert api.get(f"{JOBS}/{ended.public_id}").json()["pause_reason"] is None


class TestPriority:
    def test_somebody_waits_unless_told_otherwise(self, api) -> None:
        assert api.post(JOBS, ORDER).json()["priority"] == "interactive"
        assert api.post(JOBS, ORDER | {"priority": "interactive"}).status_code == 202
        assert not GenerationJob.objects.filter(is_batch=True).exists()

    def test_batch_lets_others_go_first(self, api) -> None:
        batch = api.post(JOBS, ORDER | {"priority": "batch"}).json()
        api.post(JOBS, ORDER)
        shown = api.get(f"{JOBS}/{batch['id']}").json()
        assert (shown["priority"], shown["position"]) == ("batch", 2)

    def test_retry_keeps_it(self, api, user) -> None:
        job = services.submit_job(factories.make_request(), owner_id=user.pk, is_batch=True)
        services.cancel_job(job)
        assert api.post(f"{JOBS}/{job.public_id}/retry").json()["priority"] == "batch"

    @pytest.mark.parametrize("value", ["high", "", "Batch", None, 1, True, [], {}])
    def test_wrong_value_is_named_with_the_remedy(self, api, value) -> None:
        answer = api.post(JOBS, ORDER | {"priority": value})
        (error,) = answer.json()["errors"]
        assert answer.status_code == 400
        assert error["field"] == "priority"
        assert f"must be one of interactive, batch, not {value!r}" in error["detail"]
        assert not GenerationJob.objects.exists()

    def test_all_errors_are_told_at_once(self, api) -> None:
        answer = api.post(JOBS, {"prompt": "", "steps": 0, "priority": "high"})
        fields = [error["field"] for error in answer.json()["errors"]]
        assert sorted(fields) == ["priority", "prompt", "steps"]

    def test_unknown_fields_error_lists_it_among_the_known(self, api) -> None:
        answer = api.post(JOBS, ORDER | {"urgency": 1, "profile": "x"})
        details = {error["field"]: error["detail"] for error in answer.json()["errors"]}
        assert details["urgency"].endswith("profile, output_format, priority.")
        assert "priority" not in details["profile"]

    def test_classic_dialect_does_not_know_it(self, api) -> None:
        answer = api.post("/generate", ORDER | {"priority": "batch"})
        assert answer.status_code == 400
        assert "priority" in answer.content.decode()
        assert not GenerationJob.objects.exists()


def test_list_tells_times_in_as_many_queries_for_many_jobs(
    api, user, measured, django_assert_num_queries
) -> None:
    factories.living_worker()
    for _ in range(8):
        factories.queued_job(user)
    api.get(JOBS)
    with django_assert_num_queries(7):  # the token, its last use, the jobs, what awaits them
        jobs = api.get(JOBS).json()["jobs"]
    assert [job["estimate"]["p50"] for job in jobs] == [80, 70, 60, 50, 40, 30, 20, 10]
    for job in GenerationJob.objects.all():
        services.cancel_job(job)
    with django_assert_num_queries(3):
        assert api.get(JOBS).json()["jobs"][0]["estimate"] is None
