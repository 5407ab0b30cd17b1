"""One supervisor a device, told apart from the leftovers of a killed one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from generation.worker.gpu_lock import AmbiguousDevice, GpuLock, lock_path, visible_device


@pytest.mark.parametrize(
    ("visible", "device"),
    [
        ("0", "gpu-0"),
        ("3", "gpu-3"),
        ("GPU-8932f937", "gpu-GPU-8932f937"),
        ("", "cpu"),
        ("-1", "cpu"),
    ],
)
def test_device_is_the_visible_one(monkeypatch, visible, device) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert visible_device() == device


def test_several_visible_gpus_are_refused_with_the_remedy(monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    with pytest.raises(AmbiguousDevice, match="start one imagen_worker for each"):
        visible_device()


def test_gpu_has_one_lock_by_number_and_by_uuid(tmp_path, monkeypatch) -> None:
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho '0, GPU-8932f937-d72c'\necho '1, GPU-f5e8a3b1-0c4d'\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-f5e8")
    assert visible_device() == "gpu-1"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert visible_device() == "gpu-1"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-7")
    assert visible_device() == "gpu-MIG-7"


def test_gpu_is_locked_for_the_machine_and_cpu_for_a_database(tmp_path) -> None:
    assert lock_path(tmp_path, "gpu-0", "a") == lock_path(tmp_path, "gpu-0", "b")
    assert lock_path(tmp_path, "cpu", "a") != lock_path(tmp_path, "cpu", "b")


def test_second_lock_is_not_given(tmp_path) -> None:
    first, second = GpuLock(tmp_path / "gpu.lock"), GpuLock(tmp_path / "gpu.lock")
    assert first.acquire()
    assert not second.acquire()
    os.close(first.descriptor)
    assert second.acquire()
    os.close(second.descriptor)


def test_lock_lives_on_in_a_child_that_inherited_it(tmp_path) -> None:
    lock = GpuLock(tmp_path / "gpu.lock")
    assert lock.acquire()
    child = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[lock.descriptor]
    )
    lock.recorder()(child.pid)
    os.close(lock.descriptor)
    successor = GpuLock(tmp_path / "gpu.lock")
    assert not successor.acquire()
    child.communicate(b"\n")
    assert successor.acquire()
    os.close(successor.descriptor)


def test_holder_is_abandoned_once_its_supervisor_is_gone(tmp_path) -> None:
    path = tmp_path / "gpu.lock"
    script = (
        "import sys; from pathlib import Path; from generation.worker.gpu_lock import GpuLock;"
        "lock = GpuLock(Path(sys.argv[1])); assert lock.acquire(); lock.recorder()(77)"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", script, str(path)], check=True, cwd=root)
    lock = GpuLock(path)
    holder = lock.holder()
    assert holder
    assert holder.group_id == 77
    assert holder.is_abandoned
    lock.recorder()(78)
    assert not lock.holder().is_abandoned
    os.close(lock.descriptor)


def test_nobody_is_noted_in_a_new_file(tmp_path) -> None:
    lock = GpuLock(tmp_path / "gpu.lock")
    assert lock.holder() is None
    os.close(lock.descriptor)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file that another user owns")
def test_record_in_another_users_file_is_not_believed(tmp_path) -> None:
    path = tmp_path / "gpu.lock"
    path.write_text('{"supervisor_pid": 1, "supervisor_started": 0, "group_id": 1}')
    os.chown(path, 65534, 65534)
    lock = GpuLock(path)
    assert lock.holder() is None
    lock.recorder()(5)
    assert '"group_id": 1' in path.read_text()
    assert lock.acquire()
    os.close(lock.descriptor)


def test_link_is_not_followed(tmp_path) -> None:
    (tmp_path / "gpu.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"gpu\.lock"):
        GpuLock(tmp_path / "gpu.lock")


def test_record_of_another_release_is_no_record(tmp_path) -> None:
    path = tmp_path / "gpu.lock"
    path.write_text('{"supervisor_pid": 1, "supervisor_started": 0, "group_id": 1}')
    lock = GpuLock(path)
    assert lock.holder() is None
    os.close(lock.descriptor)


def test_clock_that_is_set_right_makes_nobody_abandoned(tmp_path, monkeypatch) -> None:
    lock = GpuLock(tmp_path / "gpu.lock")
    lock.recorder()(1)
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert not lock.holder().is_abandoned
    os.close(lock.descriptor)
