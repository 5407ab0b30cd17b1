"""A picture that an operator has hidden: its owner's programs are told so, everywhere."""

import pytest

from generation.jobs import reviews, transitions
from tests import factories
from tests.api.test_classic import body_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def hidden(user, stranger, media):
    job = factories.succeeded_job(user)
    path = media / job.output.name
    path.parent.mkdir(parents=True)
    path.write_bytes(factories.png())
    reviews.hide(job, actor_id=stranger.pk)
    return job


def addresses(job) -> list[str]:
    return [
        f"/api/v1/jobs/{job.public_id}/image",
        f"/image/{job.public_id}",
        f"/outputs/{job.public_filename}",
        f"/download/{job.public_filename}",
    ]


def test_no_address_gives_the_picture_until_it_is_shown_again(api, hidden) -> None:
    for address in addresses(hidden):
        answer = api.get(address)
        assert (answer.status_code, answer.json()["code"]) == (403, "picture_hidden"), address
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["detail"] == "An operator has hidden this picture."
    reviews.show(hidden)
    for address in addresses(hidden):
        assert body_of(api.get(address)) == factories.png()


def test_session_gets_no_more_than_a_token(client, user, hidden) -> None:
    client.force_login(user)
    assert [client.get(address).status_code for address in addresses(hidden)] == [403] * 4


def test_stranger_does_not_learn_that_it_is_hidden(stranger_api, hidden) -> None:
    assert [stranger_api.get(address).status_code for address in addresses(hidden)] == [404] * 4


def test_job_is_still_listed_and_says_so(api, user, hidden) -> None:
    shown = factories.succeeded_job(user, output="outputs/b.png")
    jobs = {job["id"]: job["hidden"] for job in api.get("/api/v1/jobs").json()["jobs"]}
    assert jobs == {str(hidden.public_id): True, str(shown.public_id): False}
    assert api.get(f"/status/{hidden.public_id}").json()["status"] == "SUCCESS"


def test_preview_of_a_hidden_job_is_refused(api, user) -> None:
    job, claim = factories.running_job(user)
    transitions.report_step(claim, 3)
    transitions.show_preview(claim, 3, b"jpeg")
    reviews.hide(job, actor_id=user.pk)
    answer = api.get(f"/api/v1/jobs/{job.public_id}/preview")
    assert (answer.status_code, answer.json()["code"]) == (403, "picture_hidden")
