"""Whether any card has room for a picture, before it becomes a job."""

from django.db.models.functions import Now

from generation import conf
from generation.jobs.state import QUIET_AFTER
from generation.models import Worker
from generation.spec.errors import FieldError, InvalidRequest, gettext_noop
from generation.spec.plans import PLAN_NAMES, plan_called
from generation.spec.profiles import ModelProfile
from generation.spec.request import GenerationRequest, show_value

ON_ANY_DEVICE = "auto"
LESS_FITS = gettext_noop(
    "%(field)s: no graphics card of this server has room for %(width)d x %(height)d pixels;"
    " %(side)d x %(side)d fit."
)
NO_ROOM = gettext_noop(
    "%(field)s: no graphics card of this server has room for %(width)d x %(height)d pixels, nor for"
    " fewer; its operator can choose a smaller IMAGEN_MEMORY_PLAN."
)


def require_room(request: GenerationRequest) -> None:
    """Raises InvalidRequest for a size that no living worker's card is expected to hold.

    A worker that has not told its card, paints on the CPU, or has a plan of another release, is
    given the benefit of the doubt, and so is everybody while none lives.
    """
    profile = conf.profiles()[request.profile]
    if profile.device != ON_ANY_DEVICE:
        return
    cards = _cards_for(profile)
    if not cards or any(_fits(request, plan, gib) for plan, gib in cards):
        return
    has_reference = request.ip_strength > 0
    side = max(
        plan_called(plan).largest_side(gib, profile.max_side, has_reference=has_reference)
        for plan, gib in cards
    )
    template = NO_ROOM if side < profile.min_side else LESS_FITS
    params = {"width": request.width, "height": request.height, "side": side}
    shown = show_value(request.width)
    error = FieldError(field="width", value=shown, template=template, params=params)
    raise InvalidRequest([error])


def _cards_for(profile: ModelProfile) -> list[tuple[str, float]]:
    """Plan and memory in GiB of each living worker that serves the profile."""
    living = Worker.objects.filter(
        stopped_at__isnull=True,
        seen_at__gte=Now() - QUIET_AFTER,
        profiles__contains=[profile.name],
    )
    return list(living.values_list("memory_plan", "memory_gib"))


def _fits(request: GenerationRequest, plan: str, memory_gib: float) -> bool:
    return plan not in PLAN_NAMES or plan_called(plan).fits(
        request.width, request.height, memory_gib, has_reference=request.ip_strength > 0
    )
