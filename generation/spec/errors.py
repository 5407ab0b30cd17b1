"""Facts that can go wrong, each with a stable code and a sentence that can be translated.

A sentence is a template with named values, so that a door can translate the template and fill
it afterwards. `str(error)` is the English sentence.
"""

import dataclasses
from collections.abc import Mapping, Sequence


def gettext_noop(template: str) -> str:
    """Marks a template for the catalogues; returns it unchanged."""
    return template


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One field that cannot be accepted: its name, the value as it may be shown, and why."""

    field: str
    value: str
    template: str
    params: Mapping[str, object] = dataclasses.field(default_factory=dict)

    @property
    def values(self) -> dict[str, object]:
        """What the template may name."""
        return {"field": self.field, "value": self.value, **self.params}

    def __str__(self) -> str:
        return self.template % self.values


class InvalidRequest(Exception):
    """A request that was refused before it became a job. `errors` holds every field's reason.

    in_query: the fields stand in the address, not in a body.
    """

    def __init__(self, errors: Sequence[FieldError], *, in_query: bool = False) -> None:
        super().__init__(errors)
        self.errors = tuple(errors)
        self.in_query = in_query

    def __str__(self) -> str:
        return " ".join(str(error) for error in self.errors)


class ReferenceMissing(Exception):
    """There is no reference picture to follow; the template tells why, for the field's error."""

    def __init__(self, template: str, **params: object) -> None:
        super().__init__(template)
        self.template = template
        self.params = params


class UnknownProfile(Exception):
    """A profile name that nobody has defined."""

    def __init__(self, *, name: str, known: Sequence[str]) -> None:
        super().__init__(name)
        self.name = name
        self.known = tuple(known)

    def __str__(self) -> str:
        return f"there is no profile {self.name!r}; known profiles: {', '.join(self.known)}"


FAILURES: dict[str, str] = {
    "out_of_memory": gettext_noop(
        "The graphics memory was not enough, in several tries. Ask for a smaller picture."
    ),
    "does_not_fit": gettext_noop(
        "The graphics card is too small for this size. Ask for a smaller picture."
    ),
    "timeout": gettext_noop(
        "The picture took longer than this server allows. Ask for fewer steps or a smaller size."
    ),
    "worker_crashed": gettext_noop(
        "The painting process died several times on this picture. Retry it with other settings."
    ),
    "storage_failed": gettext_noop(
        "The picture was painted but could not be stored. Retry once the disk has room."
    ),
    "prompt_unreadable": gettext_noop(
        "The weighting in the prompt could not be read. Put a backslash before parentheses that"
        " are meant as text."
    ),
    "reference_unreadable": gettext_noop(
        "The reference picture could not be read. Ask for ip_strength 0, or tell the operator."
    ),
    "not_finite": gettext_noop(
        "The model produced values that are no colours. Retry it, or lower the guidance scale."
    ),
    "model_unavailable": gettext_noop(
        "The model of this profile could not be loaded. The operator finds the reason in the log."
    ),
    "internal_error": gettext_noop(
        "Something unexpected went wrong. The operator finds the reason in the log."
    ),
}
"""Each code that a failed job can carry, with what its owner reads."""


def failure_sentence(code: str) -> str:
    """What a failed job's owner reads; the row's code may be one of another release."""
    return FAILURES.get(code, FAILURES["internal_error"])


class GenerationError(Exception):
    """A run that failed for a known reason; `code` is one of FAILURES, the message is for logs."""

    code = "internal_error"


class OutOfMemory(GenerationError):
    """The device had no room. Worth another try, later."""

    code = "out_of_memory"


class DoesNotFit(GenerationError):
    """The card has too little memory for the asked size, now and in any further try."""

    code = "does_not_fit"


class PromptUnreadable(GenerationError):
    """The prompt's weighting is refused."""

    code = "prompt_unreadable"


class ReferenceUnreadable(GenerationError):
    """The reference picture is missing, another one, or no picture."""

    code = "reference_unreadable"


class NotFinite(GenerationError):
    """NaN or infinity where numbers belong: such a decode would be a black picture."""

    code = "not_finite"


class ModelUnavailable(GenerationError):
    """The weights are missing, damaged or of a kind that is refused."""

    code = "model_unavailable"


class DeadlinePassed(GenerationError):
    """The job ran longer than its time-out."""

    code = "timeout"


class StorageFailed(GenerationError):
    """The finished picture could not be written."""

    code = "storage_failed"


class StopGeneration(Exception):
    """Raised by a progress listener to end a run: cancelled, or the claim is lost."""
