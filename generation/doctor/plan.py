"""Which memory plan a worker would choose that starts now, and how large its pictures can be."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.conf import settings

from generation.doctor.finding import Finding, bad, ok, warning
from generation.doctor.nvidia import CardUser
from generation.spec import plans
from generation.spec.card import TorchSight
from generation.spec.plans import GIB, MemoryPlan, choose_plan, plan_called
from generation.spec.profiles import ModelProfile

LISTED_USERS = 3
UNSEEN_GIB = 2.0
"""More than contexts and drivers take: somebody works there whom nvidia-smi does not list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A card's memory. free_gib: with what a worker of this host holds, as its successor finds it.

    unseen_gib: held by nobody that is listed, as in a container; most often by the worker.
    """

    total_gib: float
    free_gib: float
    unseen_gib: float
    others: Sequence[CardUser]

    @property
    def taken_gib(self) -> float:
        """By other programs."""
        return sum(user.used_gib for user in self.others)


def examine(
    sight: TorchSight, users: Sequence[CardUser], profile: ModelProfile
) -> Iterable[Finding]:
    """Nothing where there is no card and no plan is asked for. profile: what would be painted."""
    wanted = settings.IMAGEN_MEMORY_PLAN
    if wanted == plans.CPU.name:
        yield ok("plan", "cpu, as IMAGEN_MEMORY_PLAN says")
    elif sight.name:
        room = _room(sight, users)
        if wanted == plans.AUTOMATIC:
            yield _unknown_plan(room) or _chosen_plan(room, profile)
        else:
            yield _wanted_plan(plan_called(wanted), room, profile)
    elif wanted != plans.AUTOMATIC:
        words = f"IMAGEN_MEMORY_PLAN={wanted}, but no card is seen"
        yield bad("plan", words, "IMAGEN_MEMORY_PLAN=auto")


def _room(sight: TorchSight, users: Sequence[CardUser]) -> Room:
    here = [user for user in users if user.uuid == sight.uuid]
    total_gib, free_gib = sight.total_bytes / GIB, sight.free_bytes / GIB
    unseen_gib = total_gib - free_gib - sum(user.used_gib for user in here)
    return Room(
        total_gib=total_gib,
        free_gib=free_gib + sum(user.used_gib for user in here if user.is_ours),
        unseen_gib=unseen_gib if unseen_gib > UNSEEN_GIB else 0.0,
        others=[user for user in here if not user.is_ours],
    )


def _wanted_plan(plan: MemoryPlan, room: Room, profile: ModelProfile) -> Finding:
    words = f"{plan.name}, as IMAGEN_MEMORY_PLAN says"
    if room.free_gib + room.unseen_gib < plan.least_gib:
        return warning(
            "plan",
            f"{words}: it wants {plan.least_gib:g} GiB, {room.free_gib:.1f} are free",
            "IMAGEN_MEMORY_PLAN=auto",
        )
    return ok("plan", f"{words}; {_largest(plan, room.free_gib + room.unseen_gib, profile)}")


def _unknown_plan(room: Room) -> Finding | None:
    """None where all that is held is held by listed processes."""
    best = choose_plan(room.free_gib + room.unseen_gib)
    if not room.unseen_gib or best is None:
        return None
    words = f"{best.name}, if the {room.unseen_gib:.1f} GiB held unseen are the worker's"
    return ok("plan", words, "nvidia-smi  on the host tells whose they are")


def _chosen_plan(room: Room, profile: ModelProfile) -> Finding:
    plan, best = choose_plan(room.free_gib), choose_plan(room.total_gib)
    if plan is None:
        least_gib = plans.PLANS[-1].least_gib
        who = f"; others hold {room.taken_gib:.1f} GiB" if room.others else ""
        return bad(
            "plan",
            f"{room.free_gib:.1f} GiB are free, the smallest wants {least_gib:g}{who}",
            _ending(room.others) if room.others else "IMAGEN_MEMORY_PLAN=cpu, or a larger card",
        )
    words = f"{plan.name}, {_largest(plan, room.free_gib, profile)}"
    if best is not None and plan is not best and room.others:
        words += f"; {best.name} if others held no {room.taken_gib:.1f} GiB"
        return warning("plan", words, _ending(room.others))
    return ok("plan", words)


def _largest(plan: MemoryPlan, free_gib: float, profile: ModelProfile) -> str:
    side = plan.largest_side(free_gib, profile.max_side)
    return f"pictures up to {side} x {side} px"


def _ending(others: Sequence[CardUser]) -> str:
    """Who is to leave. Whether they may be ended is the operator's to know, so no `kill`."""
    largest = sorted(others, key=lambda user: user.used_gib, reverse=True)[:LISTED_USERS]
    listed = ", ".join(f"{user.name} (pid {user.pid}, {user.used_gib:.1f} GiB)" for user in largest)
    return f"end what the card can do without: {listed}"
