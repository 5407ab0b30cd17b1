"""One supervisor a device: a file lock that the cluster's processes inherit.

The lock is held until the last of them has gone, so a new supervisor cannot start a second
generator beside the leftovers of a killed one; it finds them by the record in the file and ends
them first.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path


class AmbiguousDevice(Exception):
    """More than one GPU is visible, so it is unclear which one this worker is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a device: the supervisor, its birth, and its cluster's group id."""

    supervisor_pid: int
    supervisor_birth: str
    group_id: int

    @property
    def is_abandoned(self) -> bool:
        """Whether the supervisor is gone and its cluster may still be there."""
        return _birth_of(self.supervisor_pid) != self.supervisor_birth


def visible_device() -> str:
    """ "gpu-0" or "cpu", told without touching CUDA, which must not be forked.

    A GPU that is called by its UUID is the same as by its number, or two workers would share it;
    where nvidia-smi cannot tell, it keeps the name that was given.
    Raises AmbiguousDevice when CUDA_VISIBLE_DEVICES names several.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return "gpu-0" if Path("/dev/nvidiactl").exists() else "cpu"
    devices = [device.strip() for device in visible.split(",") if device.strip()]
    if len(devices) > 1:
        raise AmbiguousDevice(
            f"CUDA_VISIBLE_DEVICES={visible} names {len(devices)} GPUs, but one worker serves "
            "one; start one imagen_worker for each, with one of them visible."
        )
    return f"gpu-{_number_of(devices[0])}" if devices and devices[0] != "-1" else "cpu"


def _number_of(gpu: str) -> str:
    """The place on the PCI bus, as nvidia-smi counts; CUDA counts so by CUDA_DEVICE_ORDER."""
    if gpu.isdigit() or not (smi := shutil.which("nvidia-smi")):
        return gpu
    command = [smi, "--query-gpu=index,uuid", "--format=csv,noheader"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except subprocess.TimeoutExpired:
        return gpu
    for line in listed.stdout.splitlines():
        number, _comma, uuid = line.partition(", ")
        if uuid.startswith(gpu):
            return number
    return gpu


def lock_path(folder: Path, device: str, database: str) -> Path:
    """A GPU is locked for the whole machine, a CPU for one database: CPUs can be shared."""
    scope = f"-{hashlib.sha256(database.encode()).hexdigest()[:12]}" if device == "cpu" else ""
    return folder / f"imagen-{device.replace('/', '_')}{scope}.lock"


class GpuLock:
    """The lock on one device. Not held until `acquire` says so; held until the process ends.

    `name` is that of the file without prefix and suffix: "gpu-0", "cpu-00afba24f36a".
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.stem.removeprefix("imagen-")
        self.descriptor, self.is_own_file = _open(path)

    def acquire(self) -> bool:
        """Take the lock if nobody has it. False: somebody does."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if self.is_own_file:
            os.ftruncate(self.descriptor, 0)  # what a predecessor noted is no longer true
        return True

    def recorder(self) -> Callable[[int], None]:
        """What notes a group of this supervisor as the holder, for a successor.

        May be called by a child, which inherits the file. In another user's file nothing is noted.
        """
        pid = os.getpid()
        birth = _birth_of(pid)

        def record(group_id: int) -> None:
            if self.is_own_file:
                holder = Holder(supervisor_pid=pid, supervisor_birth=birth, group_id=group_id)
                os.ftruncate(self.descriptor, 0)
                os.pwrite(self.descriptor, json.dumps(asdict(holder)).encode(), 0)

        return record

    def holder(self) -> Holder | None:
        """Who noted itself last. A file that another user owns is not believed: None."""
        if not self.is_own_file:
            return None
        written = os.pread(self.descriptor, 4096, 0)
        try:
            return Holder(**json.loads(written)) if written else None
        except (ValueError, TypeError):  # of another release, or just being written
            return None


def _birth_of(pid: int) -> str:
    """When the process began, by a clock that nobody sets: which boot, and ticks since.

    Empty: it is gone. The time of day would change when the host's clock is set right, and a living
    supervisor would be taken for another one.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    except OSError:
        return ""
    return f"{boot}/{after_name.split()[19]}"


def _open(path: Path) -> tuple[int, bool]:
    """The descriptor, and whether the file is this user's. Never follows a link."""
    flags = os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags | os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        is_own = path.lstat().st_uid == os.geteuid()
        descriptor = os.open(path, flags | (os.O_RDWR if is_own else os.O_RDONLY))
    return descriptor, os.fstat(descriptor).st_uid == os.geteuid()
