"""People at the operators' pages, and what they do there."""

from typing import Any

from django.contrib.auth.models import Permission
from django.test import Client

from generation.models import GenerationJob
from tests import factories

JOBS = "/admin/generation/generationjob/"
INVITATIONS = "/admin/generation/invitation/"
ENGLISH = {"accept-language": "en"}


def staff(client: Client, *permissions: str) -> Client:
    """Somebody who may enter the admin, and no more than told."""
    user = factories.make_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def text(client: Client, path: str) -> str:
    answer = client.get(path, headers=ENGLISH)
    assert answer.status_code == 200, path
    return answer.content.decode()


def act(client: Client, action: str, *rows: Any, url: str = JOBS, **fields: str) -> Any:
    """Tick these rows of a list and choose the action."""
    data = {"action": action, "_selected_action": [row.pk for row in rows], **fields}
    return client.post(url, data, follow=True, headers=ENGLISH)


def press(client: Client, job: GenerationJob, name: str, **fields: str) -> Any:
    """A button of the job's own page."""
    data = {"act": name, **fields}
    return client.post(f"{JOBS}{job.pk}/act/", data, follow=True, headers=ENGLISH)
