"""A complete order for one picture, and the only way to build one from foreign input."""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from generation.spec.errors import FieldError, InvalidRequest, ReferenceMissing, gettext_noop
from generation.spec.formats import FORMATS, PNG
from generation.spec.limits import MAX_SEED, SIZE_MULTIPLE, Limits, Range
from generation.spec.profiles import ModelProfile
from generation.spec.weighting import WeightingRefused, read_fragments

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
    "profile",
    "output_format",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """Everything that decides a picture; the same request paints the same picture again.

    width, height: pixels. guidance_scale: classifier-free guidance, 1 and below switch it off.
    seed: 0 to 2**53-1, always set. profile: the name of a ModelProfile.
    ip_strength: 0 to 1, the weight of the reference picture; reference: the SHA-256 of its file,
    in hexadecimal, empty at strength 0. output_format: the name of a FileFormat.
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
    reference: str = ""
    output_format: str = PNG.name


def build_request(
    fields: Mapping[str, object],
    *,
    profiles: Mapping[str, ModelProfile],
    default_profile: str,
    limits: Limits,
    find_reference: Callable[[], str],
) -> GenerationRequest:
    """Turn decoded input into a request; what is absent takes its default, the seed is drawn.

    Types are strict: nothing is coerced, clamped or ignored.
    find_reference: called at a strength above 0; returns the SHA-256 of the picture to follow, or
    raises ReferenceMissing.
    Raises InvalidRequest with one error for every field that cannot be accepted.
    """
    reader = _FieldReader(fields)
    profile = reader.profile(profiles, default_profile)
    ip_strength, reference = reader.style(profile, find_reference)
    request = GenerationRequest(
        prompt=reader.text("prompt", limits.max_prompt_chars, required=True),
        negative_prompt=reader.text("negative_prompt", limits.max_prompt_chars),
        width=reader.side("width", profile),
        height=reader.side("height", profile),
        steps=reader.steps(profile, limits),
        guidance_scale=reader.guidance_scale(profile, limits),
        seed=reader.seed(),
        ip_strength=ip_strength,
        reference=reference,
        profile=profile.name,
        output_format=reader.choice("output_format", FORMATS, PNG.name),
    )
    reader.refuse_unknown(FIELDS)
    if reader.errors:
        raise InvalidRequest(reader.errors)
    return request


def read_prompt_fields(
    fields: Mapping[str, object],
    *,
    profiles: Mapping[str, ModelProfile],
    default_profile: str,
    limits: Limits,
) -> tuple[str, ModelProfile]:
    """A prompt alone, and the profile that is to read it. Raises InvalidRequest."""
    reader = _FieldReader(fields)
    profile = reader.profile(profiles, default_profile)
    prompt = reader.text("prompt", limits.max_prompt_chars, required=True)
    reader.refuse_unknown(("prompt", "profile"))
    if reader.errors:
        raise InvalidRequest(reader.errors)
    return prompt, profile


def show_value(value: object) -> str:
    """The value as it may stand in a message: short, printable, never a broken encoding."""
    shown = repr(value).encode("utf-8", "backslashreplace").decode("utf-8")
    return shown if len(shown) <= MAX_SHOWN_CHARS else shown[: MAX_SHOWN_CHARS - 1] + "…"


def _integral(value: object) -> object:
    """30.0 as 30, which it is in JSON: its numbers have one type."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class _FieldReader:
    """Reads one field after another and collects what is wrong with each."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        self.fields = fields
        self.errors: list[FieldError] = []

    def refuse(self, name: str, value: object, template: str, /, **params: object) -> None:
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
        else:
            self._check_weighting(name, value)

    def _check_weighting(self, name: str, value: str) -> None:
        try:
            read_fragments(value)
        except WeightingRefused as refusal:
            self.refuse(name, value, refusal.template, **refusal.params)

    def whole(self, name: str, bounds: Range[int], template: str = "", **params: object) -> int:
        """A whole number within bounds; template, params: an error that says more."""
        value = self.fields.get(name, bounds.default)
        number = _integral(value)
        if isinstance(number, int) and not isinstance(number, bool) and number in bounds:
            return number
        template = template or gettext_noop(
            "%(field)s must be a whole number from %(low)d to %(high)d, not %(value)s."
        )
        self.refuse(name, value, template, low=bounds.minimum, high=bounds.maximum, **params)
        return bounds.default

    def number(
        self, name: str, bounds: Range[float], template: str = "", **params: object
    ) -> float:
        """A number within bounds; template, params: an error that says more."""
        value = self.fields.get(name, bounds.default)
        if isinstance(value, int | float) and not isinstance(value, bool) and value in bounds:
            return float(value)
        template = template or gettext_noop(
            "%(field)s must be a number from %(low)g to %(high)g, not %(value)s."
        )
        self.refuse(name, value, template, low=bounds.minimum, high=bounds.maximum, **params)
        return bounds.default

    def steps(self, profile: ModelProfile, limits: Limits) -> int:
        bounds = profile.steps(limits)
        if profile.own_steps is None:
            return self.whole("steps", bounds)
        if bounds.minimum == bounds.maximum:
            template = gettext_noop(
                "%(field)s must be %(low)d, not %(value)s, for the profile %(profile)s: it was made"
                " for just so many. Leave it out, and it is %(default)d."
            )
        else:
            template = gettext_noop(
                "%(field)s must be a whole number from %(low)d to %(high)d, not %(value)s, for the"
                " profile %(profile)s. Leave it out, and it is %(default)d."
            )
        return self.whole("steps", bounds, template, profile=profile.name, default=bounds.default)

    def guidance_scale(self, profile: ModelProfile, limits: Limits) -> float:
        bounds = profile.guidance_scale(limits)
        if profile.own_guidance is None:
            return self.number("guidance_scale", bounds)
        template = gettext_noop(
            "%(field)s must be a number from %(low)g to %(high)g, not %(value)s, for the profile"
            " %(profile)s: it was made to paint without guidance. Leave it out, and it is"
            " %(default)g."
        )
        return self.number(
            "guidance_scale", bounds, template, profile=profile.name, default=bounds.default
        )

    def side(self, name: str, profile: ModelProfile) -> int:
        value = self.fields.get(name, profile.default_side)
        side = _integral(value)
        low, high = profile.min_side, profile.max_side
        if isinstance(side, int) and low <= side <= high and side % SIZE_MULTIPLE == 0:
            return side
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
        return self.whole("seed", Range(minimum=0, maximum=MAX_SEED, default=0))

    def profile(self, profiles: Mapping[str, ModelProfile], default: str) -> ModelProfile:
        """The named profile, or the default where none is named."""
        return profiles[self.choice("profile", profiles, default)]

    def choice(self, name: str, known: Collection[str], default: str) -> str:
        """One of the known words."""
        value = self.fields.get(name, default)
        if isinstance(value, str) and value in known:
            return value
        template = gettext_noop("%(field)s must be one of %(known)s, not %(value)s.")
        self.refuse(name, value, template, known=", ".join(known))
        return default

    def style(self, profile: ModelProfile, find_reference: Callable[[], str]) -> tuple[float, str]:
        """ip_strength, and the reference that it weighs: none at strength 0."""
        strength = self.number("ip_strength", Range(minimum=0.0, maximum=1.0, default=0.0))
        if strength == 0:
            return 0.0, ""
        if not profile.has_adapter:
            template = gettext_noop(
                "%(field)s was %(value)s, but the profile %(profile)s has no IP-Adapter and cannot "
                "follow a reference picture; leave it out or send 0."
            )
            self.refuse("ip_strength", strength, template, profile=profile.name)
            return 0.0, ""
        try:
            return strength, find_reference()
        except ReferenceMissing as missing:
            self.refuse("ip_strength", strength, missing.template, **missing.params)
            return 0.0, ""

    def refuse_unknown(self, known: Sequence[str]) -> None:
        unknown = [name for name in self.fields if name not in known]
        for name in unknown[:MAX_UNKNOWN_SHOWN]:
            template = gettext_noop(
                "%(field)s is no field of a request (its value was %(value)s); known are: "
                "%(known)s."
            )
            shown = show_value(name)[1:-1]
            self.refuse(shown, self.fields[name], template, known=", ".join(known))
