"""Texts of Django templates for `make messages`: a Babel extractor."""

import io
from collections.abc import Iterable, Sequence
from typing import IO, Any

from babel.messages.extract import extract_javascript
from django.utils.translation.template import templatize


def extract_template(
    file: IO[bytes], keywords: Sequence[str], comment_tags: Sequence[str], options: dict[str, Any]
) -> Iterable[Any]:
    """The template's texts with their lines.

    Django blanks out all but the texts; what is left is no Python, but JavaScript's lexer bears it.
    """
    calls = io.BytesIO(templatize(file.read().decode()).encode())
    return extract_javascript(calls, keywords, comment_tags, options)
