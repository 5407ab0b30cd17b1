"""Settings that do not go together."""

import pytest

from generation.doctor import configuration
from generation.doctor.finding import State, worst
from tests.doctor.found import only

LOCAL, PUBLIC = "http://127.0.0.1:8009", "https://imagen.example.org"


def examine() -> list:
    return list(configuration.examine())


def test_local_service_is_well(settings) -> None:
    settings.IMAGEN_PUBLIC_URL = LOCAL
    findings = examine()
    assert worst(findings) is State.OK
    assert only(findings, "address").words == LOCAL
    assert "without TLS" in only(findings, "checks").words


def test_public_address_without_tls_is_told(settings) -> None:
    settings.IMAGEN_PUBLIC_URL = "http://imagen.example.org"
    found = only(examine(), "address")
    assert found.state is State.WARNING
    assert "IMAGEN_PUBLIC_URL=https://" in found.remedy


@pytest.mark.parametrize(("address", "state"), [(LOCAL, State.WARNING), (PUBLIC, State.BAD)])
def test_debugging_is_bad_where_others_are_served(settings, address, state) -> None:
    settings.IMAGEN_PUBLIC_URL, settings.DEBUG = address, True
    found = only(examine(), "debug")
    assert (found.state, found.remedy) == (state, "unset IMAGEN_DEBUG")


@pytest.mark.parametrize(("address", "state"), [(LOCAL, State.WARNING), (PUBLIC, State.BAD)])
def test_ordered_fault_is_bad_where_others_are_served(settings, address, state) -> None:
    settings.IMAGEN_PUBLIC_URL, settings.IMAGEN_FAULT = address, "crash:5"
    found = only(examine(), "fault")
    assert (found.state, found.remedy) == (state, "unset IMAGEN_FAULT")
    assert "crash:5" in found.words


def test_checks_for_deployment_are_asked_behind_tls(settings) -> None:
    settings.IMAGEN_PUBLIC_URL, settings.SESSION_COOKIE_SECURE = PUBLIC, False
    words = [finding.words for finding in examine() if finding.name == "checks"]
    assert any(word.startswith("security.W012: ") for word in words)


def test_what_has_a_finding_of_its_own_is_not_told_twice(settings) -> None:
    settings.IMAGEN_PUBLIC_URL = LOCAL
    settings.IMAGEN_PROFILE, settings.IMAGEN_REFERENCE = "sdxl", "nobody.png"
    settings.MEDIA_ROOT = "/proc/nowhere"
    assert "find nothing" in only(examine(), "checks").words
