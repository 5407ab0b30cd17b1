"""The form's dialect: texts as browsers send them, turned into the fields of a request."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from generation import conf
from generation.models import GenerationJob
from generation.spec.errors import InvalidRequest, gettext_noop
from generation.spec.limits import SIZE_MULTIPLE
from generation.spec.profiles import ModelProfile
from generation.spec.request import GenerationRequest, build_request

WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
NUMBER = re.compile(r"[+-]?[0-9]{1,9}([.,][0-9]{1,9})?")
SPACES = re.compile(r"\s")
WHOLE_FIELDS = ("width", "height", "steps", "seed")
NUMBER_FIELDS = ("guidance_scale", "ip_strength")
TEXT_FIELDS = ("prompt", "negative_prompt", "profile", "output_format")
FORECAST_FIELDS = (
    *("shape", "width", "height", "steps", "guidance_scale", "profile", "offered_for"),
    *("reference", "ip_strength", "priority"),
)
"""What place and time of an order depend on: no words."""
BATCH = "batch"
OFFERED_FOR = "offered_for"
"""Holds the name of the model whose steps and guidance the form offered when it was shown."""
DEFAULT_STRENGTH = 0.6
"""What the form offers once a reference is chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A proportion that can be chosen by name. width, height: pixels at a native side of 1024."""

    key: str
    name: str
    width: int
    height: int

    def at(self, profile: ModelProfile) -> tuple[int, int]:
        """Width and height for this profile: as many pixels as its native square has."""
        return _scaled(self.width, profile), _scaled(self.height, profile)


SHAPES = (
    Shape(key="1x1", name=gettext_noop("Square"), width=1024, height=1024),
    Shape(key="9x7", name=gettext_noop("Classic"), width=1152, height=896),
    Shape(key="7x9", name=gettext_noop("Portrait"), width=896, height=1152),
    Shape(key="19x13", name=gettext_noop("Landscape"), width=1216, height=832),
    Shape(key="13x19", name=gettext_noop("Tall"), width=832, height=1216),
    Shape(key="7x4", name=gettext_noop("Wide"), width=1344, height=768),
    Shape(key="4x7", name=gettext_noop("Phone"), width=768, height=1344),
    Shape(key="12x5", name=gettext_noop("Panorama"), width=1536, height=640),
    Shape(key="5x12", name=gettext_noop("Banner"), width=640, height=1536),
)
"""The sizes that SDXL was trained on most (arXiv:2307.01952, appendix I)."""


def read_form(form: Mapping[str, str], find_reference: Callable[[], str]) -> GenerationRequest:
    """Raises InvalidRequest with one error for every field that cannot be accepted.

    find_reference: the digest of the chosen reference; not called where the form chooses none.
    """
    return build_request(
        read_fields(form),
        profiles=conf.profiles(),
        default_profile=conf.profile().name,
        limits=conf.limits(),
        find_reference=find_reference,
    )


def read_likely(form: Mapping[str, str]) -> GenerationRequest:
    """What this form would order, whatever its words and its reference; for a forecast.

    Fields that cannot be accepted take their defaults.
    """
    given = {name: form[name] for name in FORECAST_FIELDS if name in form}
    fields = read_fields({**given, "prompt": "-"})
    try:
        return _build_likely(fields)
    except InvalidRequest as refused:
        wrong = {error.field for error in refused.errors}
        return _build_likely({name: fields[name] for name in fields.keys() - wrong})


def _build_likely(fields: Mapping[str, object]) -> GenerationRequest:
    return build_request(
        fields,
        profiles=conf.profiles(),
        default_profile=conf.profile().name,
        limits=conf.limits(),
        find_reference=str,
    )


def offered_values(profile: ModelProfile) -> dict[str, str]:
    """The steps and guidance that the form offers for this model, as its fields hold them."""
    limits = conf.limits()
    return {
        "steps": str(profile.steps(limits).default),
        "guidance_scale": f"{profile.guidance_scale(limits).default:g}",
    }


def follow_model(form: Mapping[str, str], *, is_shown_again: bool = False) -> dict[str, str]:
    """The form without the steps and guidance that were offered for another model than it names.

    What was left as it was offered takes the default of the model that is chosen now. What was
    typed stays, to be accepted or refused; in a form that is only shown again, it goes if the model
    cannot accept it.
    """
    before, now = conf.profiles().get(form.get(OFFERED_FOR, "")), chosen_profile(form)
    if before is None or before.name == now.name:
        return dict(form)
    unwanted = {name for name, value in offered_values(before).items() if form.get(name) == value}
    if is_shown_again:
        unwanted |= _unfit_fields(form, now)
    return {name: value for name, value in form.items() if name not in unwanted}


def with_model(form: Mapping[str, str], name: str) -> dict[str, str]:
    """The form for another model, in its own sizes: a shape stays, an exact size does not.

    Steps and guidance stay where they were typed and the model accepts them.
    """
    moved = {**form, "profile": name, OFFERED_FOR: chosen_profile(form).name}
    return follow_model(moved, is_shown_again=True) | {"width": "", "height": ""}


def is_batch(form: Mapping[str, str]) -> bool:
    """Whether others may go first."""
    return form.get("priority") == BATCH


def read_fields(form: Mapping[str, str]) -> dict[str, object]:
    """Numbers where the text is one, else the text itself, which is then refused by name.

    Spaces group digits, a comma may be the decimal sign; an empty field takes its default.
    """
    fields: dict[str, object] = {name: form[name] for name in TEXT_FIELDS if form.get(name)}
    fields["prompt"] = form.get("prompt", "").replace("\r\n", "\n")
    for name in WHOLE_FIELDS:
        if given := form.get(name, "").strip():
            fields[name] = _whole(given)
    for name in NUMBER_FIELDS:
        if given := form.get(name, "").strip():
            fields[name] = _number(given)
    if not form.get("reference"):
        fields["ip_strength"] = 0.0
    fields.setdefault("ip_strength", DEFAULT_STRENGTH)
    return _shape_sides(form) | fields


def as_form(job: GenerationJob) -> dict[str, str]:
    """An order as the form shows it."""
    request = job.request
    shape = shape_of(request.width, request.height, request.profile)
    return {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "shape": shape,
        "width": "" if shape else str(request.width),
        "height": "" if shape else str(request.height),
        "steps": str(request.steps),
        "guidance_scale": f"{request.guidance_scale:g}",
        "seed": str(request.seed),
        "profile": request.profile,
        OFFERED_FOR: request.profile,
        "output_format": request.output_format,
        "ip_strength": f"{request.ip_strength or DEFAULT_STRENGTH:g}",
        "priority": BATCH if job.is_batch else "",
    }


def shape_of(width: int, height: int, profile_name: str) -> str:
    """The key of the shape that has just this size; empty where none has."""
    profile = conf.profiles().get(profile_name) or conf.profile()
    return next((shape.key for shape in SHAPES if shape.at(profile) == (width, height)), "")


def chosen_profile(form: Mapping[str, str]) -> ModelProfile:
    """The form's profile; the server's default where it names none that is installed."""
    profile = conf.profiles().get(form.get("profile", ""))
    return profile if profile and profile.is_installed else conf.profile()


def _unfit_fields(form: Mapping[str, str], profile: ModelProfile) -> set[str]:
    """Which of steps and guidance the model would refuse."""
    limits = conf.limits()
    bounds = {"steps": profile.steps(limits), "guidance_scale": profile.guidance_scale(limits)}
    given = {name: _number(form.get(name, "")) for name in bounds}
    return {
        name
        for name, value in given.items()
        if not isinstance(value, float) or value not in bounds[name]
    }


def _shape_sides(form: Mapping[str, str]) -> dict[str, object]:
    profile = conf.profiles().get(form.get("profile", "")) or conf.profile()
    for shape in SHAPES:
        if shape.key == form.get("shape"):
            return dict(zip(("width", "height"), shape.at(profile), strict=True))
    return {}


def _scaled(pixels: int, profile: ModelProfile) -> int:
    return round(pixels * profile.default_side / 1024 / SIZE_MULTIPLE) * SIZE_MULTIPLE


def _whole(given: str) -> int | str:
    compact = SPACES.sub("", given)
    return int(compact) if WHOLE.fullmatch(compact) else given


def _number(given: str) -> float | str:
    compact = SPACES.sub("", given)
    return float(compact.replace(",", ".")) if NUMBER.fullmatch(compact) else given
