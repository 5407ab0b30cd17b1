"""The secret key: given by the environment, or drawn once and kept in the data folder."""

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from imagen_site.env import MIN_KEY_CHARS


def read_or_draw(path: Path) -> str:
    """The key in the file, drawn and written first when there is none yet.

    Of several processes that draw at the same moment one wins, by the exclusive link of a
    finished file; all return the winner's key. The file is readable by its owner alone.
    Raises ImproperlyConfigured where it cannot be read or written, or holds no whole key.
    """
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _refused(path, "read", error) from error
    try:
        return _draw(path)
    except OSError as error:
        raise _refused(path, "written", error) from error


def _draw(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(50) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return _read(path)


def _read(path: Path) -> str:
    key = path.read_text().strip()
    if len(key) < MIN_KEY_CHARS:
        raise ImproperlyConfigured(f"{path} holds no whole key; delete it, and a new one is drawn.")
    return key


def _refused(path: Path, verb: str, error: OSError) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"{path} cannot be {verb} by this user ({error.strerror}): run this program as its owner,"
        " or give a key by IMAGEN_SECRET_KEY."
    )
