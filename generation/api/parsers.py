"""JSON from strangers: bounded in depth, and refused with 400 whatever is wrong with it."""

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from generation.api.errors import BodyTooLarge
from generation.spec.request import show_value

MAX_DEPTH = 20
_TOO_DEEP = gettext_lazy("The JSON is nested deeper than %d levels.")


class BoundedJSONParser(BaseParser):
    """Reads UTF-8 JSON. NaN and Infinity pass, so that the field they stand in can be named."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> object:
        maximum = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(maximum + 1)
        if len(body) > maximum:
            raise BodyTooLarge(maximum)
        try:
            value = json.loads(body.decode("utf-8"), object_pairs_hook=_refuse_twins)
        except UnicodeDecodeError as error:
            raise ParseError(_("The body is not UTF-8: %s.") % error) from error
        except RecursionError as error:
            raise ParseError(_TOO_DEEP % MAX_DEPTH) from error
        except ValueError as error:
            raise ParseError(_("The body is not JSON: %s.") % error) from error
        if _is_deeper(value, MAX_DEPTH):
            raise ParseError(_TOO_DEEP % MAX_DEPTH)
        return value


def _refuse_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The object; of two members with one name readers differ on which counts."""
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise ParseError(_("The JSON names %s twice in one object.") % show_value(name))
        members[name] = value
    return members


def _is_deeper(value: object, maximum: int) -> bool:
    """Whether lists and objects are nested deeper, without recursion."""
    level = [value]
    for _depth in range(maximum + 1):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return False
    return True
