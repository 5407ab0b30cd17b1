"""The OpenAPI document and its page. Bounds are those of the running server."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, extend_schema
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

from generation import conf
from generation.api.orders import Priority
from generation.api.v1 import serializers
from generation.spec.formats import FORMATS, PNG
from generation.spec.limits import MAX_SEED, SIZE_MULTIPLE
from generation.spec.profiles import ModelProfile

PROBLEM = "application/problem+json"
ALWAYS = (401, 405, 503)
"""Without a token; another method; while the database is away."""
WITH_BODY = (415,)


def describe(
    summary: str,
    *,
    request: str | None = None,
    responses: Mapping[int, object],
    errors: Sequence[int] = (),
    parameters: Sequence[OpenApiParameter] = (),
) -> Callable[[Any], Any]:
    """What a view takes and answers.

    request: the name of a component that `complete` adds. responses: serializers, or the media
    types of bytes.
    """
    answers: dict[Any, Any] = {
        (status, *answer) if isinstance(answer, tuple) else status: (
            bytes if isinstance(answer, tuple) else answer
        )
        for status, answer in responses.items()
    }
    for code in {*errors, *ALWAYS, *(WITH_BODY if request else ())}:
        answers[code, PROBLEM] = serializers.ProblemSerializer
    body = {"$ref": f"#/components/schemas/{request}"}
    return extend_schema(
        summary=summary,
        request={"application/json": body} if request else None,
        responses=answers,
        parameters=list(parameters),
    )


def header(status: int, name: str, description: str) -> OpenApiParameter:
    """A header of an answer."""
    return OpenApiParameter(
        name, str, OpenApiParameter.HEADER, description=description, response=[status]
    )


class BearerScheme(OpenApiAuthenticationExtension):
    """How a token is sent."""

    target_class = "generation.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "`Authorization: Bearer img_…`; `Token` in its place is accepted too.",
        }


def only_native(endpoints: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The classic dialect is frozen as its clients know it; the README describes it."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/v1/")]


def complete(result: dict[str, Any], **kwargs: object) -> dict[str, Any]:
    """Adds the bodies, whose bounds depend on settings and installed profiles; each is required."""
    for item in result["paths"].values():
        for operation in item.values():
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
    result["components"]["schemas"] |= {
        "JobRequest": job_request(),
        "PromptRequest": _object({"prompt": _text(), "profile": _profile_name()}),
    }
    return result


def job_request() -> dict[str, Any]:
    """One shape a profile that is installed: sizes and style are the profile's own matter."""
    installed = [profile for profile in conf.profiles().values() if profile.is_installed]
    shapes = [_job_request(profile) for profile in installed]
    return shapes[0] if len(shapes) == 1 else {"anyOf": shapes}


def _job_request(profile: ModelProfile) -> dict[str, Any]:
    limits = conf.limits()
    steps, guidance = profile.steps(limits), profile.guidance_scale(limits)
    is_default = profile.name == conf.profile().name
    side = {
        "type": "integer",
        "minimum": profile.min_side,
        "maximum": profile.max_side,
        "multipleOf": SIZE_MULTIPLE,
        "default": profile.default_side,
    }
    properties = {
        "prompt": _text(),
        "negative_prompt": {
            "type": "string",
            "maxLength": limits.max_prompt_chars,
            "pattern": "^[^\\u0000]*$",
            "default": "",
        },
        "width": side,
        "height": side,
        "steps": _number("integer", steps.minimum, steps.maximum, steps.default),
        "guidance_scale": _number("number", guidance.minimum, guidance.maximum, guidance.default),
        "seed": {"type": ["integer", "null"], "minimum": 0, "maximum": MAX_SEED},
        "ip_strength": _number("number", 0, 1 if profile.has_adapter else 0, 0),
        "profile": {"type": "string", "enum": [profile.name]},
        "output_format": {
            "type": "string",
            "enum": list(FORMATS),
            "default": PNG.name,
            "description": serializers.FILE_FORMATS,
        },
        "priority": {
            "type": "string",
            "enum": Priority.values,
            "default": Priority.INTERACTIVE.value,
            "description": "batch lets everybody go first who waits for a picture, unless the "
            "server takes jobs as they came (IMAGEN_FAIR=0).",
        },
    }
    shape = _object(properties)
    if not is_default:
        shape["required"] = ["prompt", "profile"]
    return shape | {"title": profile.title}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": ["prompt"],
        "additionalProperties": False,
    }


def _text() -> dict[str, Any]:
    return {
        "type": "string",
        "maxLength": conf.limits().max_prompt_chars,
        "pattern": "^[^\\u0000]*[^\\s\\u0000\\u001c-\\u001f\\u0085][^\\u0000]*$",
        "description": "Never cut. Weights as in (snow)1.5, night++ or (snow:1.5).",
        "examples": ["a castle on a hill at noon, (snow)1.3"],
    }


def _profile_name() -> dict[str, Any]:
    names = [profile.name for profile in conf.profiles().values() if profile.is_installed]
    return {"type": "string", "enum": names}


def _number(kind: str, minimum: float, maximum: float, default: float) -> dict[str, Any]:
    return {"type": kind, "minimum": minimum, "maximum": maximum, "default": default}


class DocumentView(SpectacularJSONAPIView):
    """The document, for anybody: it holds nothing that is secret."""

    http_method_names = ("get", "head")

    authentication_classes = ()
    permission_classes = (AllowAny,)


# It shows a picture that was fetched there as a blob.
@method_decorator(csp_update({"img-src": ["blob:"]}), name="dispatch")
class DocsView(SpectacularSwaggerSplitView):
    """The document as a page, all of whose parts come from this server."""

    http_method_names = ("get", "head")

    authentication_classes = ()
    permission_classes = (AllowAny,)
    title = _("Imagen's API")
