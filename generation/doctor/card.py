"""The graphics card: what its driver says, what torch sees, and which memory plan that makes."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence

import psutil
from django.conf import settings

from generation import conf
from generation.doctor import nvidia
from generation.doctor.finding import Finding, bad, ok, one_line, warning
from generation.doctor.nvidia import Card, CardUser, DriverTrouble
from generation.spec import plans
from generation.spec.card import TorchSight, from_json
from generation.spec.plans import GIB, MemoryPlan, choose_plan, plan_called
from generation.spec.profiles import ModelProfile

TORCH_PROCESS = (sys.executable, "-m", "generation.pipeline.card")
TORCH_LIMIT_S = 7.0
LEAST_MEMORY_GIB = 2.0
SDXL_ON_CPU_GIB = 24.0
"""Host memory for SDXL's weights in full precision, with a little to work."""
LISTED_USERS = 3


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
    yield from _plan(sight, users, profile)


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
            f".venv/bin/pip install --force-reinstall torch=={version}",
        )
    if sight.name:
        built = f"{sight.torch} for CUDA {sight.cuda_build}"
        return ok("torch", f"{built} sees {sight.name}, capability {sight.capability}")
    if cards:
        return _unseen(sight)
    if _is_wanted(profile):
        return warning(
            "torch",
            f"{sight.torch} sees no NVIDIA card: {profile.name} takes minutes",
            "IMAGEN_PROFILE=miniature, or a host with a card (nvidia-smi must list it)",
        )
    return ok("torch", f"{sight.torch}; no NVIDIA card, and {conf.profile().name} needs none")


def _unseen(sight: TorchSight) -> Finding:
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


def _plan(sight: TorchSight, users: Sequence[CardUser], profile: ModelProfile) -> Iterable[Finding]:
    """The plan that a worker would choose which starts now, its predecessor's memory being free."""
    wanted = str(getattr(settings, "IMAGEN_MEMORY_PLAN", plans.AUTOMATIC))
    if wanted == plans.CPU.name:
        yield ok("plan", "cpu, as IMAGEN_MEMORY_PLAN says")
        return
    if not sight.name:
        if wanted != plans.AUTOMATIC:
            yield bad(
                "plan",
                f"IMAGEN_MEMORY_PLAN={wanted}, but no card is seen",
                "IMAGEN_MEMORY_PLAN=auto",
            )
        return
    here = [user for user in users if user.uuid == sight.uuid]
    ours_gib = sum(user.used_gib for user in here if user.is_ours)
    others = [user for user in here if not user.is_ours]
    free_gib = sight.free_bytes / GIB + ours_gib
    if wanted != plans.AUTOMATIC:
        yield _wanted_plan(plan_called(wanted), free_gib, profile)
        return
    yield _chosen_plan(free_gib, sight.total_bytes / GIB, others, profile)


def _wanted_plan(plan: MemoryPlan, free_gib: float, profile: ModelProfile) -> Finding:
    words = f"{plan.name}, as IMAGEN_MEMORY_PLAN says"
    if free_gib < plan.least_gib:
        return warning(
            "plan",
            f"{words}: it wants {plan.least_gib:g} GiB, {free_gib:.1f} are free",
            "IMAGEN_MEMORY_PLAN=auto",
        )
    return ok("plan", f"{words}; {_largest(plan, free_gib, profile)}")


def _chosen_plan(
    free_gib: float, total_gib: float, others: Sequence[CardUser], profile: ModelProfile
) -> Finding:
    plan, best = choose_plan(free_gib), choose_plan(total_gib)
    taken = f"{sum(user.used_gib for user in others):.1f} GiB"
    if plan is None:
        who = f"; others hold {taken}" if others else ""
        return bad(
            "plan",
            f"{free_gib:.1f} GiB are free, the smallest wants {plans.PLANS[-1].least_gib}{who}",
            _ending(others) if others else "IMAGEN_MEMORY_PLAN=cpu, or a larger card",
        )
    words = f"{plan.name}, {_largest(plan, free_gib, profile)}"
    if best is not None and plan is not best and others:
        return warning("plan", f"{words}; {best.name} if others held no {taken}", _ending(others))
    return ok("plan", words)


def _largest(plan: MemoryPlan, free_gib: float, profile: ModelProfile) -> str:
    side = plan.largest_side(free_gib, profile.max_side)
    return f"pictures up to {side} x {side} px"


def _ending(others: Sequence[CardUser]) -> str:
    """How the card is freed of other programs."""
    largest = sorted(others, key=lambda user: user.used_gib, reverse=True)[:LISTED_USERS]
    listed = ", ".join(f"{user.name} with {user.used_gib:.1f} GiB" for user in largest)
    return f"kill {' '.join(str(user.pid) for user in largest)}  ({listed})"


def _shown(command: Sequence[str]) -> str:
    """As an operator types it in the folder of the code."""
    return " ".join([".venv/bin/python", *command[1:]])
