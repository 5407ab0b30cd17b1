"""Workers and queue at a glance, and invitations that are drawn here."""

import re

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from generation import invitations
from generation.jobs import transitions
from generation.models import Invitation, Worker
from tests import factories
from tests.test_admin import JOBS, act, operator, staff  # noqa: F401  a fixture

pytestmark = pytest.mark.django_db

ENGLISH = {"accept-language": "en"}
INVITATIONS = "/admin/generation/invitation/"


def text(client, path: str) -> str:
    answer = client.get(path, headers=ENGLISH)
    assert answer.status_code == 200
    return answer.content.decode()


def make_worker(name: str, **fields: object) -> Worker:
    known = {"host": "host", "device": "cpu", "profile": "miniature", "version": "0.1.0"}
    return Worker.objects.create(name=name, **known, **fields)


def test_queue_shows_workers_and_what_they_paint(operator) -> None:  # noqa: F811
    job, claim = factories.running_job()
    transitions.report_step(claim, 12)
    factories.queued_job()
    make_worker("host/cpu", last_error="lost process [7]", last_error_at=Now())
    make_worker("host/gpu-0", stopped_at=Now())
    page = text(operator, "/admin/queue/")
    assert '<meta http-equiv="refresh" content="10">' in page
    assert "of 100 at most" in page
    assert "12/30" in page
    assert f'href="{JOBS}{job.pk}/change/"' in page
    assert "lost process [7]" in page
    assert re.findall(r'class="state state-(\w+)"', page) == ["painting", "stopped"]


def test_queue_of_an_empty_service(operator) -> None:  # noqa: F811
    page = text(operator, "/admin/queue/")
    assert "No worker has been seen for a week." in page
    assert "Nothing is being painted." in page


def test_queue_is_linked_for_those_who_may_see_it(client) -> None:
    staff(client, "view_worker")
    assert "/admin/queue/" not in text(client, "/admin/")
    assert client.get("/admin/queue/").status_code == 403
    client.logout()
    assert client.get("/admin/queue/").status_code == 302


def test_queue_is_linked_from_the_index_and_the_list(operator) -> None:  # noqa: F811
    for path in ("/admin/", JOBS):
        assert 'href="/admin/queue/"' in text(operator, path)


def test_workers_are_listed(operator) -> None:  # noqa: F811
    make_worker("host/cpu")
    assert "host/cpu" in text(operator, "/admin/generation/worker/")
    assert "miniature" in text(operator, "/admin/generation/worker/host_2Fcpu/change/")


def test_invitation_is_drawn_and_its_link_shown_once(operator) -> None:  # noqa: F811
    assert 'name="note"' in text(operator, f"{INVITATIONS}add/")
    answer = operator.post(
        f"{INVITATIONS}add/",
        {"note": "for Ada", "digest": "0" * 64, "expires_at": "2099-01-01"},
        follow=True,
        headers=ENGLISH,
    )
    page = answer.content.decode()
    invitation = Invitation.objects.get()
    (url,) = re.findall(r'<code class="once">([^<]+)</code>', page)
    assert invitations.find_invitation(url.rsplit("/", 1)[1]) == invitation
    assert (invitation.note, invitation.created_by) == ("for Ada", operator.user)
    assert invitation.expires_at.year < 2099
    assert "for Ada" in page
    assert url not in text(operator, INVITATIONS)
    assert url not in text(operator, f"{INVITATIONS}{invitation.pk}/change/")
    assert invitation.digest not in text(operator, f"{INVITATIONS}{invitation.pk}/change/")


def test_invitations_are_drawn_by_those_who_may(client) -> None:
    staff(client, "view_invitation")
    assert client.post(f"{INVITATIONS}add/", {"note": "me"}).status_code == 403
    assert not Invitation.objects.exists()


def test_only_unused_invitations_are_withdrawn(operator, user) -> None:  # noqa: F811
    unused, _key = invitations.draw_invitation(note="unused")
    used, _key = invitations.draw_invitation(note="used")
    Invitation.objects.filter(pk=used.pk).update(used_at=timezone.now(), used_by=user)
    page = act(operator, "withdraw", unused, used, url=INVITATIONS).content.decode()
    assert "1 invitation withdrawn." in page
    assert Invitation.objects.get() == used
