"""The graphics card: what its driver says and what torch sees; the host's memory."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence

import psutil
from django.conf import settings

from generation import conf
from generation.doctor import nvidia, plan
from generation.doctor.finding import Finding, bad, ok, one_line, warning
from generation.doctor.nvidia import Card, CardUser, DriverTrouble
from generation.spec.card import TorchSight, from_json
from generation.spec.plans import GIB
from generation.spec.profiles import ModelProfile

TORCH_PROCESS = (sys.executable, "-m", "generation.pipeline.card")
TORCH_LIMIT_S = 7.0
LEAST_MEMORY_GIB = 2.0
SDXL_ON_CPU_GIB = 24.0
"""Host memory for SDXL's weights in full precision, with a little to work."""


class TorchTrouble(Exception):
    """The process that loads torch ended without an answer."""


class TorchLate(Exception):
    """It still loads: something hangs, or the disk is slow and the files are not cached yet."""


def examine() -> Iterable[Finding]:
    """Driver and cards, torch, the host's memory, and the plan."""
    torch_process, give_up_at = _start_torch(), time.monotonic() + TORCH_LIMIT_S
    profile = _painter()
    cards: Sequence[Card] = []
    users: Sequence[CardUser] = []
    if nvidia.is_here():
        try:
            cards, users = nvidia.list_cards(), nvidia.list_users()
        except DriverTrouble as trouble:
            yield bad("driver", str(trouble), "dmesg | grep -i nvidia; then reboot the host")
        yield from _driver(cards)
    try:
        sight = _finish_torch(torch_process, give_up_at)
    except TorchTrouble as trouble:
        yield bad("torch", str(trouble), f"{_shown(TORCH_PROCESS)}  tells more")
        return
    except TorchLate as late:
        yield warning("torch", str(late), f"{_shown(TORCH_PROCESS)}  tells whether it hangs")
        return
    yield _torch(sight, cards, profile)
    yield _memory(sight, profile)
    yield from plan.examine(sight, users, profile)


def _painter() -> ModelProfile:
    """The profile that would use a card: the one of jobs that name none, if it does."""
    default = conf.profile()
    return default if default.device == "auto" else conf.profiles()["sdxl"]


def _is_wanted(profile: ModelProfile) -> bool:
    """Whether jobs that name no model would use a card."""
    return conf.profile().name == profile.name


def _start_torch() -> subprocess.Popen[str]:
    """It takes seconds, in which the driver is asked."""
    return subprocess.Popen(
        TORCH_PROCESS,
        cwd=settings.BASE_DIR,
        env=os.environ | {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},  # as workers count
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )


def _finish_torch(process: subprocess.Popen[str], give_up_at: float) -> TorchSight:
    """Raises TorchLate, or TorchTrouble for one that breaks or tells something else."""
    patience_s = max(0.1, give_up_at - time.monotonic())
    try:
        told, complaint = process.communicate(timeout=patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # stuck inside the driver
            process.communicate(timeout=0.2)
        raise TorchLate(f"not loaded within {TORCH_LIMIT_S:g} seconds") from None
    if process.returncode:
        last = one_line(complaint.strip().rpartition("\n")[2]) or "it said nothing"
        raise TorchTrouble(f"torch ended with status {process.returncode}: {last}")
    try:
        return from_json(told.strip().rpartition("\n")[2])
    except ValueError as error:
        raise TorchTrouble(one_line(error)) from error


def _driver(cards: Sequence[Card]) -> Iterable[Finding]:
    """One finding for the driver, if it has any card, and one a card."""
    if cards:
        yield ok("driver", cards[0].driver)
    for card in cards:
        words = card.name
        if card.total_gib is not None and card.used_gib is not None:
            free_gib = card.total_gib - card.used_gib
            words += f", {free_gib:.1f} of {card.total_gib:.1f} GiB free"
        yield ok("card", words)


def _torch(sight: TorchSight, cards: Sequence[Card], profile: ModelProfile) -> Finding:
    version = sight.torch.partition("+")[0]
    if cards and not sight.cuda_build:
        return bad(
            "torch",
            f"{sight.torch} is a build for the CPU, so the card is not used",
            f"{sys.executable} -m pip install --force-reinstall torch=={version}",
        )
    if sight.name:
        built = f"{sight.torch} for CUDA {sight.cuda_build}"
        return ok("torch", f"{built} sees {sight.name}, capability {sight.capability}")
    if cards:
        return _hidden(sight)
    if _is_wanted(profile):
        return warning(
            "torch",
            f"{sight.torch} sees no NVIDIA card: {profile.name} takes minutes",
            "IMAGEN_PROFILE=miniature, or a host with a card (nvidia-smi must list it)",
        )
    return ok("torch", f"{sight.torch}; no NVIDIA card, and {conf.profile().name} needs none")


def _hidden(sight: TorchSight) -> Finding:
    """The driver lists a card, torch was built for cards, and sees none."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in ("", "-1"):
        return warning(
            "torch",
            f"CUDA_VISIBLE_DEVICES={visible} hides every card",
            "unset CUDA_VISIBLE_DEVICES",
        )
    return bad(
        "torch",
        one_line(f"{sight.torch} for CUDA {sight.cuda_build} sees no card: {sight.trouble}"),
        f"a driver for CUDA {sight.cuda_build} or newer (nvidia-smi tells its own), then a reboot",
    )


def _memory(sight: TorchSight, profile: ModelProfile) -> Finding:
    """The host's own."""
    memory = psutil.virtual_memory()
    free_gib, total_gib = memory.available / GIB, memory.total / GIB
    words = f"{free_gib:.1f} of {total_gib:.1f} GiB free"
    if free_gib < LEAST_MEMORY_GIB:
        return warning("memory", words, "ps aux --sort=-rss | head  (end what is not needed)")
    if _is_wanted(profile) and not sight.name and total_gib < SDXL_ON_CPU_GIB:
        return warning(
            "memory",
            f"{words}; {profile.name} wants {SDXL_ON_CPU_GIB:g} GiB",
            "IMAGEN_PROFILE=miniature, or a host with more memory",
        )
    return ok("memory", words)


def _shown(command: Sequence[str]) -> str:
    """As an operator types it in the folder of the code, with the interpreter of the service."""
    return " ".join([sys.executable, *command[1:]])
