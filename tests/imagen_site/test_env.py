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


def test_mail_is_off_without_an_address(monkeypatch) -> None:
    monkeypatch.delenv("IMAGEN_MAIL", raising=False)
    assert env.mail() is None


@pytest.mark.parametrize(
    ("given", "host", "port", "security"),
    [
        ("smtp://mail.example.org", "mail.example.org", 587, "starttls"),
        ("smtps://mail.example.org/", "mail.example.org", 465, "tls"),
        ("smtp+plain://localhost", "localhost", 25, "plain"),
        ("smtp+plain://[::1]:2525", "::1", 2525, "plain"),
        ("SMTP://u:p@mail.example.org:2587", "mail.example.org", 2587, "starttls"),
    ],
)
def test_mail_server_is_read_from_one_address(monkeypatch, given, host, port, security) -> None:
    monkeypatch.setenv("IMAGEN_MAIL", given)
    server = env.mail()
    assert (server.host, server.port, server.security) == (host, port, security)


def test_name_and_password_of_the_mail_server_are_decoded(monkeypatch) -> None:
    monkeypatch.setenv("IMAGEN_MAIL", "smtp://imagen%40example.org:p%23%2F%3A@mail.example.org")
    server = env.mail()
    assert (server.user, server.password) == ("imagen@example.org", "p#/:")


@pytest.mark.parametrize(
    "given",
    [
        "mail.example.org",
        "https://user:secret@mail.example.org",
        "smtp://",
        "smtp://user:secret@",
        "smtp://user:secret@mail.example.org:port",
        "smtp://user:secret@mail.example.org:0",
        "smtp://user:secret@mail.example.org:65536",
        "smtp://user:secret@mail.example.org/inbox",
        "smtp://user:1#secret@mail.example.org",
        "smtp://user:1?secret@mail.example.org",
        "smtp://user:secret@[::1",
    ],
)
def test_mail_address_that_makes_no_sense_is_refused_without_its_password(
    monkeypatch, given
) -> None:
    monkeypatch.setenv("IMAGEN_MAIL", given)
    with pytest.raises(ImproperlyConfigured, match="IMAGEN_MAIL must be") as caught:
        env.mail()
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("given", "proxies"),
    [
        ("", ["127.0.0.1", "::1"]),
        ("10.0.0.0/8, 192.0.2.1 ,", ["10.0.0.0/8", "192.0.2.1"]),
        ("2001:db8::/32", ["2001:db8::/32"]),
    ],
)
def test_trusted_proxies_are_addresses_and_networks(monkeypatch, given, proxies) -> None:
    monkeypatch.setenv("IMAGEN_TRUSTED_PROXIES", given)
    assert env.trusted_proxies() == proxies


@pytest.mark.parametrize("given", ["*", "proxy.example.org", "10.0.0.1/8", "10.0.0.0/33", "10.0"])
def test_everybody_and_host_names_are_no_trusted_proxies(monkeypatch, given) -> None:
    monkeypatch.setenv("IMAGEN_TRUSTED_PROXIES", f"127.0.0.1,{given}")
    with pytest.raises(ImproperlyConfigured) as caught:
        env.trusted_proxies()
    assert "IMAGEN_TRUSTED_PROXIES must be" in str(caught.value)
    assert repr(given) in str(caught.value)


@pytest.mark.parametrize("given", ["x" * 201, "two\nlines", "a\x1b[2J"])
def test_name_of_a_worker_can_be_read_and_kept(monkeypatch, given) -> None:
    monkeypatch.setenv("IMAGEN_WORKER_NAME", given)
    with pytest.raises(ImproperlyConfigured, match="at most 200 visible characters"):
        env.worker_name()
