"""Settings from environment variables: typed, bounded, and refused by name when they make no sense.

Each reader notes the variable it was asked for, so that `refuse_unknown` can tell a misspelt
IMAGEN_* variable from one that exists.
"""

import difflib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from generation.spec.faults import parse_fault
from generation.spec.profiles import MODEL_INDEX, PATH_PREFIX

BASE_DIR = Path(__file__).resolve().parents[1]
PREFIX = "IMAGEN_"
TRUE_WORDS = ("1", "true", "yes", "on")
FALSE_WORDS = ("0", "false", "no", "off")
BUNDLED = ("miniature", "sdxl", "sdxl-turbo", "sdxl-lightning")
MAIL_SCHEMES = {"smtp": ("starttls", 587), "smtps": ("tls", 465), "smtp+plain": ("plain", 25)}
MIN_KEY_CHARS = 50
MAX_NAME_CHARS = 200

known_names: set[str] = set()


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """A server that takes mails. security: plain, starttls or tls."""

    host: str
    port: int
    user: str
    password: str
    security: str


def text(name: str, default: str = "") -> str:
    """The variable's text, or the default where it is unset or empty."""
    known_names.add(name)
    return os.environ.get(name, "").strip() or default


def integer(name: str, default: int, *, minimum: int, maximum: int) -> int:
    """A whole number within bounds."""
    given = text(name)
    if not given:
        return default
    try:
        value = int(given)
    except ValueError:
        value = None
    if value is None or not minimum <= value <= maximum:
        raise _refused(name, given, f"a whole number from {minimum} to {maximum}")
    return value


def number(name: str, default: float, *, minimum: float, maximum: float) -> float:
    """A finite number within bounds."""
    given = text(name)
    if not given:
        return default
    try:
        value = float(given)
    except ValueError:
        value = None
    if value is None or not minimum <= value <= maximum:
        raise _refused(name, given, f"a number from {minimum:g} to {maximum:g}")
    return value


def boolean(name: str, default: bool) -> bool:
    """True or False, in one of the words for it."""
    given = text(name).lower()
    if not given:
        return default
    if given in TRUE_WORDS or given in FALSE_WORDS:
        return given in TRUE_WORDS
    raise _refused(name, given, f"one of {', '.join(TRUE_WORDS + FALSE_WORDS)}")


def choice(name: str, default: str, choices: Iterable[str]) -> str:
    """One of the given words."""
    given = text(name, default)
    if given not in choices:
        raise _refused(name, given, f"one of {', '.join(choices)}")
    return given


def folder(name: str, default: Path) -> Path:
    """An absolute path; `~` is the home folder, a relative path counts from the current one."""
    given = text(name)
    return Path(given).expanduser().absolute() if given else default


def public_url(name: str, default: str) -> str:
    """An http or https address without path, as browsers see the site."""
    given = text(name, default).rstrip("/")
    parts = urlsplit(given)
    try:
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        port_is_valid = False
    is_whole = parts.scheme in ("http", "https") and parts.hostname and not parts.path
    if not (is_whole and port_is_valid) or parts.query or parts.fragment or parts.username:
        raise _refused(name, given, "an address such as https://imagen.example.org")
    return given


def mail() -> MailServer | None:
    """smtp://USER:PASSWORD@HOST:PORT with STARTTLS, smtps:// with TLS, smtp+plain:// without."""
    given = text("IMAGEN_MAIL")
    if not given:
        return None
    parts, port = _parse_mail_address(given)
    if parts.scheme not in MAIL_SCHEMES or not parts.hostname or port == 0:
        # The value holds a password, so it is not shown.
        raise ImproperlyConfigured(
            "IMAGEN_MAIL must be an address such as smtp://user:password@mail.example.org:587"
            f" ({', '.join(MAIL_SCHEMES)}; a password with special characters is percent-encoded)."
        )
    security, default_port = MAIL_SCHEMES[parts.scheme]
    return MailServer(
        host=parts.hostname,
        port=port or default_port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        security=security,
    )


def _parse_mail_address(given: str) -> tuple[SplitResult, int | None]:
    """The parts and the port; port 0 where the address makes no sense."""
    try:
        parts = urlsplit(given)
        is_bare = not (parts.path.strip("/") or parts.query or parts.fragment)
        return parts, parts.port if is_bare else 0
    except ValueError:
        return urlsplit(""), 0


def connection_parts(url: str, name: str = "DATABASE_URL") -> dict[str, Any]:
    """The address as libpq reads it. The message shows nothing of it: it may hold a password."""
    try:
        return dict(conninfo_to_dict(url, connect_timeout=5))
    except ProgrammingError as error:
        raise ImproperlyConfigured(
            f"{name} must be the address of a PostgreSQL, such as "
            "postgresql://user:secret@host/imagen (special characters percent-encoded)."
        ) from error


def trusted_proxies() -> list[str]:
    """The addresses and networks whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    given = text("IMAGEN_TRUSTED_PROXIES", "127.0.0.1,::1")
    proxies = [proxy.strip() for proxy in given.split(",") if proxy.strip()]
    for proxy in proxies:
        try:
            ip_network(proxy)
        except ValueError:
            what = "addresses or networks with commas between them, such as 127.0.0.1,10.0.0.0/8"
            raise _refused("IMAGEN_TRUSTED_PROXIES", proxy, what) from None
    return proxies


def process_kind() -> str:
    """What this process is: a "command" that somebody typed, or a child that serves or works."""
    return choice("IMAGEN_PROCESS", "command", ("command", "web", "worker"))


def data_dir() -> Path:
    """The folder of the embedded database and the drawn secret key."""
    return folder("IMAGEN_DATA_DIR", BASE_DIR / ".data")


def listen_host() -> str:
    """The address that the web process listens on."""
    return text("IMAGEN_HOST", "127.0.0.1")


def listen_port() -> int:
    """The port that the web process listens on."""
    return integer("IMAGEN_PORT", 8009, minimum=1, maximum=65535)


def access_log() -> bool:
    """Whether each HTTP request is logged."""
    return boolean("IMAGEN_ACCESS_LOG", False)


def secret_key() -> str:
    """The given secret key, or nothing where one is to be drawn."""
    given = text("IMAGEN_SECRET_KEY")
    if given and len(given) < MIN_KEY_CHARS:
        raise ImproperlyConfigured(
            f"IMAGEN_SECRET_KEY must have {MIN_KEY_CHARS} characters or more, not {len(given)}; "
            "leave it unset, and one is drawn."
        )
    return given


def fault() -> str:
    """The ordered fault, checked."""
    given = text("IMAGEN_FAULT")
    try:
        parse_fault(given)
    except ValueError as error:
        raise ImproperlyConfigured(str(error)) from error
    return given


def profile() -> str:
    """The name of a profile that comes with the code, or path:FOLDER with an absolute folder."""
    given = text("IMAGEN_PROFILE", "miniature")
    if given.startswith(PATH_PREFIX):
        return f"{PATH_PREFIX}{_model_folder('IMAGEN_PROFILE', given)}"
    if given in BUNDLED:
        return given
    raise _refused("IMAGEN_PROFILE", given, f"one of {', '.join(BUNDLED)}, or path:FOLDER")


def models(chosen: str) -> list[Path]:
    """The folders of the models beside the bundled ones; chosen: what `profile` told.

    Raises ImproperlyConfigured for two folders of one name, since jobs name their model by it.
    """
    folders = [_model_folder("IMAGEN_PROFILE", chosen)] if chosen.startswith(PATH_PREFIX) else []
    for entry in filter(None, map(str.strip, text("IMAGEN_MODELS").split(","))):
        if not entry.startswith(PATH_PREFIX):
            what = "path:FOLDER, or several with commas between them"
            raise _refused("IMAGEN_MODELS", entry, what)
        folder = _model_folder("IMAGEN_MODELS", entry)
        twin = next((other for other in folders if other.name == folder.name), folder)
        if twin != folder:
            raise ImproperlyConfigured(
                f"IMAGEN_MODELS: {folder} and {twin} would both be called"
                f" {PATH_PREFIX}{folder.name}; rename one of the folders."
            )
        folders.append(folder)
    return folders


def _model_folder(name: str, given: str) -> Path:
    """The folder of a path:FOLDER, absolute. Raises ImproperlyConfigured where no model is."""
    folder = given.removeprefix(PATH_PREFIX)
    path = Path(folder).expanduser().absolute()
    if not folder or not (path / MODEL_INDEX).is_file():
        raise ImproperlyConfigured(
            f"{name} is {given!r}, but there is no {path if folder else 'FOLDER'}/"
            f"{MODEL_INDEX}; name the folder of an SDXL in diffusers layout."
        )
    if len(PATH_PREFIX + path.name) > MAX_NAME_CHARS:
        raise ImproperlyConfigured(
            f"{name}: the name of the folder {path} is longer than a job can note; shorten it."
        )
    return path


def worker_name() -> str:
    """A worker's name: one line that can be read, kept and typed."""
    given = text("IMAGEN_WORKER_NAME")
    if len(given) > MAX_NAME_CHARS or not given.isprintable():
        shown = ascii(given if len(given) <= MAX_NAME_CHARS else f"{given[:20]}…")
        raise ImproperlyConfigured(
            f"IMAGEN_WORKER_NAME must be at most {MAX_NAME_CHARS} visible characters, not {shown}."
        )
    return given


def reference() -> str:
    """The name of a file in reference/, without a folder."""
    given = text("IMAGEN_REFERENCE", "electra_ref.png")
    if Path(given).name != given:
        raise _refused("IMAGEN_REFERENCE", given, "the name of a file in reference/, no path")
    return given


def refuse_unknown() -> None:
    """Raise ImproperlyConfigured for an IMAGEN_* variable that nobody reads: most often a typo."""
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known_names:
            near = difflib.get_close_matches(name, known_names, n=1)
            hint = f"did you mean {near[0]}?" if near else "see the settings table in the README."
            raise ImproperlyConfigured(f"{name} is no setting of Imagen; {hint}")


def _refused(name: str, given: str, expected: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name} must be {expected}, not {given!r}.")
