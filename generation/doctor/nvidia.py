"""What NVIDIA's driver says of the cards, by nvidia-smi."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from generation.doctor.finding import one_line

LIMIT_S = 4.0
MIB_IN_GIB = 1024
_CARDS = ("uuid", "driver_version", "memory.total", "memory.used", "name")
_PROCESSES = ("gpu_uuid", "pid", "used_memory", "process_name")


class DriverTrouble(Exception):
    """nvidia-smi is there and cannot tell, in its own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """uuid: without "GPU-". Memory is None where the driver does not tell it."""

    uuid: str
    name: str
    driver: str
    total_gib: float | None
    used_gib: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardUser:
    """A process that computes on a card. is_ours: a worker of Imagen, seen from this host."""

    uuid: str
    pid: int
    name: str
    used_gib: float
    is_ours: bool


def is_here() -> bool:
    """Whether the driver's tools are installed."""
    return shutil.which("nvidia-smi") is not None


def list_cards() -> Sequence[Card]:
    """Every card of the host. Raises DriverTrouble."""
    return [
        Card(uuid=_bare(uuid), name=name, driver=driver, total_gib=_gib(total), used_gib=_gib(used))
        for uuid, driver, total, used, name in _ask("gpu", _CARDS)
    ]


def list_users() -> Sequence[CardUser]:
    """Who computes on them; in a container none may be seen. Raises DriverTrouble."""
    return [
        CardUser(
            uuid=_bare(uuid),
            pid=int(pid),
            name=name.rpartition("/")[2],
            used_gib=_gib(used) or 0.0,
            is_ours=_is_worker(int(pid)),
        )
        for uuid, pid, used, name in _ask("compute-apps", _PROCESSES)
        if pid.isdigit()
    ]


def _ask(what: str, fields: Sequence[str]) -> Sequence[Sequence[str]]:
    """Rows of fields; the last one may hold commas."""
    command = ["nvidia-smi", f"--query-{what}={','.join(fields)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=LIMIT_S, errors="replace"
        )
    except subprocess.TimeoutExpired as error:
        raise DriverTrouble(f"nvidia-smi did not answer within {LIMIT_S:g} seconds") from error
    except OSError as error:
        raise DriverTrouble(f"nvidia-smi cannot be run: {error}") from error
    if done.returncode:
        raise DriverTrouble(one_line(done.stdout or done.stderr) or "nvidia-smi failed")
    rows = (line.split(", ", len(fields) - 1) for line in done.stdout.splitlines())
    return [row for row in rows if len(row) == len(fields)]


def _bare(uuid: str) -> str:
    return uuid.removeprefix("GPU-")


def _gib(mebibytes: str) -> float | None:
    """None for "[N/A]" and the like."""
    return int(mebibytes) / MIB_IN_GIB if mebibytes.isdigit() else None


def _is_worker(pid: int) -> bool:
    try:
        arguments = psutil.Process(pid).cmdline()
    except psutil.Error:
        return False
    return "qcluster" in arguments or "imagen_worker" in arguments
