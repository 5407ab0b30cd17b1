"""Settings that do not go together, and what the system checks say."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import ERROR, CheckMessage, run_checks

from generation.doctor.finding import Finding, bad, ok, one_line, warning

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
TOLD_ELSEWHERE = frozenset({"imagen.W001", "imagen.W002", "imagen.W003", "imagen.E002"})
"""Checks whose fact has a finding of its own."""


def examine() -> Iterable[Finding]:
    yield _address()
    if settings.DEBUG:
        yield _debug()
    if settings.IMAGEN_FAULT:
        yield _fault()
    yield from _checks()


def _is_public() -> bool:
    """Whether others than this machine's own users are served."""
    return urlsplit(settings.IMAGEN_PUBLIC_URL).hostname not in LOCAL_HOSTS


def _is_https() -> bool:
    return bool(urlsplit(settings.IMAGEN_PUBLIC_URL).scheme == "https")


def _address() -> Finding:
    if _is_public() and not _is_https():
        return warning(
            "address",
            f"{settings.IMAGEN_PUBLIC_URL}: passwords and tokens pass unencrypted",
            "a proxy that ends TLS, and IMAGEN_PUBLIC_URL=https://…",
        )
    return ok("address", settings.IMAGEN_PUBLIC_URL)


def _debug() -> Finding:
    fault = bad if _is_public() else warning
    words = "error pages show code and settings to everybody who meets them"
    return fault("debug", words, "unset IMAGEN_DEBUG")


def _fault() -> Finding:
    fault = bad if _is_public() else warning
    words = f"every job meets {settings.IMAGEN_FAULT} on purpose"
    return fault("fault", words, "unset IMAGEN_FAULT")


def _checks() -> Iterable[Finding]:
    """Those for deployment, too, where the site is behind TLS."""
    messages = [
        message
        for message in run_checks(include_deployment_checks=_is_https())
        if message.id not in TOLD_ELSEWHERE and not message.is_silenced()
    ]
    yield from map(_check, messages)
    if not messages:
        kind = "with those for deployment" if _is_https() else "as for a site without TLS"
        yield ok("checks", f"the system checks find nothing, {kind}")


def _check(message: CheckMessage) -> Finding:
    fault = bad if message.level >= ERROR else warning
    remedy = one_line(message.hint) if message.hint else "manage.py check --deploy"
    return fault("checks", one_line(f"{message.id}: {message.msg}"), remedy)
