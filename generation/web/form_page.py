"""All that the form's template shows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.conf import settings
from django.utils.formats import get_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from generation import conf
from generation.api.hints import Advice, Adviser
from generation.jobs import queue, uploads
from generation.jobs.estimates import Forecast, forecast
from generation.models import UploadedReference
from generation.prompts import PromptReading, Token, read_prompt
from generation.spec.errors import FieldError, ModelUnavailable
from generation.spec.formats import FORMATS, PNG, FileFormat
from generation.spec.limits import Limits, Range
from generation.spec.profiles import ModelProfile
from generation.spec.weighting import WeightingRefused
from generation.uploads.rebuild import MAX_FILE_BYTES
from generation.web import once, orders

Form = dict[str, str]
SERVICE = "service"
LOST_REFERENCE = "lost_reference"
"""In the form of an order whose reference picture is no longer here."""
"""The choice of the reference that the operator offers; an upload is chosen by its number."""
MAX_SHOWN_TOKENS = 600

LABELS = {
    "prompt": gettext_lazy("The words"),
    "negative_prompt": gettext_lazy("What to avoid"),
    "width": gettext_lazy("Width"),
    "height": gettext_lazy("Height"),
    "steps": gettext_lazy("Steps"),
    "guidance_scale": gettext_lazy("Guidance"),
    "seed": gettext_lazy("Seed"),
    "ip_strength": gettext_lazy("Strength of the reference"),
    "profile": gettext_lazy("Model"),
    "output_format": gettext_lazy("File format"),
    "file": gettext_lazy("Reference picture"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeChoice:
    """One radio of the sizes."""

    key: str
    name: str
    width: int
    height: int
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Consecutive tokens of one weight in one chunk. starts_chunk: its number, or 0."""

    tokens: list[Token]
    weight: float
    starts_chunk: int


@dataclass(frozen=True, kw_only=True)
class FormPage:
    """What was typed, what is wrong with it, and what can be chosen."""

    form: Form
    user_id: int
    is_operator: bool = False
    errors: Sequence[FieldError] = ()
    notice: str = ""

    @cached_property
    def profile(self) -> ModelProfile:
        return orders.chosen_profile(self.form)

    @property
    def licence(self) -> str:
        """What the chosen model's licence forbids beyond SDXL's own; empty for most."""
        return _(self.profile.licence) if self.profile.licence else ""

    @cached_property
    def profiles(self) -> list[ModelProfile]:
        """What can be asked for; the default, whose remedy is shown, even when it is missing."""
        default = conf.profile().name
        known = conf.profiles().values()
        return [profile for profile in known if profile.is_installed or profile.name == default]

    @property
    def formats(self) -> Collection[FileFormat]:
        return FORMATS.values()

    @property
    def has_plain_format(self) -> bool:
        return self.values["output_format"] == PNG.name

    @property
    def missing_model(self) -> str:
        """The model of an order that is no longer here; empty where it is."""
        asked = self.form.get("profile", "")
        return asked if asked and asked != self.profile.name else ""

    @property
    def has_lost_reference(self) -> bool:
        return LOST_REFERENCE in self.form

    @cached_property
    def once(self) -> str:
        """What makes a form that is sent twice one job."""
        return once.draw()

    @property
    def max_file_mb(self) -> int:
        return MAX_FILE_BYTES >> 20

    @property
    def max_file_bytes(self) -> int:
        return MAX_FILE_BYTES

    @cached_property
    def limits(self) -> Limits:
        return conf.limits()

    @cached_property
    def values(self) -> Form:
        """What the fields hold: what was typed, else the default."""
        defaults = {
            "shape": "1x1",
            "ip_strength": f"{orders.DEFAULT_STRENGTH:g}",
            "output_format": PNG.name,
        }
        return defaults | orders.offered_values(self.profile) | self.form

    @cached_property
    def steps(self) -> Range[int]:
        return self.profile.steps(self.limits)

    @cached_property
    def guidance(self) -> Range[float]:
        return self.profile.guidance_scale(self.limits)

    @property
    def has_one_step_count(self) -> bool:
        """Whether the model always takes the same number of steps."""
        return self.steps.minimum == self.steps.maximum

    @property
    def offered_for(self) -> str:
        """The name of the field that says whose steps and guidance are offered."""
        return orders.OFFERED_FOR

    @property
    def shown_guidance(self) -> str:
        """With the language's decimal sign, for reading."""
        return self.values["guidance_scale"].replace(".", get_format("DECIMAL_SEPARATOR"))

    @cached_property
    def shapes(self) -> list[ShapeChoice]:
        choices = []
        for shape in orders.SHAPES:
            width, height = shape.at(self.profile)
            is_chosen = shape.key == self.values["shape"]
            choices.append(
                ShapeChoice(
                    key=shape.key,
                    name=_(shape.name),
                    width=width,
                    height=height,
                    is_chosen=is_chosen,
                )
            )
        return choices

    @cached_property
    def sentences(self) -> dict[str, list[str]]:
        """What is wrong, by field, in the reader's language and with the labels of the form."""
        sentences: dict[str, list[str]] = {}
        for error in self.errors:
            label = LABELS.get(error.field, error.field)
            label = pgettext("a field, at the start of a sentence", "%(label)s") % {"label": label}
            sentence = _(error.template) % (error.values | {"field": label})
            sentences.setdefault(error.field, []).append(sentence)
        return sentences

    @property
    def errors_title(self) -> str:
        count = len(self.sentences)
        title = ngettext("One setting needs a look", "%(count)d settings need a look", count)
        return title % {"count": count}

    @cached_property
    def uploads(self) -> list[UploadedReference]:
        return uploads.uploads_of(self.user_id)

    @cached_property
    def forecast(self) -> Forecast:
        """When the form's picture would be painted if it were sent now."""
        order = orders.read_likely(self.form)
        is_batch = orders.is_batch(self.form)
        return forecast(order, owner_id=self.user_id, is_batch=is_batch)

    @property
    def forecast_fields(self) -> str:
        """The names of the fields that the forecast depends on."""
        return " ".join(orders.FORECAST_FIELDS)

    @property
    def offers_batch(self) -> bool:
        """Whether letting others go first means anything here."""
        return settings.IMAGEN_FAIR

    @property
    def ahead(self) -> int:
        """How many wait before it."""
        return self.forecast.position - 1

    @property
    def is_painting(self) -> bool:
        """Whether a worker holds a job."""
        return queue.is_painting()

    @property
    def queue_limit(self) -> int:
        return settings.IMAGEN_QUEUE_LIMIT

    @cached_property
    def reading(self) -> PromptReading | None:
        """How the words will be read; None where that cannot be told (yet)."""
        words = self.form.get("prompt", "")[: self.limits.max_prompt_chars]
        if not self.profile.is_installed:
            return None
        try:
            return read_prompt(words, self.profile.folder)
        except (WeightingRefused, ModelUnavailable):
            return None

    @cached_property
    def advice(self) -> Advice | None:
        """What the model does not know of these words; None while they are just being begun."""
        words = self.form.get("prompt", "")[: self.limits.max_prompt_chars]
        is_typing = "typing" in self.form
        adviser = Adviser(is_operator=self.is_operator)
        advice = adviser.advise(self.profile.name, words, is_unfinished=is_typing)
        return advice if advice and advice.words else None

    @property
    def max_shown_tokens(self) -> int:
        return MAX_SHOWN_TOKENS

    @cached_property
    def passages(self) -> list[Passage]:
        """The words' tokens, as the lens draws them; the first MAX_SHOWN_TOKENS of them."""
        passages: list[Passage] = []
        for token in self.reading.words[:MAX_SHOWN_TOKENS] if self.reading else ():
            last = passages[-1].tokens[-1] if passages else None
            if last and (token.weight, token.chunk) == (last.weight, last.chunk):
                passages[-1].tokens.append(token)
            else:
                is_new = last is not None and token.chunk != last.chunk
                starts_chunk = token.chunk if is_new else 0
                passages.append(
                    Passage(tokens=[token], weight=token.weight, starts_chunk=starts_chunk)
                )
        return passages
