"""People at the pages."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from tests import factories
from tests.web.visitors import PASSWORD


@pytest.fixture(autouse=True)
def quick_passwords(settings, request: pytest.FixtureRequest) -> None:
    """Hashing is slow on purpose; only the tests of its time need it so."""
    if "slow_passwords" not in request.fixturenames:
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def page(user: User) -> Client:
    """Alice's browser."""
    browser = Client(headers={"accept-language": "en", "accept": "text/html"})
    browser.force_login(user)
    return browser


@pytest.fixture
def stranger_page(stranger: User) -> Client:
    browser = Client(headers={"accept-language": "en", "accept": "text/html"})
    browser.force_login(stranger)
    return browser


@pytest.fixture
def operator_page(db: None) -> Iterator[Client]:
    browser = Client(headers={"accept-language": "en", "accept": "text/html"})
    browser.force_login(factories.make_user("olga", is_staff=True, is_superuser=True))
    return browser


@pytest.fixture(autouse=True)
def fresh_hour() -> None:
    """Nobody has tried anything yet."""
    cache.clear()


@pytest.fixture
def ada(db: None, quick_passwords: None) -> User:
    """Somebody with an address and a password."""
    return factories.make_user("ada", email="ada@example.org", password=PASSWORD)
