"""A supervisor whose cluster the test decides."""

from collections.abc import Callable
from pathlib import Path

import pytest

from generation.worker import supervisor as module
from generation.worker.gpu_lock import GpuLock
from generation.worker.supervisor import Supervisor


@pytest.fixture
def supervise(tmp_path, monkeypatch) -> Callable[..., Supervisor]:
    monkeypatch.setattr(module, "WATCH_EVERY_S", 0.01)
    monkeypatch.setattr(module.connection, "close", lambda: None)

    def make(keep_database: Callable[[], object] = lambda: None) -> Supervisor:
        return Supervisor(
            lock=GpuLock(tmp_path / "imagen-cpu.lock"),
            device="cpu",
            manage_py=Path("manage.py"),
            keep_database=keep_database,
        )

    return make
