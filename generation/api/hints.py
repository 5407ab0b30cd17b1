"""What a reader is told about a prompt that the miniature was never shown, in their language."""

from dataclasses import dataclass
from functools import cached_property

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from generation import conf
from generation.spec.hints import NOTHING_KNOWN, Hint, hint_for, words_for
from generation.spec.profiles import ModelProfile

EXAMPLES = {
    "lights": ("sunset", "night", "storm"),
    "places": ("mountains", "sea", "castle"),
    "things": ("ship", "moon", "dragon"),
    "styles": ("watercolour", "oil", "ink"),
}
"""Concepts that a strong hint names, by the word of its sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A hint in words.

    code, words: as in spec.hints. sentences: what the matter is. remedy: which model would paint
    it. command: how an operator gets that one; empty for others, and where it is installed.
    other_model: the name of one that is; empty where none is.
    """

    code: str
    words: tuple[str, ...]
    sentences: tuple[str, ...]
    remedy: str
    command: str
    other_model: str

    @property
    def is_strong(self) -> bool:
        return self.code == NOTHING_KNOWN

    @property
    def detail(self) -> str:
        """All of it in a row."""
        return " ".join(filter(None, (*self.sentences, self.remedy, self.command)))


class Adviser:
    """Advises one reader; asks the disk about other models once, and only where it has to."""

    def __init__(self, *, is_operator: bool) -> None:
        self._is_operator = is_operator
        self._profiles = conf.profiles()

    def advise(
        self, profile_name: str, prompt: str, *, is_unfinished: bool = False
    ) -> Advice | None:
        """None where the model of that name paints anything, or knows every word.

        is_unfinished: as in spec.hints.
        """
        profile = self._profiles.get(profile_name)
        if profile is None or not profile.knows_only_its_world:
            return None
        hint = hint_for(prompt, is_unfinished=is_unfinished)
        if hint is None:
            return None
        return Advice(
            code=hint.code,
            words=hint.words,
            sentences=_sentences(hint),
            remedy=self.remedy,
            command=self.command,
            other_model=self.other_model,
        )

    @property
    def other_model(self) -> str:
        """The name of an installed model that paints anything; empty where there is none."""
        return self._other.name if self._other else ""

    @property
    def command(self) -> str:
        """How an operator gets one; empty for others, and where one is installed."""
        return self._sdxl.install_command if self._is_operator and not self._other else ""

    @cached_property
    def remedy(self) -> str:
        """Which model paints anything, and how this reader comes to it."""
        if self._other:
            named = {"title": self._other.title, "name": self._other.name}
            return _("%(title)s (profile %(name)s) paints anything.") % named
        named = {"name": self._sdxl.name}
        if self._is_operator:
            return _("The profile %(name)s paints anything; this command installs it:") % named
        template = _(
            "The profile %(name)s paints anything: ask the person who runs this service for it."
        )
        return template % named

    @cached_property
    def _other(self) -> ModelProfile | None:
        able = (each for each in self._profiles.values() if not each.knows_only_its_world)
        return next((profile for profile in able if profile.is_installed), None)

    @property
    def _sdxl(self) -> ModelProfile:
        return self._profiles["sdxl"]


def _sentences(hint: Hint) -> tuple[str, ...]:
    quoted = ", ".join(_("“%(word)s”") % {"word": word} for word in hint.words)
    if hint.code != NOTHING_KNOWN:
        told = ngettext(
            "The miniature knows landscapes only; the word %(words)s is not in its world. It"
            " paints the rest.",
            "The miniature knows landscapes only; the words %(words)s are not in its world. It"
            " paints the rest.",
            len(hint.words),
        )
        return (told % {"words": quoted},)
    if not quoted:
        return _("These words name nothing that the miniature knows."), _examples()
    told = ngettext(
        "The miniature knows landscapes only; your word %(words)s is not in its world.",
        "The miniature knows landscapes only; your words %(words)s are not in its world.",
        len(hint.words),
    )
    return told % {"words": quoted}, _examples()


def _examples() -> str:
    language = get_language() or "en"
    named = {
        group: ", ".join(words_for(concept, language)[0] for concept in concepts)
        for group, concepts in EXAMPLES.items()
    }
    return (
        _(
            "It knows, for example, light (%(lights)s), places (%(places)s), things (%(things)s)"
            " and styles (%(styles)s)."
        )
        % named
    )
