"""Settings are read strictly and refused by name."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from imagen_site import env


@pytest.fixture(autouse=True)
def known_names(monkeypatch) -> None:
    monkeypatch.setattr(env, "known_names", set(env.known_names))


@pytest.mark.parametrize("given", ["", "  "])
def test_empty_means_default(monkeypatch, given) -> None:
    monkeypatch.setenv("IMAGEN_X", given)
    assert env.integer("IMAGEN_X", 7, minimum=1, maximum=9) == 7


@pytest.mark.parametrize(
    ("read", "given"),
    [
        (lambda: env.integer("IMAGEN_X", 1, minimum=1, maximum=9), "10"),
        (lambda: env.integer("IMAGEN_X", 1, minimum=1, maximum=9), "0"),
        (lambda: env.integer("IMAGEN_X", 1, minimum=1, maximum=9), "3.0"),
        (lambda: env.number("IMAGEN_X", 1, minimum=0, maximum=9), "nan"),
        (lambda: env.number("IMAGEN_X", 1, minimum=0, maximum=9), "inf"),
        (lambda: env.number("IMAGEN_X", 1, minimum=0, maximum=9), "much"),
        (lambda: env.boolean("IMAGEN_X", True), "maybe"),
        (lambda: env.choice("IMAGEN_X", "a", ("a", "b")), "c"),
        (lambda: env.choice("IMAGEN_X", "miniature", ("miniature",)), "dalle"),
        (lambda: env.public_url("IMAGEN_X", ""), "imagen.example"),
        (lambda: env.public_url("IMAGEN_X", ""), "https://imagen.example/path"),
        (lambda: env.public_url("IMAGEN_X", ""), "https://imagen.example:port"),
        (lambda: env.public_url("IMAGEN_X", ""), "ftp://imagen.example"),
    ],
)
def test_it_rejects_what_makes_no_sense_and_names_it(monkeypatch, read, given) -> None:
    monkeypatch.setenv("IMAGEN_X", given)
    with pytest.raises(ImproperlyConfigured) as caught:
        read()
    assert "IMAGEN_X must be" in str(caught.value)
    assert repr(given) in str(caught.value)


def test_short_secret_key_is_refused(monkeypatch) -> None:
    monkeypatch.setenv("IMAGEN_SECRET_KEY", "short")
    with pytest.raises(ImproperlyConfigured, match="50 characters or more, not 5"):
        env.secret_key()


def test_unknown_fault_is_refused(monkeypatch) -> None:
    monkeypatch.setenv("IMAGEN_FAULT", "meteor:5")
    with pytest.raises(ImproperlyConfigured, match="out_of_memory:STEP"):
        env.fault()


@pytest.mark.parametrize(
    ("given", "value"), [("1", True), ("TRUE", True), ("yes", True), ("off", False), ("0", False)]
)
def test_words_for_true_and_false(monkeypatch, given, value) -> None:
    monkeypatch.setenv("IMAGEN_X", given)
    assert env.boolean("IMAGEN_X", not value) is value


def test_folder_is_absolute(monkeypatch) -> None:
    monkeypatch.setenv("IMAGEN_X", "~/pictures")
    assert env.folder("IMAGEN_X", Path("/a")) == Path.home() / "pictures"
    monkeypatch.setenv("IMAGEN_X", "pictures")
    assert env.folder("IMAGEN_X", Path("/a")) == Path.cwd() / "pictures"


def test_misspelt_variable_is_refused_with_the_near_name(monkeypatch) -> None:
    monkeypatch.setenv("IMAGEN_QUEUE_LIMITS", "5")
    with pytest.raises(ImproperlyConfigured, match="did you mean IMAGEN_QUEUE_LIMIT"):
        env.refuse_unknown()
