"""Queue and workers in the doctor's eyes, with rows in every state."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from generation.doctor import service
from generation.doctor.finding import State, worst
from generation.jobs import controls
from generation.models import GenerationJob, JobTransition, Worker
from tests import factories
from tests.doctor.found import only

pytestmark = pytest.mark.django_db
HERE = factories.WORKER.name


def examine() -> list:
    return list(service.examine())


def test_service_with_a_worker_is_well() -> None:
    factories.living_worker()
    factories.running_job()
    factories.queued_job()
    findings = examine()
    assert worst(findings) is State.OK, findings
    words = only(findings, "queue").words
    assert words == "1 of 100 wait, 1 painted now, the oldest for 1 s"
    assert only(findings, "worker").words == f"{HERE} at work, serves miniature, seen 1 s ago"
    assert only(findings, "failures").words == "none in 24 hours"


def test_no_worker_is_a_warning_while_nobody_waits() -> None:
    found = only(examine(), "workers")
    assert (found.state, found.remedy) == (State.WARNING, "manage.py imagen_worker")


def test_no_worker_is_bad_once_somebody_waits() -> None:
    factories.queued_job()
    found = only(examine(), "workers")
    assert (found.state, found.words) == (State.BAD, "none lives; waiting jobs: 1")


def test_stopped_workers_are_not_told_one_by_one() -> None:
    factories.living_worker()
    Worker.objects.update(stopped_at=Now())
    assert [finding.name for finding in examine()] == ["queue", "workers", "failures"]


def test_paused_queue_is_told_with_its_reason() -> None:
    factories.living_worker()
    controls.pause("a new disk")
    found = only(examine(), "queue")
    assert (found.state, found.remedy) == (State.WARNING, "manage.py queue resume")
    assert found.words.startswith("paused (a new disk); 0 of")


def test_full_queue_is_told(settings) -> None:
    factories.living_worker()
    factories.queued_job()
    settings.IMAGEN_QUEUE_LIMIT = 1
    found = only(examine(), "queue")
    assert found.state is State.BAD
    assert "IMAGEN_QUEUE_LIMIT" in found.remedy


def test_quiet_worker_is_told_with_its_last_words() -> None:
    factories.living_worker()
    factories.living_worker("other/gpu-0")
    silent = Worker.objects.filter(name=HERE)
    silent.update(seen_at=Now() - timedelta(minutes=5), last_error="lost process [7]")
    found = next(finding for finding in examine() if "quiet" in finding.words)
    assert found.state is State.WARNING
    assert found.words == f"{HERE} has gone quiet, seen 5 min ago, said at last: lost process [7]"
    assert found.remedy == "manage.py imagen_worker  on host; its log tells why it went"


def test_paused_worker_is_told_with_its_reason() -> None:
    factories.living_worker()
    controls.pause("its fan is loud", worker=HERE)
    findings = examine()
    found = only(findings, "worker")
    assert found.remedy == f"manage.py queue resume --worker {HERE}"
    assert "(its fan is loud)" in found.words
    assert "workers" not in [finding.name for finding in findings], "somebody holds it on purpose"


def test_drained_worker_is_told() -> None:
    factories.living_worker()
    controls.drain(HERE)
    assert "queue resume --worker" in only(examine(), "worker").remedy


def test_worker_that_serves_nothing_is_told() -> None:
    factories.living_worker()
    Worker.objects.update(profiles=[])
    assert only(examine(), "worker").remedy == "manage.py profiles  on host"


def test_worker_with_other_settings_than_this_shell_is_told(settings) -> None:
    factories.living_worker()
    settings.IMAGEN_PROFILE = "sdxl"
    found = only(examine(), "worker")
    assert found.state is State.WARNING
    assert "it has IMAGEN_PROFILE=miniature, this shell sdxl" in found.words
    assert "the service's environment" in found.remedy


def test_worker_that_had_to_start_again_is_told() -> None:
    factories.living_worker()
    Worker.objects.update(last_error="lost process [7]", last_error_at=Now())
    assert "lost process [7]" in only(examine(), "worker").words


def test_old_error_of_a_worker_is_no_news() -> None:
    factories.living_worker()
    long_ago = Now() - timedelta(days=2)
    Worker.objects.update(last_error="lost process [7]", last_error_at=long_ago)
    assert only(examine(), "worker").state is State.OK


def test_jobs_that_no_worker_can_serve_are_bad() -> None:
    factories.living_worker()
    factories.queued_job()
    GenerationJob.objects.update(profile="sdxl")
    found = only(examine(), "unserved")
    assert found.state is State.BAD
    assert found.words == "no living worker has sdxl; waiting jobs: 1"
    assert found.remedy == "manage.py install_profile sdxl  on a worker's host"


def test_failures_of_a_day_are_counted_by_code() -> None:
    factories.living_worker()
    factories.failed_job(code="model_unavailable")
    factories.failed_job(code="timeout")
    factories.failed_job(code="model_unavailable")
    found = only(examine(), "failures")
    assert found.state is State.WARNING
    assert found.words == "3 in 24 hours: 2 model_unavailable, 1 timeout"
    assert found.remedy == "manage.py doctor --deep"


def test_failures_of_yesterday_are_no_news() -> None:
    factories.failed_job()
    JobTransition.objects.update(at=Now() - timedelta(hours=25))
    assert only(examine(), "failures").state is State.OK


@pytest.mark.django_db(transaction=True)
def test_lost_connection_is_told(monkeypatch) -> None:
    def lose() -> None:
        raise service.Error("server closed the connection")

    monkeypatch.setattr(service, "service_state", lose)
    assert "server closed" in only(examine(), "queue").words
