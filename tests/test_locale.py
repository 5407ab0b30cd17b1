"""The French catalogue is whole and compiled."""

import gettext
from pathlib import Path

from babel.messages.pofile import read_po

LOCALE = Path(__file__).resolve().parents[1] / "generation" / "locale"
PO = LOCALE / "fr" / "LC_MESSAGES" / "django.po"


def test_every_message_is_translated_and_compiled() -> None:
    compiled = gettext.translation("django", LOCALE, ["fr"])
    with PO.open("rb") as file:
        messages = [message for message in read_po(file) if message.id]
    assert len(messages) > 30
    for message in messages:
        assert message.string, message.id
        assert not message.fuzzy, message.id
        assert compiled.gettext(message.id) == message.string, "run `make messages`"


def test_no_obsolete_messages_are_kept() -> None:
    assert "#~" not in PO.read_text()


def test_templates_and_translations_name_the_same_values() -> None:
    def names(template: str) -> set[str]:
        return {part.split(")")[0] for part in template.split("%(")[1:]}

    with PO.open("rb") as file:
        for message in read_po(file):
            if message.id:
                assert names(message.id) == names(message.string), message.id
