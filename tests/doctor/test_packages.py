"""The versions that decide what is painted."""

import pytest

from generation.doctor import packages
from generation.doctor.finding import State
from tests.doctor.found import only


@pytest.fixture
def base_dir(settings, tmp_path):
    settings.BASE_DIR = tmp_path
    return tmp_path


def test_this_environment_is_as_pinned() -> None:
    found = only(packages.examine(), "packages")
    assert found.state is State.OK
    assert "diffusers 0." in found.words


def test_other_version_than_the_pinned_one_is_told(base_dir) -> None:
    (base_dir / "constraints.txt").write_text("# words\ncompel==9.9.9\ntorch==2.0\n")
    found = only(packages.examine(), "packages")
    assert found.state is State.WARNING
    assert "torch 2.13.0" in found.words
    assert "compel 2.5.1 instead of 9.9.9" in found.words
    assert found.remedy == "make install"


def test_code_without_constraints_pins_nothing(base_dir) -> None:
    assert only(packages.examine(), "packages").state is State.OK


def test_missing_package_is_bad(monkeypatch) -> None:
    monkeypatch.setattr(packages, "NAMES", ("torch", "imagen-nobody"))
    found = only(packages.examine(), "packages")
    assert (found.state, found.words) == (State.BAD, "missing: imagen-nobody")
