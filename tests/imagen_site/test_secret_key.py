"""The key is drawn once, whoever asks first."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from imagen_site import secret_key


def test_key_is_drawn_once_and_private(tmp_path) -> None:
    path = tmp_path / "data" / "secret_key"
    key = secret_key.read_or_draw(path)
    assert len(key) >= 50
    assert secret_key.read_or_draw(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["secret_key"]


def test_simultaneous_askers_get_one_key(tmp_path, monkeypatch) -> None:
    pids = iter(range(100, 200))
    monkeypatch.setattr(secret_key.os, "getpid", lambda: next(pids))
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: secret_key.read_or_draw(tmp_path / "key"), range(16)))
    assert len(keys) == 1


def test_cut_off_key_is_refused_with_the_remedy(tmp_path) -> None:
    (tmp_path / "key").write_text("short\n")
    with pytest.raises(ImproperlyConfigured, match="delete it"):
        secret_key.read_or_draw(tmp_path / "key")


def test_folder_of_another_user_is_refused_with_the_remedy(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImproperlyConfigured, match=r"cannot be read .* IMAGEN_SECRET_KEY"):
        secret_key.read_or_draw(tmp_path / "file" / "secret_key")
    with pytest.raises(ImproperlyConfigured, match=r"cannot be written .* IMAGEN_SECRET_KEY"):
        secret_key.read_or_draw(Path("/proc/nowhere/secret_key"))
