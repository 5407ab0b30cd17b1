"""One django-q2 cluster as a process group of its own, watched from outside."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from generation.worker.gpu_lock import GpuLock
from imagen_site.parent_death import end_with_this_process

CREW_SIZE = 5
"""Parent, sentinel, worker, monitor, pusher: what `qcluster` with one worker consists of."""
START_LIMIT_S = 60.0
END_LIMIT_S = 4.0


class ClusterOutlivedKill(Exception):
    """Processes of the group are still there after SIGKILL, stuck inside the kernel."""


class Cluster:
    """A running `manage.py qcluster` and its children.

    django-q2 replaces its own children, but a killed one can take a queue's lock with it and
    leave its successor deaf (django-q2 #23). So any loss breaks the whole crew.
    """

    def __init__(self, manage_py: Path, *, worker_name: str, lock: GpuLock) -> None:
        """lock: held by this process; the cluster inherits it and is noted in it as its holder."""
        self._parent = subprocess.Popen(
            [sys.executable, str(manage_py), "qcluster"],
            env=os.environ
            | {
                "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # GPU 0 is that of nvidia-smi and the lock
                "IMAGEN_WORKER_NAME": worker_name,
                "OMP_WAIT_POLICY": "PASSIVE",
                "HF_HUB_OFFLINE": "1",
                "DIFFUSERS_DISABLE_REMOTE_CODE": "1",
            },
            start_new_session=True,
            pass_fds=[lock.descriptor],
            stdin=subprocess.DEVNULL,
            preexec_fn=_prepare_child(lock),  # noqa: PLW1509  the supervisor has no threads
        )
        self.started_at = time.monotonic()
        self.group_id = self._parent.pid
        self._crew: dict[int, psutil.Process] = {}

    @property
    def crew(self) -> frozenset[int]:
        """The five processes, once all of them have been there; empty before."""
        return frozenset(self._crew)

    def missing(self) -> frozenset[int]:
        """The crew's lost members; the parent's pid as long as it is over time for a full crew."""
        is_gone = self._parent.poll() is not None
        if self._crew:
            return frozenset(pid for pid in self._crew if not self.is_alive(pid))
        present = self._find()
        if len(present) == CREW_SIZE:
            self._crew = {process.pid: process for process in present}
            return frozenset()
        is_late = time.monotonic() - self.started_at > START_LIMIT_S
        return frozenset({self._parent.pid}) if is_late or is_gone else frozenset()

    def is_alive(self, pid: int) -> bool:
        """Whether this member of the crew is still at work. Not another process of its number."""
        member = self._crew.get(pid)
        return member is not None and member.is_running() and _is_running(member)

    def end(self) -> None:
        """Kill the whole group and wait until it is gone. Raises ClusterOutlivedKill."""
        end_group(self.group_id)
        self._parent.wait()

    def _find(self) -> list[psutil.Process]:
        """The parent, its sentinel and the sentinel's children, as far as they are not zombies.

        Looks through all processes of the machine, so it is done until the crew is known.
        """
        present: list[psutil.Process] = []
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self._parent.pid)
            sentinels = parent.children()
            processes = [parent, *sentinels]
            for sentinel in sentinels:
                with contextlib.suppress(psutil.NoSuchProcess):
                    processes += sentinel.children()
            present = [process for process in processes if _is_running(process)]
        return present


def _prepare_child(lock: GpuLock) -> Callable[[], None]:
    """What the cluster's first process does before it becomes qcluster.

    It notes itself in the lock, so that no moment is left in which a killed supervisor's cluster
    would be nobody's; and it ignores SIGUSR1, which a careless `kill` sends to the whole unit.
    """
    end_with_supervisor = end_with_this_process()
    record = lock.recorder()

    def prepare() -> None:
        end_with_supervisor()
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        record(os.getpid())

    return prepare


def end_group(group_id: int) -> None:
    """Kill every process of a group; returns when none is left but zombies.

    Raises ClusterOutlivedKill when some do not go within the limit.
    """
    give_up_at = time.monotonic() + END_LIMIT_S
    while left := _members(group_id):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group_id, signal.SIGKILL)
        if time.monotonic() > give_up_at:
            raise ClusterOutlivedKill(f"processes {left} of group {group_id} ignore SIGKILL")
        time.sleep(0.05)


def _members(group_id: int) -> list[int]:
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(process.pid) == group_id and _is_running(process):
                members.append(process.pid)
    return members


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
