"""The versions that decide what is painted, beside those that the suite passes with."""

import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from django.conf import settings

from generation.doctor.finding import Finding, bad, ok, warning

NAMES = ("torch", "diffusers", "transformers", "compel")


def examine() -> Iterable[Finding]:
    """One finding: all of them, or those that are missing or others than the constraints want."""
    found = {name: _installed(name) for name in NAMES}
    missing = [name for name, number in found.items() if not number]
    if missing:
        yield bad("packages", f"missing: {', '.join(missing)}", "make install")
        return
    pinned = _pinned(Path(settings.BASE_DIR) / "constraints.txt")
    others = [
        f"{name} {number} instead of {pinned[name]}"
        for name, number in found.items()
        if name in pinned and number.partition("+")[0] != pinned[name]
    ]
    if others:
        yield warning("packages", f"untested: {', '.join(others)}", "make install")
        return
    python, diffusers = platform.python_version(), found["diffusers"]
    words = f"Python {python}, diffusers {diffusers}, transformers {found['transformers']}"
    yield ok("packages", words)


def _installed(name: str) -> str:
    """The version, with the build behind a plus sign; empty where there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _pinned(constraints: Path) -> Mapping[str, str]:
    """The wanted versions by name; none where the file does not come with the code."""
    try:
        lines = constraints.read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition("==") for line in lines if not line.startswith("#"))
    return {name.strip(): number.strip() for name, equals, number in pairs if equals}
