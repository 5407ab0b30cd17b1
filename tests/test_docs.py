"""The README knows every setting, error code, command and field."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from generation.spec.errors import FAILURES
from generation.spec.request import FIELDS
from imagen_site import env

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def test_every_setting_is_documented() -> None:
    read = set(re.findall(r'"(IMAGEN_[A-Z_]+)"', "".join(sources())))
    documented = set(re.findall(r"`(IMAGEN_[A-Z_]+)`", README))
    assert read - documented == set()
    assert documented - read == set()


def test_every_variable_that_settings_ask_for_is_known() -> None:
    documented = set(re.findall(r"\| `(IMAGEN_[A-Z_]+)`", README))
    assert documented - env.known_names == set()


@pytest.mark.parametrize("code", FAILURES)
def test_every_error_code_is_documented(code) -> None:
    assert f"| `{code}` |" in README


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_is_documented(field) -> None:
    assert f"`{field}`" in README


def test_every_command_of_ours_is_documented() -> None:
    ours = [name for name, app in get_commands().items() if app == "generation"]
    assert len(ours) >= 6
    for name in ours:
        assert name in README, name


def test_every_make_target_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", README)) <= targets


def test_every_picture_and_link_of_the_readme_exists() -> None:
    named = re.findall(r'src="([^"]+)"|\]\(([^)#:]+)\)', README)
    assert len(named) >= 5
    for source, link in named:
        assert (ROOT / (source or link)).exists(), source or link


def sources() -> list[str]:
    folders = (ROOT / "imagen_site", ROOT / "generation")
    return [path.read_text() for folder in folders for path in folder.rglob("*.py")]
