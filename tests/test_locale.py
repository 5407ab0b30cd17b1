"""The French catalogue is whole and compiled."""

import gettext
from collections.abc import Sequence
from pathlib import Path

from babel.messages.catalog import Message
from babel.messages.pofile import read_po

LOCALE = Path(__file__).resolve().parents[1] / "generation" / "locale"
PO = LOCALE / "fr" / "LC_MESSAGES" / "django.po"


def test_every_message_is_translated_and_compiled() -> None:
    compiled = gettext.translation("django", LOCALE, ["fr"])
    with PO.open("rb") as file:
        messages = [message for message in read_po(file) if message.id]
    assert len(messages) > 400
    for message in messages:
        assert not message.fuzzy, message.id
        assert all(forms(message.string)), message.id
        assert shown(compiled, message) == list(forms(message.string)), "run `make messages`"


def forms(text: str | Sequence[str]) -> Sequence[str]:
    """Singular and plural, where there are two."""
    return [text] if isinstance(text, str) else text


def shown(compiled: gettext.NullTranslations, message: Message) -> list[str]:
    if message.context:
        return [compiled.pgettext(message.context, message.id)]
    if isinstance(message.id, str):
        return [compiled.gettext(message.id)]
    return [compiled.ngettext(*message.id, count) for count in (1, 2)]


def test_no_obsolete_messages_are_kept() -> None:
    assert "#~" not in PO.read_text()


def test_templates_and_translations_name_the_same_values() -> None:
    def names(template: str) -> set[str]:
        return {part.split(")")[0] for part in template.split("%(")[1:]}

    with PO.open("rb") as file:
        for message in read_po(file):
            if message.id:
                translated = {frozenset(names(text)) for text in forms(message.string)}
                assert translated <= {frozenset(names(text)) for text in forms(message.id)}
