"""A complete order for one picture, and the only way to build one from foreign input."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from generation.spec.errors import FieldError, InvalidRequest, gettext_noop
from generation.spec.limits import MAX_NESTING, MAX_SEED, SIZE_MULTIPLE, Limits
from generation.spec.profiles import ModelProfile
from generation.spec.weighting import nesting_depth

MAX_SHOWN_CHARS = 60
MAX_UNKNOWN_SHOWN = 10
FIELDS = (
    "prompt",
    "negative_prompt",
    "steps",
    "guidance_scale",
    "seed",
    "width",
    "height",
    "ip_strength",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """Everything that decides a picture; the same request paints the same picture again.

    width, height: pixels. guidance_scale: classifier-free guidance, 1 and below switch it off.
    seed: 0 to 2**53-1, always set. ip_strength: 0 to 1, the weight of the reference picture.
    profile: the name of a ModelProfile.
    """

    prompt: str
    negative_prompt: str
    width: int
    height: int
    steps: int
    guidance_scale: float
    seed: int
    ip_strength: float
    profile: str


def build_request(
    fields: Mapping[str, object], *, profile: ModelProfile, limits: Limits
) -> GenerationRequest:
    """Turn decoded input into a request; what is absent takes its default, the seed is drawn.

    Types are strict: nothing is coerced, clamped or ignored.
    Raises InvalidRequest with one error for every field that cannot be accepted.
    """
    reader = _FieldReader(fields)
    request = GenerationRequest(
        prompt=reader.text("prompt", limits.max_prompt_chars, required=True),
        negative_prompt=reader.text("negative_prompt", limits.max_prompt_chars),
        width=reader.side("width", profile),
        height=reader.side("height", profile),
        steps=reader.whole("steps", 1, limits.max_steps, limits.default_steps),
        guidance_scale=reader.number(
            "guidance_scale", 0.0, limits.max_guidance_scale, limits.default_guidance_scale
        ),
        seed=reader.seed(),
        ip_strength=reader.ip_strength(),
        profile=profile.name,
    )
    reader.refuse_unknown()
    if reader.errors:
        raise InvalidRequest(reader.errors)
    return request


def show_value(value: object) -> str:
    """The value as it may stand in a message: short, printable, never a broken encoding."""
    shown = repr(value).encode("utf-8", "backslashreplace").decode("utf-8")
    return shown if len(shown) <= MAX_SHOWN_CHARS else shown[: MAX_SHOWN_CHARS - 1] + "…"


class _FieldReader:
    """Reads one field after another and collects what is wrong with each."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        self.fields = fields
        self.errors: list[FieldError] = []

    def refuse(self, name: str, value: object, template: str, **params: object) -> None:
        shown = show_value(value)
        self.errors.append(FieldError(field=name, value=shown, template=template, params=params))

    def text(self, name: str, max_chars: int, *, required: bool = False) -> str:
        value = self.fields.get(name, "")
        if not isinstance(value, str):
            self.refuse(name, value, gettext_noop("%(field)s must be a text, not %(value)s."))
            return ""
        if required and not value.strip():
            template = gettext_noop(
                "%(field)s must hold words that describe the picture; it was %(value)s."
            )
            self.refuse(name, value, template)
        elif len(value) > max_chars:
            template = gettext_noop(
                "%(field)s has %(length)d characters, at most %(maximum)d are accepted: %(value)s."
            )
            self.refuse(name, value, template, length=len(value), maximum=max_chars)
        else:
            self._check_characters(name, value)
        return value

    def _check_characters(self, name: str, value: str) -> None:
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            template = gettext_noop(
                "%(field)s holds a NUL or a lone surrogate, which is no text; leave it out: "
                "%(value)s."
            )
            self.refuse(name, value, template)
        elif (depth := nesting_depth(value)) > MAX_NESTING:
            template = gettext_noop(
                "%(field)s nests parentheses %(depth)d deep, at most %(maximum)d are read; put a "
                "backslash before those that are meant as text: %(value)s."
            )
            self.refuse(name, value, template, depth=depth, maximum=MAX_NESTING)

    def whole(self, name: str, low: int, high: int, default: int) -> int:
        value = self.fields.get(name, default)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        template = gettext_noop(
            "%(field)s must be a whole number from %(low)d to %(high)d, not %(value)s."
        )
        self.refuse(name, value, template, low=low, high=high)
        return default

    def number(self, name: str, low: float, high: float, default: float) -> float:
        value = self.fields.get(name, default)
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            return float(value)
        template = gettext_noop(
            "%(field)s must be a number from %(low)g to %(high)g, not %(value)s."
        )
        self.refuse(name, value, template, low=low, high=high)
        return default

    def side(self, name: str, profile: ModelProfile) -> int:
        value = self.fields.get(name, profile.default_side)
        low, high = profile.min_side, profile.max_side
        if isinstance(value, int) and low <= value <= high and value % SIZE_MULTIPLE == 0:
            return value
        template = gettext_noop(
            "%(field)s must be a multiple of %(multiple)d from %(low)d to %(high)d pixels for the "
            "profile %(profile)s, not %(value)s."
        )
        self.refuse(
            name, value, template, multiple=SIZE_MULTIPLE, low=low, high=high, profile=profile.name
        )
        return profile.default_side

    def seed(self) -> int:
        """The given seed, or one drawn here when it is absent or null."""
        if self.fields.get("seed") is None:
            return secrets.randbelow(MAX_SEED + 1)
        return self.whole("seed", 0, MAX_SEED, 0)

    def ip_strength(self) -> float:
        strength = self.number("ip_strength", 0.0, 1.0, 0.0)
        if strength > 0:
            template = gettext_noop(
                "%(field)s was %(value)s, but this version cannot follow a reference picture yet; "
                "leave it out or send 0."
            )
            self.refuse("ip_strength", strength, template)
        return strength

    def refuse_unknown(self) -> None:
        unknown = [name for name in self.fields if name not in FIELDS]
        for name in unknown[:MAX_UNKNOWN_SHOWN]:
            template = gettext_noop(
                "%(field)s is no field of a request (its value was %(value)s); known are: "
                "%(known)s."
            )
            shown = show_value(name)[1:-1]
            self.refuse(shown, self.fields[name], template, known=", ".join(FIELDS))
