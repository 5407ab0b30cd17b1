"""Somebody who may do everything there."""

import pytest
from django.test import Client

from tests import factories


@pytest.fixture
def operator(client: Client) -> Client:
    user = factories.make_user("op", is_staff=True, is_superuser=True)
    client.force_login(user)
    client.user = user
    return client
